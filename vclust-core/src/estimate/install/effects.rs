//! How single packages differ from the fitted model, with shrinkage towards it.

use rustc_hash::FxHashMap;

use super::configure::{self, Beta};
use super::facts::Facts;
use super::seen::Seen;
use super::unpack::{self, Sample, Theta};
use crate::estimate::robust::median;

/// Measurements worth as much as the model: unpack and configure.
pub(super) const UNPACK_SHRINKAGE: f64 = 0.4;
pub(super) const CONFIGURE_SHRINKAGE: f64 = 0.15;
/// What one of our own measurements is worth beside one of the site's.
const SHIPPED_UNPACK: f64 = 0.4;
const SHIPPED_CONFIGURE: f64 = 1.5;
const MOST_SHIPPED: f64 = 3.0;
/// Our unpack times count only where they are this far off the model, in logarithms.
const OUTLYING: f64 = 0.45;
/// Configuring that takes longer than this depends on the machine, not on the clock.
const HEAVY: f64 = 0.02;

/// How one package differs: logarithms, with the weight of what they rest on.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Effect {
    pub(super) unpack: f64,
    pub(super) unpack_weight: f64,
    pub(super) configure: f64,
    pub(super) configure_weight: f64,
}

/// Everything fitted to what a site measured.
#[derive(Debug, Clone)]
pub(super) struct Fit {
    pub(super) theta: Theta,
    pub(super) beta: Beta,
    pub(super) effects: FxHashMap<String, Effect>,
}

/// Fits coefficients to the medians of `seen` packages, then effects of packages. `facts` holds all
/// packages that were measured, here or by us.
pub(super) fn fit(seen: &Seen, facts: &FxHashMap<String, Facts>) -> Fit {
    let mut samples = Vec::new();
    let mut configured = FxHashMap::default();
    for (name, package) in &seen.packages {
        let Some(known) = facts.get(name) else { continue };
        if package.unpack.count() > 0.0 {
            samples.push(Sample {
                terms: known.unpack,
                seconds: package.unpack.median(),
                count: package.unpack.count(),
            });
        }
        if package.configure.count() > 0.0 {
            configured.insert(name.as_str(), package.configure.median());
        }
    }
    let theta = unpack::fit(&samples, &unpack::SHIPPED);
    let ours: Vec<(&str, &Facts, f64)> = facts
        .iter()
        .filter_map(|(name, known)| Some((name.as_str(), known, known.measured_configure?.0)))
        .collect();
    // Our measurements are at the speed of the shipped coefficients; bring them to the site's.
    let speed = median(
        &mut facts
            .values()
            .filter(|known| known.measured_configure.is_some())
            .map(|known| ratio(&theta, &unpack::SHIPPED, known))
            .collect::<Vec<_>>(),
    );
    let mut beta = configure::SHIPPED;
    let mut configure_speed = speed;
    if !configured.is_empty() {
        let medians: Vec<_> =
            configured.iter().map(|(name, seconds)| (&facts[*name].configure, *seconds)).collect();
        beta = beta.fit(&medians);
        for _ in 0..2 {
            let mut ratios: Vec<f64> = ours
                .iter()
                .map(|(_, known, seconds)| (beta.seconds(&known.configure) / seconds).ln())
                .collect();
            configure_speed = 0.5 * speed + 0.5 * median(&mut ratios);
            let rest = ours.iter().filter(|(name, ..)| !configured.contains_key(name));
            let rest =
                rest.map(|(_, known, seconds)| (&known.configure, seconds * configure_speed.exp()));
            let all: Vec<_> = medians.iter().copied().chain(rest).collect();
            beta = configure::SHIPPED.fit(&all);
        }
    }
    let heavy = heavy_ratio(&ours, &configured, configure_speed);
    let speeds = Speeds { unpack: speed, configure: configure_speed, heavy };
    let effects = facts
        .iter()
        .map(|(name, known)| (name.clone(), effect(seen, name, known, &theta, &beta, &speeds)))
        .collect();
    Fit { theta, beta, effects }
}

/// Logarithms of how much slower the site is than our machine.
struct Speeds {
    unpack: f64,
    configure: f64,
    heavy: f64,
}

fn ratio(theta: &Theta, base: &Theta, facts: &Facts) -> f64 {
    (unpack::seconds(theta, &facts.unpack) / unpack::seconds(base, &facts.unpack)).ln()
}

/// How much slower than ours long maintainer scripts are, over packages known to both.
fn heavy_ratio(ours: &[(&str, &Facts, f64)], configured: &FxHashMap<&str, f64>, speed: f64) -> f64 {
    let mut ratios: Vec<f64> = ours
        .iter()
        .filter_map(|(name, _, seconds)| Some((*configured.get(name)?, seconds * speed.exp())))
        .filter(|(site, _)| *site > HEAVY)
        .map(|(site, seconds)| (site / seconds).ln())
        .collect();
    let count = ratios.len() as f64;
    (median(&mut ratios) * count / (count + 2.0)).clamp(-0.5, 0.5)
}

fn effect(
    seen: &Seen,
    name: &str,
    facts: &Facts,
    theta: &Theta,
    beta: &Beta,
    speeds: &Speeds,
) -> Effect {
    let package = seen.packages.get(name);
    let mut effect = Effect::default();
    let (mut sum, mut weight) = (0.0, 0.0);
    let predicted = unpack::seconds(theta, &facts.unpack);
    if let Some(package) = package {
        sum += package.unpack.log_excess(predicted);
        weight += package.unpack.count();
    }
    if let Some((seconds, runs)) = facts.measured_unpack {
        let excess = (seconds / predicted).ln() + speeds.unpack;
        if excess.abs() > OUTLYING {
            let worth = SHIPPED_UNPACK * runs.min(MOST_SHIPPED);
            sum += worth * excess;
            weight += worth;
        }
    }
    effect.unpack = sum / (weight + UNPACK_SHRINKAGE);
    effect.unpack_weight = weight;
    let (mut sum, mut weight) = (0.0, 0.0);
    let predicted = beta.seconds(&facts.configure);
    if let Some(package) = package {
        sum += package.configure.log_excess(predicted);
        weight += package.configure.count();
    }
    if let Some((seconds, runs)) = facts.measured_configure {
        let seconds = seconds * speeds.configure.exp();
        let heavy = if seconds > HEAVY { speeds.heavy } else { 0.0 };
        let worth = SHIPPED_CONFIGURE * runs.min(MOST_SHIPPED);
        sum += worth * ((seconds / predicted).ln() + heavy);
        weight += worth;
    }
    effect.configure = sum / (weight + CONFIGURE_SHRINKAGE);
    effect.configure_weight = weight;
    effect
}
