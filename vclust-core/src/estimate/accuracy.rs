//! How good estimates were.

use serde::Serialize;

use super::robust::{median, quantile};
use super::{
    BlendedTransfer, ContentionTransfer, Estimate, Estimator, InstallEstimator, InstallLine,
    InstallTask, MeanTransfer, PhaseEstimator, PhaseTask, Priors, TransferTask,
};
use crate::history::{History, InstallEvent};
use crate::index::Index;

/// How well each of vclust's estimators, and the paper's beside them, does on one history after it has
/// learned from another. Estimators that neither history says anything to are left out.
#[must_use]
pub fn compare_estimators(index: &Index, train: &History, test: &History) -> Vec<Accuracy> {
    // nodes have a speed of their own, which is learned apart
    let native = |event: &&InstallEvent| event.hypervisor.is_none();
    let installs: Vec<&InstallEvent> = train.installs().filter(native).collect();
    let tasks: Vec<_> = test
        .installs()
        .filter(native)
        .map(|event| (InstallTask::from(event), event.seconds))
        .collect();
    let mut line = InstallLine::new(index);
    let mut packages = InstallEstimator::new(index, Priors::shipped());
    line.learn(&installs);
    packages.learn(&installs);
    let past_transfers: Vec<_> = train.transfers().collect();
    let mut mean = MeanTransfer::default();
    mean.learn(&past_transfers);
    let mut contention = ContentionTransfer::default();
    contention.learn(&past_transfers);
    let mut blended = BlendedTransfer::default();
    blended.learn(&past_transfers);
    let mut phases = PhaseEstimator::default();
    phases.learn(&train.phases().collect::<Vec<_>>());
    // A relative error needs a measured time to relate to.
    let measured_phases = test.phases().filter(|event| event.seconds > 0.0);
    let phase_tasks: Vec<_> =
        measured_phases.map(|event| (PhaseTask::from(event), event.seconds)).collect();
    let transfers: Vec<_> =
        test.transfers().map(|event| (TransferTask::from(event), event.seconds)).collect();
    let mut estimators = vec![
        Accuracy::of_estimator(&line, &tasks),
        Accuracy::of_estimator(&packages, &tasks),
        Accuracy::of_estimator(&mean, &transfers),
        Accuracy::of_estimator(&contention, &transfers),
        Accuracy::of_estimator(&blended, &transfers),
        Accuracy::of_estimator(&phases, &phase_tasks),
    ];
    estimators.retain(|row| row.n + row.unanswered > 0);
    estimators
}

/// How estimates compare with what was measured afterwards. Errors are relative to the measurement:
/// |estimate / measured - 1|.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[non_exhaustive]
pub struct Accuracy {
    /// The estimator's name.
    pub estimator: String,
    /// Number of estimates.
    pub n: usize,
    /// Number of tasks that the estimator said nothing about; they count nowhere else.
    pub unanswered: usize,
    /// Median relative error.
    pub median: f64,
    /// The relative error that nine of ten estimates stay below.
    pub p90: f64,
    /// Largest relative error.
    pub max: f64,
    /// Share of measurements inside the 90 % interval.
    pub covered: f64,
}

impl Accuracy {
    /// Accuracy of pairs of an estimate and the seconds that were measured. All figures are 0 if
    /// there are none.
    #[must_use]
    pub fn of(estimator: &str, pairs: &[(Option<Estimate>, f64)]) -> Self {
        let mut errors = Vec::with_capacity(pairs.len());
        let mut covered = 0;
        for (estimate, measured) in pairs {
            if let Some(estimate) = estimate {
                errors.push((estimate.seconds / measured - 1.0).abs());
                covered += usize::from(estimate.covers(*measured));
            }
        }
        let n = errors.len();
        Self {
            estimator: estimator.to_owned(),
            n,
            unanswered: pairs.len() - n,
            median: median(&mut errors),
            p90: quantile(&mut errors, 0.9),
            max: quantile(&mut errors, 1.0),
            covered: if n == 0 { 0.0 } else { covered as f64 / n as f64 },
        }
    }

    /// Accuracy of an estimator as it is, over tasks with their measured seconds.
    #[must_use]
    pub fn of_estimator<E: Estimator + ?Sized>(estimator: &E, tasks: &[(E::Task, f64)]) -> Self
    where
        E::Task: Sized,
    {
        let pairs: Vec<_> =
            tasks.iter().map(|(task, seconds)| (estimator.estimate(task), *seconds)).collect();
        Self::of(estimator.name(), &pairs)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn errors_are_relative_to_the_measurement() {
        let estimate = |seconds| Some(Estimate::around(seconds, 1.0));
        let pairs = [(estimate(2.0), 4.0), (estimate(5.0), 4.0), (estimate(4.0), 4.0), (None, 1.0)];
        let accuracy = Accuracy::of("test", &pairs);
        assert_eq!((accuracy.n, accuracy.unanswered), (3, 1));
        assert!((accuracy.median - 0.25).abs() < 1e-12 && (accuracy.max - 0.5).abs() < 1e-12);
        assert!((accuracy.covered - 2.0 / 3.0).abs() < 1e-12);
        assert_eq!(Accuracy::of("test", &[]).n, 0);
    }
}
