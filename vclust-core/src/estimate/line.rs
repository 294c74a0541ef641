//! The paper's estimate of installs: a straight line over the size of the packages.

use nalgebra::{Matrix2, Vector2};

use super::install::InstallTask;
use super::robust::t_of_90_percent;
use super::{Estimate, Estimator};
use crate::history::{InstallEvent, PackageVersion};
use crate::index::Index;

/// The paper's rule: seconds = a + b * size of the .debs, fitted by least squares to past installs
/// on the same number of nodes, or on any number where fewer than three were on that one.
///
/// The paper gives no interval; ours is that of ordinary regression.
#[derive(Debug, Clone)]
pub struct InstallLine<'a> {
    index: &'a Index,
    /// Nodes, megabytes and seconds of each past install.
    runs: Vec<(u32, f64, f64)>,
}

impl<'a> InstallLine<'a> {
    /// A line that takes sizes of packages from `index`; those it does not know have none.
    #[must_use]
    pub fn new(index: &'a Index) -> Self {
        Self { index, runs: Vec::new() }
    }

    fn megabytes(&self, packages: &[PackageVersion]) -> f64 {
        let sizes = packages.iter().map(|package| {
            super::install::find_version(self.index, package).map_or(0, |version| version.size())
        });
        sizes.sum::<u64>() as f64 / 1e6
    }
}

impl Estimator for InstallLine<'_> {
    type Task = InstallTask;
    type Event = InstallEvent;

    fn name(&self) -> &'static str {
        "paper: line over .deb size"
    }

    fn learn(&mut self, events: &[&InstallEvent]) {
        for event in events {
            self.runs.push((event.nodes, self.megabytes(&event.packages), event.seconds));
        }
    }

    fn estimate(&self, task: &InstallTask) -> Option<Estimate> {
        let same: Vec<_> = self.runs.iter().filter(|run| run.0 == task.nodes).copied().collect();
        let runs = if same.len() >= 3 { &same } else { &self.runs };
        let count = runs.len() as f64;
        let mut sums = Matrix2::zeros();
        let mut right = Vector2::zeros();
        for (_, size, seconds) in runs {
            let row = Vector2::new(1.0, *size);
            sums += row * row.transpose();
            right += row * *seconds;
        }
        // Two runs of different sizes make a line; fewer do not.
        if sums.determinant() <= 1e-9 * sums[(0, 0)] * sums[(1, 1)] {
            return None;
        }
        let inverse = sums.try_inverse()?;
        let line = inverse * right;
        let residuals = runs.iter().map(|(_, size, seconds)| seconds - line[0] - line[1] * size);
        let squares: f64 = residuals.map(|residual| residual * residual).sum();
        let at = Vector2::new(1.0, self.megabytes(&task.packages));
        let seconds = line.dot(&at).max(0.0);
        let freedom = count - 2.0;
        if freedom < 1.0 {
            return Some(Estimate { seconds, low: 0.0, high: 10.0 * seconds });
        }
        let variance = squares / freedom * (1.0 + at.dot(&(inverse * at)));
        Some(Estimate::around(seconds, t_of_90_percent(freedom) * variance.sqrt()))
    }
}
