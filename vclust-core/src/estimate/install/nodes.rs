//! What installing on many nodes at once costs: they share the server that their packages come
//! from.

use serde::{Deserialize, Serialize};

use super::RUN_SPREAD;

/// Installing on n nodes at once slows each: `n^EXPONENT`. Fitted to the paper's own installs on 4, 8
/// and 16 nodes, whose four settings scatter by 0.11; sites differ more than settings of one site.
/// On these numbers a straight line in n would do as well (a test compares them).
const EXPONENT: f64 = 0.332;
const EXPONENT_SPREAD: f64 = 0.15;
/// A run's excess counts as no more than this, in logarithms.
const MOST: f64 = 1.5;
/// What is left of earlier runs' weight after each run.
const KEPT: f64 = 0.98;

/// Sums over runs of 1, x, y, x² and x y, where x is `ln(nodes)` and y the logarithm of how much
/// longer a run took than was predicted of a single node.
///
/// The slope of y over x does not ask how well runs on one node are known, and where all runs were on
/// the same number of nodes it stays what is shipped.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub(super) struct Nodes {
    runs: f64,
    x: f64,
    y: f64,
    xx: f64,
    xy: f64,
}

impl Nodes {
    /// Adds a run that took `exp(log_excess)` times what was predicted, for its nodes.
    pub(super) fn add(&mut self, nodes: u32, log_excess: f64) {
        let x = f64::from(nodes.max(1)).ln();
        let y = log_excess.clamp(-MOST, MOST) + x * self.exponent().0;
        let sums = [(&mut self.runs, 1.0), (&mut self.x, x), (&mut self.y, y)];
        for (sum, value) in sums.into_iter().chain([(&mut self.xx, x * x), (&mut self.xy, x * y)]) {
            *sum = KEPT * *sum + value;
        }
    }

    /// The exponent and its variance.
    fn exponent(&self) -> (f64, f64) {
        let runs = self.runs.max(1.0);
        let spread = (self.xx - self.x * self.x / runs).max(0.0) / RUN_SPREAD.powi(2);
        let slope = (self.xy - self.x * self.y / runs) / RUN_SPREAD.powi(2);
        let precision = spread + EXPONENT_SPREAD.powi(-2);
        let mean = (slope + EXPONENT * EXPONENT_SPREAD.powi(-2)) / precision;
        // More nodes are no faster than one, nor slower than one after the other.
        (mean.clamp(0.0, 1.0), precision.recip())
    }

    /// How much slower each of some nodes installs than one alone, and the relative variance of
    /// that.
    pub(super) fn slowdown(&self, nodes: u32) -> (f64, f64) {
        let (exponent, variance) = self.exponent();
        let log_nodes = f64::from(nodes.max(1)).ln();
        ((exponent * log_nodes).exp(), log_nodes * log_nodes * variance)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The paper's measured installs: seconds on 4, 8 and 16 nodes.
    const PAPER: [[f64; 3]; 4] =
        [[26.7, 34.3, 47.0], [17.1, 18.7, 23.2], [29.7, 39.6, 54.8], [17.1, 21.2, 24.4]];

    /// Root mean square of the logarithms that `slower` leaves, each setting at its own speed.
    fn misfit(slower: impl Fn(f64) -> f64) -> f64 {
        let mut squares = 0.0;
        for seconds in PAPER {
            let logs = [4.0, 8.0, 16.0].map(|nodes| slower(nodes).ln());
            let rest: Vec<f64> = seconds.iter().zip(logs).map(|(s, log)| s.ln() - log).collect();
            let mean = rest.iter().sum::<f64>() / 3.0;
            squares += rest.iter().map(|log| (log - mean).powi(2)).sum::<f64>();
        }
        (squares / 12.0).sqrt()
    }

    #[test]
    fn the_exponent_is_the_one_that_fits_the_papers_installs() {
        let power = |exponent: f64| misfit(|nodes| nodes.powf(exponent));
        let best = (0..1000).map(|step| f64::from(step) / 1000.0);
        let best = best.min_by(|a, b| power(*a).total_cmp(&power(*b))).expect("some step");
        assert!((best - EXPONENT).abs() < 0.002, "{best}");
        let line = (1..1000).map(|step| misfit(|nodes| 1.0 + nodes * f64::from(step) / 1000.0));
        let line = line.min_by(f64::total_cmp).expect("some step");
        assert!((power(best) - 0.057).abs() < 0.001 && (line - 0.058).abs() < 0.001, "{line}");
    }

    #[test]
    fn runs_on_different_numbers_of_nodes_teach_the_exponent() {
        let mut nodes = Nodes::default();
        let shipped = nodes.slowdown(16);
        for run in 0..30 {
            // All runs take 30 % longer than was thought, which is no matter of nodes.
            let count = [1, 4, 16, 64][run % 4];
            let expected = nodes.slowdown(count).0.ln();
            nodes.add(count, 0.1 * f64::from(count).ln() + 0.26 - expected);
        }
        let learned = nodes.slowdown(16);
        assert!((learned.0.ln() / 16_f64.ln() - 0.1).abs() < 0.02, "{learned:?}");
        assert!(learned.1 < 0.1 * shipped.1);
    }

    #[test]
    fn runs_on_one_number_of_nodes_leave_the_exponent_as_it_was() {
        let mut nodes = Nodes::default();
        let shipped = nodes.slowdown(16);
        for _ in 0..30 {
            nodes.add(8, 0.5);
        }
        assert!((nodes.slowdown(16).0 / shipped.0 - 1.0).abs() < 1e-9);
    }
}
