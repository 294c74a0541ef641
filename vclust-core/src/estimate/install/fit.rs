//! The coefficients that fit what a site measured, and how its speed compares with our machine's.

use rustc_hash::FxHashMap;

use super::configure::Beta;
use super::effect::HEAVY;
use super::facts::{Configure, Facts};
use super::shipped::Coefficients;
use super::statistics::{InstallStatistics, PackageStatistics};
use super::unpack::{self, Sample, Theta};
use crate::estimate::robust::median;

/// Coefficients are fitted to no more than so many packages, those measured most often: hundreds
/// of them settle 34 coefficients, and the time of a fit stays bounded.
const MOST_PACKAGES: usize = 2000;

/// Coefficients, and logarithms of how much slower the site is than our machine.
#[derive(Debug, Clone)]
pub(super) struct Fit {
    pub(super) theta: Theta,
    pub(super) beta: Beta,
    /// At unpacking, at configuring, and at running long maintainer scripts beyond that.
    pub(super) unpack_speed: f64,
    pub(super) configure_speed: f64,
    pub(super) heavy_speed: f64,
}

impl Fit {
    /// What is known before anything was measured.
    pub(super) fn shipped() -> Self {
        let Coefficients { theta, beta, .. } = Coefficients::shipped().clone();
        Self { theta, beta, unpack_speed: 0.0, configure_speed: 0.0, heavy_speed: 0.0 }
    }

    /// Fits to the medians of packages. `ours` are those that were measured on our machine, by
    /// name; `facts` says what is known of any other.
    pub(super) fn of(
        statistics: &InstallStatistics,
        ours: &FxHashMap<String, Facts>,
        facts: impl Fn(&str, &str) -> Facts,
    ) -> Self {
        let mut fit = Self::shipped();
        let known: Vec<(&str, &PackageStatistics, Facts)> = most_measured(statistics)
            .into_iter()
            .map(|(name, package)| {
                let facts =
                    ours.get(name).cloned().unwrap_or_else(|| facts(name, &package.version));
                (name, package, facts)
            })
            .collect();
        let mut samples = Vec::with_capacity(known.len());
        let mut configured = FxHashMap::default();
        for (name, package, facts) in &known {
            if let Some(seconds) = package.unpack.median() {
                let count = package.unpack.count();
                samples.push(Sample { terms: facts.unpack, seconds, count });
            }
            if let Some(seconds) = package.configure.median() {
                configured.insert(*name, (&facts.configure, seconds));
            }
        }
        if !samples.is_empty() {
            fit.theta = unpack::fit(&samples, &Coefficients::shipped().theta);
            fit.unpack_speed =
                median(&mut ours.values().map(|it| ratio(&fit.theta, it)).collect::<Vec<_>>());
        }
        fit.configure_speed = fit.unpack_speed;
        if !configured.is_empty() {
            fit.fit_configure(&configured, ours);
        }
        fit
    }

    /// Fits to what the site configured and, at the site's speed, to what only we did.
    fn fit_configure(
        &mut self,
        configured: &FxHashMap<&str, (&Configure, f64)>,
        ours: &FxHashMap<String, Facts>,
    ) {
        let ours: Vec<(&str, &Configure, f64)> = ours
            .iter()
            .filter_map(|(name, it)| Some((name.as_str(), &it.configure, it.measured_configure?.0)))
            .collect();
        let medians: Vec<(&Configure, f64)> = configured.values().copied().collect();
        self.beta = Coefficients::shipped().beta.fit(&medians);
        for _ in 0..2 {
            let ratios =
                ours.iter().map(|(_, terms, seconds)| (self.beta.seconds(terms) / seconds).ln());
            let overall = median(&mut ratios.collect::<Vec<_>>());
            self.configure_speed = 0.5 * self.unpack_speed + 0.5 * overall;
            let factor = self.configure_speed.exp();
            let rest = ours.iter().filter(|(name, ..)| !configured.contains_key(name));
            let rest = rest.map(|(_, terms, seconds)| (*terms, seconds * factor));
            let all: Vec<_> = medians.iter().copied().chain(rest).collect();
            self.beta = Coefficients::shipped().beta.fit(&all);
        }
        // How much slower than ours long maintainer scripts are, over packages known to both.
        let factor = self.configure_speed.exp();
        let mut ratios: Vec<f64> = ours
            .iter()
            .filter_map(|(name, _, seconds)| Some((configured.get(name)?.1, seconds * factor)))
            .filter(|(site, _)| *site > HEAVY)
            .map(|(site, seconds)| (site / seconds).ln())
            .collect();
        let count = ratios.len() as f64;
        self.heavy_speed = (median(&mut ratios) * count / (count + 2.0)).clamp(-0.5, 0.5);
    }
}

fn ratio(theta: &Theta, facts: &Facts) -> f64 {
    (unpack::seconds(theta, &facts.unpack)
        / unpack::seconds(&Coefficients::shipped().theta, &facts.unpack))
    .ln()
}

/// The packages measured most often, by name where equally often, so that the order in which they
/// came does not matter.
fn most_measured(statistics: &InstallStatistics) -> Vec<(&str, &PackageStatistics)> {
    let mut packages: Vec<_> =
        statistics.packages.iter().map(|(name, package)| (name.as_str(), package)).collect();
    let order = |(name, package): &(&str, &PackageStatistics),
                 (other_name, other): &(&str, &PackageStatistics)| {
        other.unpack.count().total_cmp(&package.unpack.count()).then_with(|| name.cmp(other_name))
    };
    if packages.len() > MOST_PACKAGES {
        packages.select_nth_unstable_by(MOST_PACKAGES, order);
        packages.truncate(MOST_PACKAGES);
    }
    packages.sort_unstable_by(order);
    packages
}
