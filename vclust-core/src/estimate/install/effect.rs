//! How a single package differs from the fitted model, shrunk towards it.

use super::facts::{Configure, Facts};
use super::fit::Fit;
use super::statistics::PackageStatistics;
use super::unpack;

/// Of 319 packages with a postinst that we measured, one in ten took 0.1 s more than the model says
/// and one in twenty 0.5 s, whatever their scripts call: seconds, as a standard deviation.
const UNFORESEEN: f64 = 0.15;
/// How far packages lie from the model, as standard deviations of logarithms: those whose .debs are
/// known, and the others.
const UNPACK_SPREAD: [f64; 2] = [0.20, 0.30];
const CONFIGURE_SPREAD: [f64; 2] = [0.7, 1.0];
/// Measurements worth as much as the model.
const UNPACK_SHRINKAGE: f64 = 0.4;
const CONFIGURE_SHRINKAGE: f64 = 0.15;
/// Variance of the logarithm of a package's next measurement, however often it was measured.
const UNPACK_NOISE: f64 = 0.08 * 0.08;
const CONFIGURE_NOISE: f64 = 0.12 * 0.12;
/// What one of our own measurements is worth beside one of the site's.
const SHIPPED_UNPACK: f64 = 0.4;
const SHIPPED_CONFIGURE: f64 = 1.5;
const MOST_SHIPPED: f64 = 3.0;
/// Seconds by which our own unpack times scatter: they were taken on a loaded machine, so those of
/// small packages say little.
const UNPACK_JITTER: f64 = 0.05;
/// Configuring that takes longer than this depends on the machine, not on the clock.
pub(super) const HEAVY: f64 = 0.02;

/// What one package costs by the steps that were measured of it, here and on our machine.
pub(super) struct Effect {
    pub(super) unpack_seconds: f64,
    pub(super) configure_seconds: f64,
    /// Of the two together.
    pub(super) variance: f64,
}

impl Effect {
    pub(super) fn of(facts: &Facts, fit: &Fit, site: Option<&PackageStatistics>) -> Self {
        let (unpack, unpack_variance) = unpack(facts, fit, site);
        let (configure, configure_variance) = configure(facts, fit, site);
        Self {
            unpack_seconds: unpack,
            configure_seconds: configure,
            variance: unpack_variance + configure_variance,
        }
    }
}

fn unpack(facts: &Facts, fit: &Fit, site: Option<&PackageStatistics>) -> (f64, f64) {
    let predicted = unpack::seconds(&fit.theta, &facts.unpack);
    let (mut sum, mut weight) = (0.0, 0.0);
    if let Some(site) = site {
        sum += site.unpack.log_excess(predicted);
        weight += site.unpack.count();
    }
    if let Some((seconds, runs)) = facts.measured_unpack {
        let excess = (seconds / predicted).ln() + fit.unpack_speed;
        let clear = seconds * seconds / (seconds * seconds + UNPACK_JITTER * UNPACK_JITTER);
        let worth = SHIPPED_UNPACK * clear * runs.min(MOST_SHIPPED);
        sum += worth * excess;
        weight += worth;
    }
    let spread = UNPACK_SPREAD[usize::from(!facts.scripts_known())];
    let (effect, left) = shrunk(sum, weight, UNPACK_SHRINKAGE, spread);
    let seconds = predicted * effect.exp();
    (seconds, seconds * seconds * (UNPACK_NOISE + left))
}

fn configure(facts: &Facts, fit: &Fit, site: Option<&PackageStatistics>) -> (f64, f64) {
    let predicted = fit.beta.seconds(&facts.configure);
    let (mut sum, mut weight) = (0.0, 0.0);
    if let Some(site) = site {
        sum += site.configure.log_excess(predicted);
        weight += site.configure.count();
    }
    if let Some((seconds, runs)) = facts.measured_configure {
        let seconds = seconds * fit.configure_speed.exp();
        let heavy = if seconds > HEAVY { fit.heavy_speed } else { 0.0 };
        let worth = SHIPPED_CONFIGURE * runs.min(MOST_SHIPPED);
        sum += worth * ((seconds / predicted).ln() + heavy);
        weight += worth;
    }
    let spread = CONFIGURE_SPREAD[usize::from(!facts.scripts_known())];
    let (effect, left) = shrunk(sum, weight, CONFIGURE_SHRINKAGE, spread);
    let seconds = predicted * effect.exp();
    let unforeseen =
        if weight > 0.0 { 0.0 } else { facts.unforeseen() * fit.configure_speed.exp() };
    (seconds, seconds * seconds * (CONFIGURE_NOISE + left).exp_m1() + unforeseen * unforeseen)
}

/// A package's effect and the variance that is left, from the `sum` of measurements that weigh
/// `weight`, drawn to zero as `shrinkage` measurements would.
///
/// Packages lie about the model like Student's t of three degrees of freedom, not like a normal:
/// a few have maintainer scripts that do something else altogether. So one that was measured far
/// from the model is drawn to it less (the weight of the t's scale mixture).
fn shrunk(sum: f64, weight: f64, shrinkage: f64, spread: f64) -> (f64, f64) {
    if weight <= 0.0 {
        return (0.0, spread * spread);
    }
    let distance = sum / weight / spread;
    let pull = shrinkage * (4.0 / (3.0 + distance * distance)).min(1.0);
    (sum / (weight + pull), shrinkage * spread * spread / (weight + pull))
}

impl Facts {
    fn scripts_known(&self) -> bool {
        matches!(self.configure, Configure::Scripts(_))
    }

    /// Standard deviation in seconds of what a maintainer script may do that no count tells.
    fn unforeseen(&self) -> f64 {
        match self.configure {
            Configure::Scripts(terms) if terms[1] > 0.0 => UNFORESEEN,
            Configure::Scripts(_) => 0.0,
            // One package in five has a postinst.
            Configure::ByIndex(_) => UNFORESEEN * 0.2_f64.sqrt(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_measured_far_from_the_model_is_drawn_to_it_less() {
        let (unknown, spread) = shrunk(0.0, 0.0, 0.15, 0.7);
        assert!(unknown.abs() < 1e-12 && (spread - 0.49).abs() < 1e-12);
        let (near, after_one) = shrunk(0.1, 1.0, 0.15, 0.7);
        let (far, _) = shrunk(5.0, 1.0, 0.15, 0.7);
        assert!((near / 0.1 - 1.0 / 1.15).abs() < 1e-9, "{near}");
        assert!(far / 5.0 > 0.98, "{far}");
        let (_, after_ten) = shrunk(1.0, 10.0, 0.15, 0.7);
        assert!(after_ten < after_one && after_one < spread);
    }
}
