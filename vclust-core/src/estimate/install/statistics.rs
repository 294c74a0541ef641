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

/// How much longer `ldconfig` takes after a run of so many packages: the fourth root of their
/// number, over that of a usual run.
pub(super) fn linking(packages: usize) -> f64 {
    (packages.max(1) as f64 / USUAL).sqrt().sqrt()
}

/// Everything that an [`InstallEstimator`](super::InstallEstimator) has learned, which does not
/// depend on any index: a snapshot to keep, so that no event need be learned from again.
///
/// Its size grows with the number of different packages, a few hundred bytes each, not with the
/// number of events. Its fields are not part of the interface; reading a snapshot with times that
/// cannot be is an error.
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
    ///
    /// A trigger of a package that the run installs is part of what configuring it costs. The
    /// others are those of `ldconfig`, which runs after unpacking and again after configuring.
    pub(super) fn add_steps(&mut self, event: &InstallEvent, factor: f64) {
        let crowding = crowding(event.packages.len());
        let mut seconds: FxHashMap<&str, [f64; 2]> = FxHashMap::default();
        seconds.extend(event.packages.iter().map(|package| (package.package.as_str(), [0.0; 2])));
        let (mut rest, mut ldconfig) = (event.seconds, 0.0);
        for step in &event.steps {
            match (step.step, seconds.get_mut(step.package.as_str())) {
                (StepKind::Unpack, Some([unpack, _])) => *unpack += step.seconds / crowding,
                (_, Some([_, configure])) => *configure += step.seconds,
                (StepKind::Trigger, None) if step.package == "libc-bin" => ldconfig += step.seconds,
                // What cannot be told apart is part of the run.
                (_, None) => continue,
            }
            rest -= step.seconds;
        }
        for package in &event.packages {
            let [unpack, configure] = seconds[package.package.as_str()];
            let known = self.packages.entry(package.package.clone()).or_default();
            known.version.clone_from(&package.version);
            for (series, seconds) in
                [(&mut known.unpack, unpack), (&mut known.configure, configure)]
            {
                if seconds > 0.0 {
                    series.add(seconds / factor);
                }
            }
        }
        if ldconfig > 0.0 {
            self.ldconfig.add(ldconfig / linking(event.packages.len()) / factor);
        }
        self.detailed_runs += 1;
        self.overheads.add(rest / factor);
    }

    /// Seconds of a run outside its steps, `shipped` where nothing was measured.
    pub(super) fn overhead(&self, shipped: f64) -> f64 {
        self.overheads.median().unwrap_or(shipped)
    }

    /// Seconds of all runs of `ldconfig` in a usual run with any shared library.
    pub(super) fn trigger(&self, shipped: f64) -> f64 {
        self.ldconfig.median().unwrap_or(shipped)
    }
}
