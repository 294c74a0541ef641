//! What a site has taught, in bounded space: no event is ever read twice.

use rustc_hash::FxHashMap;
use serde::{Deserialize, Serialize};

use super::scatter::Scatter;
use super::series::Series;
use super::totals::Totals;
use crate::history::{InstallEvent, StepKind};

/// Packages in a usual run, and how cost grows with their number: `(n / 40)^0.045`.
const USUAL: f64 = 40.0;
const GROWTH: f64 = 0.045;

/// How much slower packages unpack in a run of so many.
pub(super) fn crowding(packages: usize) -> f64 {
    (packages.max(1) as f64 / USUAL).powf(GROWTH)
}

/// Everything that an [`InstallEstimator`](super::InstallEstimator) has learned, which does not
/// depend on any index: a snapshot to keep, so that no event need be learned from again.
///
/// Its size grows with the number of different packages, a few hundred bytes each, not with the
/// number of events. Its fields are not part of the interface; a snapshot of damaged numbers is
/// refused.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct InstallStatistics {
    pub(super) packages: FxHashMap<String, PackageStatistics>,
    /// All runs, and those with steps.
    pub(super) runs: u64,
    pub(super) detailed_runs: u64,
    pub(super) overheads: Series,
    pub(super) ldconfig: Series,
    pub(super) totals: Totals,
    pub(super) scatter: Scatter,
}

/// One package at a site.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub(super) struct PackageStatistics {
    /// The latest version that was installed.
    pub(super) version: String,
    pub(super) unpack: Series,
    pub(super) configure: Series,
}

impl InstallStatistics {
    /// Number of runs that were learned from.
    #[must_use]
    pub fn runs(&self) -> u64 {
        self.runs
    }

    /// Number of different packages that were learned from.
    #[must_use]
    pub fn packages(&self) -> usize {
        self.packages.len()
    }

    /// Adds the steps of a run, which were slower by `factor` than on a single node.
    pub(super) fn add_steps(&mut self, event: &InstallEvent, factor: f64) {
        for package in &event.packages {
            let known = self.packages.entry(package.package.clone()).or_default();
            known.version.clone_from(&package.version);
        }
        let crowding = crowding(event.packages.len());
        let mut rest = event.seconds;
        for step in &event.steps {
            rest -= step.seconds;
            let seconds = step.seconds / factor;
            if step.step == StepKind::Trigger {
                self.ldconfig.add(seconds);
                continue;
            }
            let Some(package) = self.packages.get_mut(&step.package) else { continue };
            match step.step {
                StepKind::Unpack => package.unpack.add(seconds / crowding),
                StepKind::Configure | StepKind::Trigger => package.configure.add(seconds),
            }
        }
        self.detailed_runs += 1;
        self.overheads.add(rest / factor);
    }

    /// Seconds of a run outside its steps, `shipped` where nothing was measured.
    pub(super) fn overhead(&self, shipped: f64) -> f64 {
        self.overheads.median().unwrap_or(shipped)
    }

    /// Seconds of the trigger that every package with a shared library sets off.
    pub(super) fn trigger(&self, shipped: f64) -> f64 {
        self.ldconfig.median().unwrap_or(shipped)
    }
}
