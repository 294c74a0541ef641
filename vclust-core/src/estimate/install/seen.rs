//! What a site has measured of its packages: sums, and a sample of the latest values.

use rustc_hash::FxHashMap;

use crate::estimate::robust::median;
use crate::history::{InstallEvent, StepKind};

/// Values kept of each package: medians of these are robust, and they bound memory and time.
const KEPT: u64 = 31;
/// Steps faster than this are noise of the clock.
const SHORTEST: f64 = 3e-4;
/// Packages in a usual run, and how cost grows with their number: `(n / 40)^0.045`.
const USUAL: f64 = 40.0;
const GROWTH: f64 = 0.045;

/// How much slower packages unpack in a run of so many.
pub(super) fn crowding(packages: usize) -> f64 {
    (packages.max(1) as f64 / USUAL).powf(GROWTH)
}

/// Measured seconds of one package's step.
#[derive(Debug, Clone, Default)]
pub(super) struct Series {
    count: u64,
    log_sum: f64,
    latest: Vec<f64>,
}

impl Series {
    fn add(&mut self, seconds: f64) {
        let seconds = seconds.max(SHORTEST);
        if self.count < KEPT {
            self.latest.push(seconds);
        } else {
            self.latest[(self.count % KEPT) as usize] = seconds;
        }
        self.count += 1;
        self.log_sum += seconds.ln();
    }

    pub(super) fn count(&self) -> f64 {
        self.count as f64
    }

    pub(super) fn median(&self) -> f64 {
        median(&mut self.latest.clone())
    }

    /// Sum of `log(measured / predicted)`, each held within a factor of eight.
    pub(super) fn log_excess(&self, predicted: f64) -> f64 {
        let mean = self.log_sum / self.count.max(1) as f64 - predicted.ln();
        let middle = (self.median() / predicted).ln();
        // A mean far from the median is the work of a wild value.
        let mean = if (mean - middle).abs() > 0.5 { middle } else { mean };
        self.count() * mean.clamp(-2.0, 2.0)
    }
}

/// One package at a site.
#[derive(Debug, Clone, Default)]
pub(super) struct SeenPackage {
    pub(super) unpack: Series,
    pub(super) configure: Series,
}

/// All packages at a site.
#[derive(Debug, Clone, Default)]
pub(super) struct Seen {
    pub(super) packages: FxHashMap<String, SeenPackage>,
    /// Runs with steps.
    pub(super) runs: u64,
    overheads: Series,
    ldconfig: Series,
}

impl Seen {
    /// Adds a run with steps, whose steps were slower by `factor` than on a single node.
    pub(super) fn add(&mut self, event: &InstallEvent, factor: f64) {
        let crowding = crowding(event.packages.len());
        let mut rest = event.seconds;
        for step in &event.steps {
            rest -= step.seconds;
            let seconds = step.seconds / factor;
            if step.step == StepKind::Trigger {
                self.ldconfig.add(seconds);
                continue;
            }
            let package = self.packages.entry(step.package.clone()).or_default();
            match step.step {
                StepKind::Unpack => package.unpack.add(seconds / crowding),
                StepKind::Configure | StepKind::Trigger => package.configure.add(seconds),
            }
        }
        self.runs += 1;
        self.overheads.add(rest / factor);
    }

    /// Seconds of a run outside its steps, `shipped` where nothing was measured.
    pub(super) fn overhead(&self, shipped: f64) -> f64 {
        if self.runs == 0 { shipped } else { self.overheads.median() }
    }

    /// Seconds of the trigger that every package with a shared library sets off.
    pub(super) fn trigger(&self, shipped: f64) -> f64 {
        if self.ldconfig.count == 0 { shipped } else { self.ldconfig.median() }
    }
}
