//! Estimates of how long each phase of a build will take, learned from the history.
//!
//! Each estimator answers with an interval that should hold the truth nine times in ten, so that
//! whoever compares two candidates can tell a difference from noise. The paper's estimators are
//! here beside ours, as the baseline that `vclust accuracy` compares with.

mod accuracy;
mod install;
mod line;
mod mean_transfer;
mod robust;

use serde::Serialize;

pub use accuracy::Accuracy;
pub use install::{
    FittedPriors, InstallEstimator, InstallStatistics, InstallTask, PackageCost, Priors, RunCost,
    RunScale,
};
pub use line::InstallLine;
pub use mean_transfer::{MeanTransfer, TransferTask};

/// How long something will take.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct Estimate {
    /// The most likely time, in seconds.
    pub seconds: f64,
    /// Lower end of the 90 % prediction interval, in seconds; not below zero.
    pub low: f64,
    /// Upper end of the 90 % prediction interval, in seconds.
    pub high: f64,
}

impl Estimate {
    /// An estimate whose interval reaches `half_width` seconds to both sides.
    fn around(seconds: f64, half_width: f64) -> Self {
        Self { seconds, low: (seconds - half_width).max(0.0), high: seconds + half_width }
    }

    /// Whether the interval holds a measurement.
    #[must_use]
    pub fn covers(&self, seconds: f64) -> bool {
        (self.low..=self.high).contains(&seconds)
    }
}

/// Something that learns from events of one kind how long tasks of one kind take.
pub trait Estimator {
    /// What is to be done.
    type Task: ?Sized;
    /// What is learned from.
    type Event;

    /// Its name, for reports.
    fn name(&self) -> &'static str;

    /// Learns from events, which must have passed [`Event::check`](crate::Event::check). What was
    /// learned before is kept.
    fn learn(&mut self, events: &[&Self::Event]);

    /// How long a task will take; `None` where nothing is known to say it from.
    fn estimate(&self, task: &Self::Task) -> Option<Estimate>;
}
