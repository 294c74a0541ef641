//! Estimates of the phases that are neither transfers nor installs: boot, reboot, unpack and others.
//!
//! Each (site, strategy, phase) has a line over the number of nodes, and effects of hypervisors, of
//! memory sizes on them, and of single situations. What a situation lacks in measurements it gets
//! from those like it, by how much they have in common; the line starts from shipped values.

mod shipped;
#[cfg(test)]
mod tests;

use nalgebra::SVector;
use serde::{Deserialize, Serialize};

use super::curve::{Fit, Model, Point, Prior, Sample, sum_of};
use super::recent::Recent;
use super::series::{Series, SharedScatter};
use super::{Estimate, Estimator};
use crate::history::{Phase, PhaseEvent};

/// Situations of a phase that are remembered, the latest ones.
const SITUATIONS: usize = 64;
/// Phases of strategies at sites that are remembered, the latest ones.
const LINES: usize = 1024;
/// Standard deviations, in logarithms: between hypervisors, between memory sizes on one hypervisor,
/// and of a situation beside its line.
const HYPERVISORS: f64 = 0.5;
const MEMORY: f64 = 0.2;
const MISFIT: f64 = 0.2;
/// How repeats of one situation scatter.
const SCATTER: SharedScatter = SharedScatter { repeats: 0.1, imagined: 3.0, most: 0.25 };

/// A phase to come.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct PhaseTask {
    /// The site.
    pub site: String,
    /// How nodes get their root: `install`, `layers` or `clone`.
    pub strategy: String,
    /// Which phase.
    pub phase: Phase,
    /// The hypervisor, where it is known.
    pub hypervisor: Option<String>,
    /// Memory of each node in bytes, where it is known.
    pub memory_bytes: Option<u64>,
    /// Number of nodes.
    pub nodes: u32,
}

impl From<&PhaseEvent> for PhaseTask {
    fn from(event: &PhaseEvent) -> Self {
        Self {
            site: event.site.clone(),
            strategy: event.strategy.clone(),
            phase: event.phase,
            hypervisor: event.hypervisor.clone(),
            memory_bytes: event.memory_bytes,
            nodes: event.nodes,
        }
    }
}

/// Robust running estimates of phases: a line `a + b × nodes` for each (site, strategy, phase), with
/// effects of hypervisor, memory and the situation itself, each shrunk by what is known of it.
///
/// Estimates of [`Phase::Unpack`] are for an archive of [`UNPACKED_BYTES`]. A phase that was measured nowhere and
/// has no shipped value has no estimate. Learned state is
/// bounded and can be stored with serde.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub struct PhaseEstimator {
    lines: Recent<LineKey, Line, LINES>,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
struct LineKey {
    site: String,
    strategy: String,
    phase: Phase,
}

impl LineKey {
    fn of(task: &PhaseTask) -> Self {
        Self { site: task.site.clone(), strategy: task.strategy.clone(), phase: task.phase }
    }
}

/// What a phase's time depends on within its line.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
struct Situation {
    hypervisor: Option<String>,
    memory_bytes: Option<u64>,
    nodes: u32,
}

impl Situation {
    fn of(task: &PhaseTask) -> Self {
        Self {
            hypervisor: task.hypervisor.clone(),
            memory_bytes: task.memory_bytes,
            nodes: task.nodes,
        }
    }
}

/// The model of one line: its prior; everything else is the same for all.
#[derive(Debug, Clone)]
struct LineModel {
    prior: Prior<2>,
}

impl Model<2> for LineModel {
    type At = Situation;

    fn prior(&self) -> Prior<2> {
        self.prior
    }

    fn curve(&self, logs: &SVector<f64, 2>, at: &Situation) -> Point<2> {
        sum_of(SVector::from([logs[0].exp(), logs[1].exp() * f64::from(at.nodes)]))
    }

    fn shared(&self, one: &Situation, other: &Situation) -> f64 {
        let mut covariance = 0.0;
        if one.hypervisor == other.hypervisor {
            covariance += HYPERVISORS * HYPERVISORS;
            if one.memory_bytes == other.memory_bytes {
                covariance += MEMORY * MEMORY;
                if one.nodes == other.nodes {
                    covariance += MISFIT * MISFIT;
                }
            }
        }
        covariance
    }
}

/// What was measured of one phase; all that is stored of a line.
#[derive(Debug, Clone, Serialize, Deserialize)]
struct Measured {
    strategy: String,
    phase: Phase,
    situations: Recent<Situation, Series, SITUATIONS>,
}

#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(from = "Measured", into = "Measured")]
struct Line {
    measured: Measured,
    /// `None` where nothing was measured nor shipped.
    fitted: Option<Fitted>,
}

#[derive(Debug, Clone)]
struct Fitted {
    model: LineModel,
    samples: Vec<Sample<Situation>>,
    fit: Fit<2>,
    /// Variance of one measurement.
    scatter: f64,
}

impl From<Measured> for Line {
    fn from(measured: Measured) -> Self {
        let fitted = Fitted::new(&measured);
        Self { measured, fitted }
    }
}

impl From<Line> for Measured {
    fn from(line: Line) -> Self {
        line.measured
    }
}

impl Fitted {
    fn new(measured: &Measured) -> Option<Self> {
        let summaries: Vec<_> = measured
            .situations
            .in_order()
            .into_iter()
            .filter_map(|(at, series)| Some((at.clone(), series.summary()?)))
            .collect();
        let prior = shipped::shipped(&measured.strategy, measured.phase).or_else(|| {
            let mut order: Vec<_> =
                summaries.iter().map(|(at, summary)| (summary.mean, at.nodes)).collect();
            order.sort_unstable_by(|one, other| one.0.total_cmp(&other.0));
            let (mean, nodes) = *order.get(order.len() / 2)?;
            Some(shipped::through(mean, nodes))
        })?;
        let model = LineModel { prior };
        let (scatter, samples) = SCATTER.samples(summaries);
        let fit = Fit::new(&model, &samples);
        Some(Self { model, samples, fit, scatter })
    }

    fn estimate(&self, at: &Situation) -> Estimate {
        self.fit.with_effects(&self.model, &self.samples, at, self.scatter).estimate()
    }
}

impl Measured {
    fn new(strategy: &str, phase: Phase) -> Self {
        Self { strategy: strategy.to_owned(), phase, situations: Recent::default() }
    }
}

/// Bytes of the archive that estimates of [`Phase::Unpack`] are about: unpacking takes time in proportion
/// to what is unpacked. (Measured in one emulated node: 0.27 s for each MB of an archive of 61 MB, 0.22 of one
/// of 207 MB.)
pub const UNPACKED_BYTES: u64 = 45_000_000;

/// Seconds of an event, as if what was unpacked had the size that estimates are about.
fn of_usual_size(event: &PhaseEvent) -> f64 {
    match event.bytes {
        Some(bytes) if event.phase == Phase::Unpack && bytes > 0 => {
            event.seconds * (UNPACKED_BYTES as f64 / bytes as f64)
        }
        _ => event.seconds,
    }
}

impl Estimator for PhaseEstimator {
    type Task = PhaseTask;
    type Event = PhaseEvent;

    fn name(&self) -> &'static str {
        "vclust: phases"
    }

    fn learn(&mut self, events: &[&PhaseEvent]) {
        let mut touched: Vec<(LineKey, Measured)> = Vec::new();
        let mut places = rustc_hash::FxHashMap::default();
        for event in events {
            let task = PhaseTask::from(*event);
            let key = LineKey::of(&task);
            let place = *places.entry(key.clone()).or_insert_with(|| {
                let known = self.lines.get(&key).map(|line| line.measured.clone());
                let measured = known.unwrap_or_else(|| Measured::new(&key.strategy, key.phase));
                touched.push((key, measured));
                touched.len() - 1
            });
            let situations = &mut touched[place].1.situations;
            situations.entry(&Situation::of(&task), Series::default).add(of_usual_size(event));
        }
        for (key, measured) in touched {
            self.lines.set(key, Line::from(measured));
        }
    }

    fn estimate(&self, task: &PhaseTask) -> Option<Estimate> {
        if task.nodes == 0 {
            return None;
        }
        let at = Situation::of(task);
        if let Some(line) = self.lines.get(&LineKey::of(task)) {
            return Some(line.fitted.as_ref()?.estimate(&at));
        }
        Some(Fitted::new(&Measured::new(&task.strategy, task.phase))?.estimate(&at))
    }
}
