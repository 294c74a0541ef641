//! Our estimate of installs: what really costs time, and what each package has cost before.
//!
//! Unpacking costs a start, decoding and writing; configuring costs what the maintainer scripts
//! call. The coefficients of both are fitted to a site's history by robust regression with a ridge
//! towards the shipped ones, and each package then has effects of its own, shrunk towards the model
//! by the amount of its history. `docs/src/estimators.md` has the formulas and measured figures.

mod configure;
mod cost;
mod effect;
mod facts;
mod fit;
mod nodes;
mod scatter;
mod series;
mod shipped;
mod statistics;
mod tables;
mod totals;
mod unpack;

use std::sync::OnceLock;

use rustc_hash::{FxHashMap, FxHashSet};

use super::{Estimate, Estimator};
use crate::history::{InstallEvent, PackageVersion};
use crate::index::Index;
use effect::Effect;
use facts::Facts;
use fit::Fit;
use shipped::Coefficients;
use tables::Table;

pub use cost::{PackageCost, RunCost, RunScale};
pub(super) use facts::find_version;
pub use shipped::FittedPriors;
pub use statistics::InstallStatistics;

/// Standard deviation of the logarithm of an unknown site's speed, and of one run's speed.
const SITE_SPREAD: f64 = 0.4;
const RUN_SPREAD: f64 = 0.1;
/// A standard normal that leaves 5 % on each side.
const NORMAL_90: f64 = 1.645;

/// Packages to install on some nodes at once.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct InstallTask {
    /// The packages.
    pub packages: Vec<PackageVersion>,
    /// Number of nodes.
    pub nodes: u32,
}

impl From<&InstallEvent> for InstallTask {
    fn from(event: &InstallEvent) -> Self {
        Self { packages: event.packages.clone(), nodes: event.nodes }
    }
}

/// What the estimator knows before a site has measured anything.
#[derive(Debug, Clone, Default)]
pub struct Priors {
    unmeasured: FxHashSet<String>,
}

impl Priors {
    /// All that is shipped: coefficients, counts of files, what maintainer scripts call, and the
    /// seconds that some packages took on our own machine.
    #[must_use]
    pub fn shipped() -> Self {
        Self::default()
    }

    /// Forgets the seconds that these packages took on our machine: for evaluations that ask how
    /// well packages are predicted which nobody ever measured. What was counted of them stays.
    #[must_use]
    pub fn without_measurements_of<S: Into<String>>(
        mut self,
        packages: impl IntoIterator<Item = S>,
    ) -> Self {
        self.unmeasured.extend(packages.into_iter().map(Into::into));
        self
    }
}

/// Our estimator of installs.
///
/// It takes what it needs to know of packages from an index. Without any history it answers from
/// shipped priors, with intervals as wide as machines differ. A history with dpkg's steps teaches it
/// most; one with whole runs only is used, too.
///
/// Each event is folded into [`InstallStatistics`] and never read again. What single packages cost
/// is up to date at once; the coefficients behind them are refitted, from these statistics, whenever
/// the number of runs has grown by a sixteenth, so that learning stays fast however long the
/// history is.
#[derive(Debug, Clone)]
pub struct InstallEstimator<'a> {
    index: &'a Index,
    priors: Priors,
    statistics: InstallStatistics,
    /// Packages that were measured on our machine; looked up when first needed.
    ours: OnceLock<FxHashMap<String, Facts>>,
    /// How much wider or narrower than shipped intervals are.
    scatter: f64,
    fit: Fit,
    /// Number of runs that `fit` rests on.
    fitted_runs: u64,
}

impl<'a> InstallEstimator<'a> {
    /// An estimator that knows what `priors` say and takes sizes and dependencies from `index`.
    #[must_use]
    pub fn new(index: &'a Index, priors: Priors) -> Self {
        Self::with_statistics(index, priors, InstallStatistics::default())
    }

    /// An estimator that knows what another one learned. The index may be another one, too.
    #[must_use]
    pub fn with_statistics(
        index: &'a Index,
        priors: Priors,
        statistics: InstallStatistics,
    ) -> Self {
        let mut estimator = Self {
            index,
            priors,
            ours: OnceLock::new(),
            scatter: statistics.scatter.scale(),
            statistics,
            fit: Fit::shipped(),
            fitted_runs: 0,
        };
        if estimator.statistics.runs > 0 {
            estimator.refit();
        }
        estimator
    }

    /// What was learned, to be kept and given to [`InstallEstimator::with_statistics`].
    #[must_use]
    pub fn statistics(&self) -> &InstallStatistics {
        &self.statistics
    }

    /// Refits the coefficients to everything learned so far. [`Estimator::learn`] does so often
    /// enough; this is for who wants exactly the answers of an estimator made from the statistics.
    pub fn refit(&mut self) {
        let (index, priors) = (self.index, &self.priors);
        let ours = self.ours.get_or_init(|| measured_by_us(index, priors));
        self.fit = Fit::of(&self.statistics, ours, |name, version| {
            let package = PackageVersion { package: name.to_owned(), version: version.to_owned() };
            facts_of(index, priors, &package)
        });
        self.fitted_runs = self.statistics.runs;
    }

    /// Refits if the number of runs has grown by one part in so many.
    fn refit_after(&mut self, part: u64) {
        if (self.statistics.runs - self.fitted_runs) * part > self.fitted_runs {
            self.refit();
        }
    }

    /// What a package adds to a run, so that costs of many runs can be added up.
    #[must_use]
    pub fn package_cost(&self, package: &PackageVersion) -> PackageCost {
        self.with_totals(package, self.cost_by_steps(package))
    }

    /// A package's cost by steps, with what whole runs have taught.
    fn with_totals(&self, package: &PackageVersion, mut cost: PackageCost) -> PackageCost {
        let (effect, left) = self.statistics.totals.package(&package.package);
        let factor = effect.exp();
        cost.unpack_seconds *= factor;
        cost.configure_seconds *= factor;
        cost.variance *= factor * factor * left;
        cost
    }

    /// How the sums of a run become its seconds on so many nodes.
    #[must_use]
    pub fn run_scale(&self, nodes: u32) -> RunScale {
        let factor = self.statistics.totals.slowdown(nodes)
            * self.statistics.totals.speed(self.site_spread()).0.exp();
        let Coefficients { overhead, ldconfig, .. } = Coefficients::shipped();
        let (overhead, ldconfig) =
            (self.statistics.overhead(*overhead), self.statistics.trigger(*ldconfig));
        RunScale::new(factor, overhead, ldconfig)
    }

    /// How long a run takes on so many nodes. No packages take no time, nor do any on no nodes.
    #[must_use]
    pub fn run_estimate(&self, run: &RunCost, nodes: u32) -> Estimate {
        if nodes == 0 || run.packages == 0 {
            return Estimate::around(0.0, 0.0);
        }
        let Predicted { seconds, packages, known } = self.predicted(run, nodes);
        let deviation = self.scatter * scatter::variance(packages, known).sqrt();
        Estimate::around(seconds, NORMAL_90 * deviation * seconds)
    }

    /// A run's seconds and where their variance comes from.
    fn predicted(&self, run: &RunCost, nodes: u32) -> Predicted {
        let scale = self.run_scale(nodes);
        let (unpack, configure) = (run.unpack_seconds, run.configure_seconds);
        let seconds = scale.seconds(run.packages, unpack, configure, run.activates_ldconfig);
        // Most of the variance is that of unpacking, so it grows as that does.
        let factor = scale.factor() * scale.crowding(run.packages) / seconds;
        Predicted {
            seconds,
            packages: run.variance * factor * factor,
            known: self.statistics.totals.variance(seconds, self.site_spread(), nodes),
        }
    }

    /// What a package costs by what steps have taught.
    fn cost_by_steps(&self, package: &PackageVersion) -> PackageCost {
        let facts = facts_of(self.index, &self.priors, package);
        let site = self.statistics.packages.get(&package.package);
        let Effect { unpack_seconds, configure_seconds, variance } =
            Effect::of(&facts, &self.fit, site);
        let activates_ldconfig = facts.activates_ldconfig;
        PackageCost { unpack_seconds, configure_seconds, variance, activates_ldconfig }
    }

    /// How well the site's speed is known, as a standard deviation of its logarithm.
    fn site_spread(&self) -> f64 {
        let known = self.statistics.detailed_runs as f64 / RUN_SPREAD.powi(2);
        (1.0 / (1.0 / SITE_SPREAD.powi(2) + known)).sqrt()
    }

    fn learn_one(&mut self, event: &InstallEvent) {
        let costs: Vec<_> =
            event.packages.iter().map(|package| self.cost_by_steps(package)).collect();
        let both = event.packages.iter().zip(&costs);
        let run = both.map(|(package, cost)| self.with_totals(package, *cost)).collect();
        let predicted = self.predicted(&run, event.nodes);
        let spread = self.site_spread();
        let relative = scatter::variance(predicted.packages, predicted.known);
        self.statistics.scatter.add(event.seconds, predicted.seconds, relative);
        self.scatter = self.statistics.scatter.scale();
        if !event.steps.is_empty() {
            let slowdown = self.statistics.totals.slowdown_of(event, predicted.seconds, relative);
            self.statistics.add_steps(event, slowdown);
        }
        let variance = relative * predicted.seconds.powi(2);
        self.statistics.totals.learn(event, &costs, (predicted.seconds, variance), spread);
        self.statistics.runs += 1;
    }
}

/// A run's seconds, and relative variances: that of its packages, and that of the site's speed,
/// the number of nodes and the clock.
struct Predicted {
    seconds: f64,
    packages: f64,
    known: f64,
}

/// Facts of the packages that were measured on our machine, as far as the index has them.
fn measured_by_us(index: &Index, priors: &Priors) -> FxHashMap<String, Facts> {
    let names = Table::measured().names();
    let measured = names.filter_map(|name| {
        let version = index.find(name)?.versions().next()?.version().into_owned();
        let package = PackageVersion { package: name.to_owned(), version };
        let facts = facts_of(index, priors, &package);
        facts.measured_configure.is_some().then_some((package.package, facts))
    });
    measured.collect()
}

fn facts_of(index: &Index, priors: &Priors, package: &PackageVersion) -> Facts {
    let mut facts = Facts::of(index, package);
    if priors.unmeasured.contains(&package.package) {
        facts.measured_configure = None;
        facts.measured_unpack = None;
    }
    facts
}

impl Estimator for InstallEstimator<'_> {
    type Task = InstallTask;
    type Event = InstallEvent;

    fn name(&self) -> &'static str {
        "vclust: packages"
    }

    fn learn(&mut self, events: &[&InstallEvent]) {
        for event in events {
            // Nothing that could not have happened may enter what is kept for ever.
            if event.check().is_err() {
                continue;
            }
            self.learn_one(event);
            // Within many events a rougher fit does.
            self.refit_after(4);
        }
        self.refit_after(16);
    }

    fn estimate(&self, task: &InstallTask) -> Option<Estimate> {
        // Nothing to install takes no time; no nodes are no cluster.
        if task.nodes == 0 {
            return None;
        }
        let costs = task.packages.iter().map(|package| self.package_cost(package));
        Some(self.run_estimate(&costs.collect(), task.nodes))
    }
}
