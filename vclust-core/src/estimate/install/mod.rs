//! Our estimate of installs: what really costs time, and what each package has cost before.
//!
//! Unpacking costs a start, decoding and writing; configuring costs what the maintainer scripts
//! call. The coefficients of both are fitted to a site's history by robust regression with a ridge
//! towards the shipped ones, and each package then has effects of its own, shrunk towards the model
//! by the amount of its history. `docs/src/estimators.md` has the formulas and measured figures.

mod configure;
mod cost;
mod effects;
mod facts;
mod seen;
mod tables;
mod totals;
mod unpack;

use rustc_hash::{FxHashMap, FxHashSet};

use super::{Estimate, Estimator};
use crate::history::{InstallEvent, PackageVersion};
use crate::index::Index;
use effects::{CONFIGURE_SHRINKAGE, Effect, Fit, UNPACK_SHRINKAGE};
use facts::{Configure, Facts};
use seen::Seen;
use tables::Table;
use totals::Totals;

pub use cost::{PackageCost, RunCost, RunScale};
pub(super) use facts::find_version;

/// Seconds of a run outside its packages, and of the ldconfig trigger, on our machine.
const OVERHEAD: f64 = 0.0253;
const LDCONFIG: f64 = 0.0203;
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
#[derive(Debug, Clone)]
pub struct InstallEstimator<'a> {
    index: &'a Index,
    priors: Priors,
    seen: Seen,
    facts: FxHashMap<String, Facts>,
    totals: Totals,
    fit: Fit,
}

impl<'a> InstallEstimator<'a> {
    /// An estimator that knows what `priors` say and takes sizes and dependencies from `index`.
    #[must_use]
    pub fn new(index: &'a Index, priors: Priors) -> Self {
        let names = Table::debs().names();
        let measured = names.filter_map(|name| {
            let version = index.find(name)?.versions().next()?;
            let package = PackageVersion {
                package: name.to_owned(),
                version: version.version().into_owned(),
            };
            let facts = facts_of(index, &priors, &package);
            facts.measured_configure.is_some().then(|| (name.to_owned(), facts))
        });
        let facts: FxHashMap<String, Facts> = measured.collect();
        let seen = Seen::default();
        let fit = effects::fit(&seen, &facts);
        Self { index, priors, seen, facts, totals: Totals::default(), fit }
    }

    /// What a package adds to a run, so that costs of many runs can be added up.
    #[must_use]
    pub fn package_cost(&self, package: &PackageVersion) -> PackageCost {
        let mut cost = self.cost_by_steps(package);
        let (effect, left) = self.totals.package(&package.package);
        let factor = effect.exp();
        cost.unpack_seconds *= factor;
        cost.configure_seconds *= factor;
        cost.variance *= factor * factor * left;
        cost
    }

    /// How the sums of a run become its seconds on so many nodes.
    #[must_use]
    pub fn run_scale(&self, nodes: u32) -> RunScale {
        let factor = self.totals.slowdown(nodes) * self.totals.speed(self.site_spread()).0.exp();
        RunScale::new(factor, self.seen.overhead(OVERHEAD), self.seen.trigger(LDCONFIG))
    }

    /// How long a run takes on so many nodes. No packages take no time, nor do any on no nodes.
    #[must_use]
    pub fn run_estimate(&self, run: &RunCost, nodes: u32) -> Estimate {
        if nodes == 0 || run.packages == 0 {
            return Estimate::around(0.0, 0.0);
        }
        let (seconds, variance) = self.predicted(run, nodes);
        Estimate::around(seconds, NORMAL_90 * variance.sqrt())
    }

    /// Seconds of a run and their variance.
    fn predicted(&self, run: &RunCost, nodes: u32) -> (f64, f64) {
        let scale = self.run_scale(nodes);
        let (unpack, configure) = (run.unpack_seconds, run.configure_seconds);
        let seconds = scale.seconds(run.packages, unpack, configure, run.activates_ldconfig);
        // Most of the variance is that of unpacking, so it grows as that does.
        let packages = run.variance * (scale.factor() * scale.crowding(run.packages)).powi(2);
        (seconds, self.totals.variance(seconds, packages, self.site_spread(), nodes))
    }

    /// What a package costs by what steps have taught.
    fn cost_by_steps(&self, package: &PackageVersion) -> PackageCost {
        let facts = facts_of(self.index, &self.priors, package);
        let effect = self.fit.effects.get(&package.package).copied().unwrap_or_default();
        let Effect { unpack, unpack_weight, configure, configure_weight } = effect;
        let unpack = unpack::seconds(&self.fit.theta, &facts.unpack) * unpack.exp();
        let configure = self.fit.beta.seconds(&facts.configure) * configure.exp();
        // How far packages lie from the model, more where their scripts are not known.
        let (unpack_spread, configure_spread) = match facts.configure {
            Configure::Scripts(_) => (0.20_f64, 0.7_f64),
            Configure::ByIndex(_) => (0.30, 1.0),
        };
        let of_unpack =
            0.08_f64.powi(2) + unpack_spread.powi(2) / (1.0 + unpack_weight / UNPACK_SHRINKAGE);
        let of_configure = 0.12_f64.powi(2)
            + configure_spread.powi(2) / (1.0 + configure_weight / CONFIGURE_SHRINKAGE);
        PackageCost {
            unpack_seconds: unpack,
            configure_seconds: configure,
            variance: unpack * unpack * of_unpack + configure * configure * of_configure.exp_m1(),
            activates_ldconfig: facts.activates_ldconfig,
        }
    }

    /// How well the site's speed is known, as a standard deviation of its logarithm.
    fn site_spread(&self) -> f64 {
        let known = self.seen.runs as f64 / RUN_SPREAD.powi(2);
        (1.0 / (1.0 / SITE_SPREAD.powi(2) + known)).sqrt()
    }

    fn remember(&mut self, event: &InstallEvent) {
        for package in &event.packages {
            if !self.facts.contains_key(&package.package) {
                let facts = facts_of(self.index, &self.priors, package);
                self.facts.insert(package.package.clone(), facts);
            }
        }
    }
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
            self.remember(event);
            if !event.steps.is_empty() {
                self.seen.add(event, self.totals.slowdown(event.nodes));
            }
        }
        self.fit = effects::fit(&self.seen, &self.facts);
        for event in events {
            let costs: Vec<_> =
                event.packages.iter().map(|package| self.cost_by_steps(package)).collect();
            let run = event.packages.iter().map(|package| self.package_cost(package)).collect();
            let predicted = self.predicted(&run, event.nodes);
            self.totals.learn(event, &costs, predicted, self.site_spread());
        }
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
