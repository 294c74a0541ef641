//! Fits a site's values to what was measured at it.
//!
//! Times are compared as logarithms, so that errors are relative. Every value that can be fitted is
//! drawn towards the description's own by a ridge, so that what the measurements say nothing of
//! stays as it was; Gauss and Newton's steps use derivatives of the simulation itself, taken by
//! differences, and Huber's weights hold wild measurements.

use nalgebra::{DMatrix, DVector};
use serde::Serialize;

use super::description::SiteDescription;
use super::error::SiteError;
use super::observation::Observation;

/// Relative scatter of measurements, and of a simulation that is right.
const NOISE: f64 = 0.04;
/// Residuals beyond so many of that count less.
const HUBER: f64 = 2.0;
const ROUNDS: usize = 30;
/// Relative step of a difference.
const DIFFERENCE: f64 = 0.01;

/// Where the logarithm of the uplink's bandwidth starts, beside the description. A link that is not
/// quite full has no derivative, so one start alone may never find out that it was.
const UPLINK_STARTS: [f64; 4] = [0.0, -0.2, -0.4, 0.3];

/// A site fitted to measurements.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct Calibration {
    /// The fitted site.
    pub site: SiteDescription,
    /// How it compares with each measurement.
    pub rows: Vec<CalibrationRow>,
}

/// A measured time beside the simulated one.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[non_exhaustive]
pub struct CalibrationRow {
    /// What was measured.
    pub what: String,
    /// On how many nodes.
    pub nodes: u32,
    /// Measured seconds.
    pub measured_seconds: f64,
    /// Simulated seconds.
    pub simulated_seconds: f64,
    /// Simulated over measured, less one.
    pub error: f64,
}

/// A value that is fitted: where it is, and how far it may be from what the description says, as a
/// standard deviation of its logarithm.
type Value = (fn(&mut SiteDescription) -> &mut f64, f64);

const VALUES: [Value; 13] = [
    // Hardware is known better than software. The uplink is always above zero, so it stays first.
    (|site| &mut site.head.uplink_bytes_per_second, 0.3),
    (|site| &mut site.hosts.crowding, 1.0),
    (|site| &mut site.transfer.latency_seconds, 1.0),
    (|site| &mut site.transfer.hop_latency_seconds, 1.0),
    (|site| &mut site.node.jitter, 0.5),
    (|site| &mut site.node.network_boot_seconds, 1.0),
    (|site| &mut site.node.unpack_bytes_per_second, 1.0),
    (|site| &mut site.node.install_seconds, 1.0),
    (|site| &mut site.node.install_package_seconds, 1.0),
    (|site| &mut site.node.install_head_seconds, 1.0),
    (|site| &mut site.node.install_head_package_seconds, 1.0),
    (|site| &mut site.node.reboot_seconds, 1.0),
    (|site| &mut site.node.layers_boot_seconds, 1.0),
];

/// The fourteenth value, only fitted where clones were measured.
const CLONES: Value = (|site| &mut site.node.clone_seconds, 1.0);

impl SiteDescription {
    /// The site with its values fitted to measurements, from these as a start.
    ///
    /// Fails where there are no measurements that a site can be fitted to, or the site cannot be.
    pub fn calibrate(&self, observations: &[Observation]) -> Result<Calibration, SiteError> {
        self.check()?;
        if observations.is_empty() {
            return Err(SiteError::NoObservations);
        }
        let mut search = Search::new(self, observations);
        let mut best = search.first.clone();
        for shift in UPLINK_STARTS {
            search.logs = search.first.clone();
            search.logs[0] += shift;
            // First the others, with the uplink where it is; then all.
            for uplink in [Uplink::Held, Uplink::Free] {
                for _ in 0..ROUNDS {
                    if !search.step(uplink) {
                        break;
                    }
                }
            }
            if search.objective(&search.logs) < search.objective(&best) {
                best = search.logs.clone();
            }
        }
        let site = search.at(&best);
        let rows = site.compare(observations)?;
        Ok(Calibration { site, rows })
    }

    /// The site beside measurements, as it is.
    ///
    /// Fails on a site that cannot be.
    pub fn compare(&self, observations: &[Observation]) -> Result<Vec<CalibrationRow>, SiteError> {
        self.check()?;
        let row = |observation: &Observation| {
            let simulated = self.simulate_part(&observation.task(), observation.part);
            CalibrationRow {
                what: observation.what.clone(),
                nodes: observation.nodes,
                measured_seconds: observation.seconds,
                simulated_seconds: simulated.total_seconds,
                error: simulated.total_seconds / observation.seconds - 1.0,
            }
        };
        Ok(observations.iter().map(row).collect())
    }
}

/// Whether a step may move the uplink's bandwidth.
#[derive(Clone, Copy, PartialEq)]
enum Uplink {
    Held,
    Free,
}

/// The state of a fit.
struct Search<'a> {
    start: &'a SiteDescription,
    observations: &'a [Observation],
    values: Vec<Value>,
    /// Logarithms of the values, first and now.
    first: DVector<f64>,
    logs: DVector<f64>,
}

impl<'a> Search<'a> {
    fn new(start: &'a SiteDescription, observations: &'a [Observation]) -> Self {
        let mut site = start.clone();
        // What a description says is nothing, as crowding, stays nothing.
        let values: Vec<Value> = VALUES
            .into_iter()
            .chain([CLONES])
            .filter(|(value, _)| *value(&mut site) > 0.0)
            .collect();
        let first = values.iter().map(|(value, _)| value(&mut site).ln());
        let first = DVector::from_iterator(values.len(), first);
        Self { start, observations, values, logs: first.clone(), first }
    }

    fn at(&self, logs: &DVector<f64>) -> SiteDescription {
        let mut site = self.start.clone();
        for ((value, _), log) in self.values.iter().zip(logs) {
            *value(&mut site) = log.exp();
        }
        site
    }

    /// Logarithms of simulated seconds.
    fn simulated(&self, logs: &DVector<f64>) -> DVector<f64> {
        let site = self.at(logs);
        let seconds = self.observations.iter().map(|observation| {
            let run = site.simulate_part(&observation.task(), observation.part);
            run.total_seconds.max(1e-6).ln()
        });
        DVector::from_iterator(self.observations.len(), seconds)
    }

    fn residuals(&self, logs: &DVector<f64>) -> DVector<f64> {
        let measured = self.observations.iter().map(|one| one.seconds.max(1e-6).ln());
        DVector::from_iterator(self.observations.len(), measured) - self.simulated(logs)
    }

    /// Minus the logarithm of the posterior: Huber's loss of the residuals and the ridge.
    fn objective(&self, logs: &DVector<f64>) -> f64 {
        let losses = self.residuals(logs).map(|residual| {
            let units = (residual / NOISE).abs();
            if units <= HUBER { units * units } else { HUBER * (2.0 * units - HUBER) }
        });
        losses.sum() + self.offset(logs).norm_squared()
    }

    /// How far values are from their first, in units of their spread.
    fn offset(&self, logs: &DVector<f64>) -> DVector<f64> {
        let spreads = DVector::from_iterator(self.values.len(), self.values.iter().map(|v| v.1));
        (logs - &self.first).component_div(&spreads)
    }

    /// Takes one step; answers whether it led anywhere.
    fn step(&mut self, uplink: Uplink) -> bool {
        let (rows, columns) = (self.observations.len(), self.values.len());
        let residuals = self.residuals(&self.logs);
        let mut slopes = DMatrix::zeros(rows, columns);
        for column in 0..columns {
            let mut moved = self.logs.clone();
            moved[column] += DIFFERENCE;
            let change = &residuals - self.residuals(&moved);
            slopes.set_column(column, &(change / DIFFERENCE));
        }
        let weights = residuals.map(|residual| {
            (HUBER / (residual / NOISE).abs().max(f64::MIN_POSITIVE)).min(1.0) / (NOISE * NOISE)
        });
        let weighted = DMatrix::from_diagonal(&weights) * &slopes;
        let ridge = self.values.iter().map(|value| value.1.powi(-2));
        let ridge = DVector::from_iterator(columns, ridge);
        let normal = slopes.transpose() * &weighted + DMatrix::from_diagonal(&ridge);
        let pull =
            weighted.transpose() * &residuals - ridge.component_mul(&(&self.logs - &self.first));
        let Some(mut step) = normal.cholesky().map(|factor| factor.solve(&pull)) else {
            return false;
        };
        if uplink == Uplink::Held {
            step[0] = 0.0;
        }
        let before = self.objective(&self.logs);
        let mut share = 1.0;
        for _ in 0..8 {
            let tried = &self.logs + &step * share;
            let after = self.objective(&tried);
            if after < before {
                self.logs = tried;
                return before - after > 1e-6 * before;
            }
            share /= 2.0;
        }
        false
    }
}
