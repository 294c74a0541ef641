//! What whole runs teach where steps were not measured.

use rustc_hash::FxHashMap;
use serde::{Deserialize, Serialize};

use super::nodes::Nodes;
use super::{PackageCost, RUN_SPREAD};
use crate::history::InstallEvent;

/// Scatter of a whole run: relative, and of the clock in seconds.
const RUN_NOISE: f64 = 0.045;
const CLOCK_NOISE: f64 = 0.006;

/// Effects learned from whole runs.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub(super) struct Totals {
    /// Logarithm of the site's speed: sum and count of what runs without steps say.
    speed: (f64, f64),
    /// By package: logarithm of its effect, and the share of its variance that is left.
    packages: FxHashMap<String, (f64, f64)>,
    nodes: Nodes,
}

impl Totals {
    /// How much slower each of some nodes installs than one alone.
    pub(super) fn slowdown(&self, nodes: u32) -> f64 {
        self.nodes.slowdown(nodes).0
    }

    /// How much slower a run was than on one node: of what it took longer than `predicted`, with a
    /// relative `variance`, the number of nodes is blamed for as much as is uncertain about it.
    pub(super) fn slowdown_of(&self, event: &InstallEvent, predicted: f64, variance: f64) -> f64 {
        let (slowdown, uncertain) = self.nodes.slowdown(event.nodes);
        slowdown * (event.seconds / predicted).powf(uncertain / variance.max(uncertain))
    }

    /// Logarithm of a package's effect, and the share of its variance that is left.
    pub(super) fn package(&self, name: &str) -> (f64, f64) {
        self.packages.get(name).copied().unwrap_or((0.0, 1.0))
    }

    /// Relative variance of a run of so many seconds that the site's speed, which is known to within
    /// `spread`, the number of nodes and the clock explain.
    pub(super) fn variance(&self, seconds: f64, spread: f64, nodes: u32) -> f64 {
        self.speed(spread).1
            + self.nodes.slowdown(nodes).1
            + (CLOCK_NOISE / seconds.max(CLOCK_NOISE)).powi(2)
    }

    /// Logarithm of the site's speed and its variance, shrunk to 0, which `spread` is known of.
    pub(super) fn speed(&self, spread: f64) -> (f64, f64) {
        let precision = spread.powi(-2) + self.speed.1 / RUN_SPREAD.powi(2);
        (self.speed.0 / RUN_SPREAD.powi(2) / precision, precision.recip())
    }

    /// Learns from a run: its speed and its packages where it has no steps, and what its number of
    /// nodes costs.
    ///
    /// `costs` are those of its packages before whole runs, `predicted` its seconds and their
    /// variance, `spread` that of the logarithm of the site's speed.
    pub(super) fn learn(
        &mut self,
        event: &InstallEvent,
        costs: &[PackageCost],
        (predicted, variance): (f64, f64),
        spread: f64,
    ) {
        // Held within what can be believed, so that one wild run moves little.
        let deviation = (variance.sqrt() / predicted).clamp(0.05, 1.0);
        let log_excess = (event.seconds / predicted).ln().clamp(-3.0 * deviation, 3.0 * deviation);
        self.nodes.add(event.nodes, (event.seconds / predicted).ln());
        if !event.steps.is_empty() {
            return;
        }
        let (speed, speed_variance) = self.speed(spread);
        let share = speed_variance / (variance / (predicted * predicted)).max(speed_variance);
        self.speed.0 += share * (log_excess + speed);
        self.speed.1 += share;
        self.learn_packages(event, costs, log_excess * (1.0 - share));
    }

    /// A Kalman update of the packages' effects: what the site's speed does not explain is divided
    /// among them by how uncertain each is.
    fn learn_packages(&mut self, event: &InstallEvent, costs: &[PackageCost], log_excess: f64) {
        let seconds = |cost: &PackageCost| cost.unpack_seconds + cost.configure_seconds;
        let whole: f64 = costs.iter().map(seconds).sum();
        let noise = (RUN_NOISE * whole).powi(2) + CLOCK_NOISE.powi(2);
        let names = event.packages.iter().map(|package| package.package.as_str());
        let uncertain: f64 =
            costs.iter().zip(names).map(|(cost, name)| cost.variance * self.package(name).1).sum();
        let total = uncertain + noise;
        for (cost, package) in costs.iter().zip(&event.packages) {
            let entry = self.packages.entry(package.package.clone()).or_insert((0.0, 1.0));
            let variance = cost.variance * entry.1;
            // In logarithms: the share of the excess seconds, over the package's own seconds.
            let gain = variance / total * (log_excess * whole) / seconds(cost).max(1e-4);
            entry.0 = (entry.0 + gain.clamp(-0.7, 0.7)).clamp(-3.0, 3.0);
            entry.1 *= (1.0 - variance / total).max(0.05);
        }
    }
}
