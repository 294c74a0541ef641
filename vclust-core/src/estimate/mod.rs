//! Estimates of how long each phase of a build will take, learned from the history.
//!
//! Each estimator answers with an interval that should hold the truth nine times in ten, so that
//! whoever compares two candidates can tell a difference from noise. The paper's estimators are
//! here beside ours, as the baseline that `vclust accuracy` compares with.

mod accuracy;
mod curve;
mod install;
mod line;
mod mean_transfer;
mod node_speed;
mod phase;
mod recent;
mod robust;
mod series;
mod transfer;

use serde::Serialize;

pub use accuracy::{Accuracy, compare_estimators};
pub use install::{
    FittedPriors, InstallEstimator, InstallStatistics, InstallTask, PackageCost, Priors, RunCost,
    RunScale,
};
pub use line::InstallLine;
pub use mean_transfer::{MeanTransfer, TransferTask};
pub use node_speed::{NodeSpeed, Slowdown};
pub use phase::{PhaseEstimator, PhaseTask, UNPACKED_BYTES};
pub(crate) use robust::{median, quantile};
pub use transfer::{BlendedTransfer, ContentionTransfer};

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
    #[must_use]
    pub fn around(seconds: f64, half_width: f64) -> Self {
        Self { seconds, low: (seconds - half_width).max(0.0), high: seconds + half_width }
    }

    /// Parts that follow each other. What is uncertain of each is taken for independent, so the
    /// deviations to each side add up as squares.
    #[must_use]
    pub fn sum(parts: impl IntoIterator<Item = Self>) -> Self {
        let (mut seconds, mut below, mut above) = (0.0, 0.0_f64, 0.0_f64);
        for part in parts {
            seconds += part.seconds;
            below = below.hypot(part.seconds - part.low);
            above = above.hypot(part.high - part.seconds);
        }
        Self { seconds, low: (seconds - below).max(0.0), high: seconds + above }
    }

    /// An estimate from the mean of the logarithm of seconds, whose interval reaches `half_width`
    /// to both sides of it. Held within what seconds can be, whatever the history was.
    fn from_logarithm(mean: f64, half_width: f64) -> Self {
        let mean = mean.clamp(-20.0, 30.0);
        let half_width = if half_width.is_finite() { half_width.min(20.0) } else { 20.0 };
        Self {
            seconds: mean.exp(),
            low: (mean - half_width).exp(),
            high: (mean + half_width).exp(),
        }
    }

    /// Whether the interval holds a measurement.
    #[must_use]
    pub fn covers(&self, seconds: f64) -> bool {
        (self.low..=self.high).contains(&seconds)
    }
}

impl std::fmt::Display for Estimate {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(out, "{:.1} s ({:.1} to {:.1})", self.seconds, self.low, self.high)
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
