//! How much longer dpkg takes in nodes than on the head node.
//!
//! Layers are installed on the head node, and `install` has the nodes do it: the same packages, but
//! another processor, perhaps an emulated one. What packages cost is learned from the head node's runs,
//! of which there are many and with dpkg's steps. Of nodes one number is learned for each hypervisor:
//! the mean logarithm of how much longer they took than the head node would have. It starts from none,
//! a normal distribution with mean 0 and standard deviation [`SPREAD`], and each run weighs as a normal
//! with standard deviation [`RUN_SPREAD`], the older ones less by [`KEPT`].

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

/// Standard deviation of the logarithm before any run: from hardware that virtualises for nothing to
/// emulation at a twentieth of the speed.
const SPREAD: f64 = 1.5;
/// Standard deviation of one run's logarithm.
const RUN_SPREAD: f64 = 0.2;
/// What an event still weighs after the next one: sites get other machines.
const KEPT: f64 = 0.9;
/// A standard normal that leaves 5 % on each side.
const NORMAL_90: f64 = 1.645;

/// How much longer dpkg takes in the nodes of each hypervisor than on the head node.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct NodeSpeed {
    hypervisors: BTreeMap<String, Runs>,
}

/// Sums over a hypervisor's runs.
#[derive(Debug, Clone, Copy, Default, PartialEq, Serialize, Deserialize)]
struct Runs {
    weight: f64,
    logarithms: f64,
}

/// A factor on seconds.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Slowdown {
    /// How many times longer everything takes.
    pub factor: f64,
    /// Half the 90 % interval of the factor, relative to it.
    pub relative_half_width: f64,
}

impl Slowdown {
    /// As fast as the head node, for certain.
    pub const NONE: Self = Self { factor: 1.0, relative_half_width: 0.0 };
}

impl NodeSpeed {
    /// Learns from a run in the nodes of a hypervisor that took `measured` seconds, where the head node
    /// would have taken `native` ones. Seconds that are not positive teach nothing.
    pub fn learn(&mut self, hypervisor: &str, measured: f64, native: f64) {
        let logarithm = (measured / native).ln();
        if !logarithm.is_finite() {
            return;
        }
        let runs = self.hypervisors.entry(hypervisor.to_owned()).or_default();
        runs.weight = runs.weight * KEPT + 1.0;
        runs.logarithms = runs.logarithms * KEPT + logarithm;
    }

    /// How much longer the nodes of a hypervisor take; where nothing is known of it, no longer.
    #[must_use]
    pub fn slowdown(&self, hypervisor: Option<&str>) -> Slowdown {
        let Some(runs) = hypervisor.and_then(|name| self.hypervisors.get(name)) else {
            return Slowdown::NONE;
        };
        let (prior, run) = (SPREAD.powi(-2), RUN_SPREAD.powi(-2));
        let known = prior + runs.weight * run;
        Slowdown {
            factor: (runs.logarithms * run / known).exp(),
            relative_half_width: NORMAL_90 * (1.0 / known).sqrt(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_run_teaches_most_and_later_ones_count_more() {
        let mut speed = NodeSpeed::default();
        assert_eq!(speed.slowdown(Some("qemu")), Slowdown::NONE);
        speed.learn("qemu", 160.0, 10.0);
        let after_one = speed.slowdown(Some("qemu"));
        assert!((14.5..16.0).contains(&after_one.factor), "{after_one:?}");
        assert!((0.3..0.35).contains(&after_one.relative_half_width), "{after_one:?}");
        for _ in 0..50 {
            speed.learn("qemu", 12.0, 10.0);
        }
        let later = speed.slowdown(Some("qemu"));
        assert!((1.19..1.23).contains(&later.factor), "{later:?}");
        assert!(later.relative_half_width < after_one.relative_half_width);
        // of others nothing is known
        assert_eq!(speed.slowdown(Some("xen")), Slowdown::NONE);
        assert_eq!(speed.slowdown(None), Slowdown::NONE);
    }

    #[test]
    fn impossible_seconds_teach_nothing() {
        let mut speed = NodeSpeed::default();
        for (measured, native) in [(0.0, 1.0), (1.0, 0.0), (-1.0, 1.0), (f64::NAN, 1.0)] {
            speed.learn("qemu", measured, native);
        }
        assert_eq!(speed, NodeSpeed::default());
    }
}
