//! What a simulation answers.

use serde::Serialize;

use super::task::TransferMethod;
use crate::estimate::quantile;
use crate::history::Phase;
use crate::strategy::Strategy;

/// A simulated build. Times are seconds from the request.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[non_exhaustive]
pub struct SiteRun {
    /// How nodes got their root.
    pub strategy: Strategy,
    /// How images got to the hosts.
    pub transfer: TransferMethod,
    /// Number of nodes.
    pub nodes: u32,
    /// Number of hosts that they ran on.
    pub hosts: u32,
    /// Until the last node was ready.
    pub total_seconds: f64,
    /// The phases, in the order in which nodes go through them.
    pub phases: Vec<PhaseTimes>,
    /// What was shared.
    pub resources: Vec<ResourceUse>,
    /// What took most of the total: one of the resources, or a node's own work.
    pub bottleneck: String,
}

/// When nodes, or the hosts where it is theirs, were through a phase.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[non_exhaustive]
pub struct PhaseTimes {
    /// The phase.
    pub phase: Phase,
    /// The first of them.
    pub first_seconds: f64,
    /// The one in the middle.
    pub median_seconds: f64,
    /// The last.
    pub last_seconds: f64,
}

/// How much a shared resource was used.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[non_exhaustive]
pub struct ResourceUse {
    /// What it is.
    pub name: String,
    /// Work done as a share of what it could have done in all the time; absent where there is no
    /// such measure.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub utilisation: Option<f64>,
    /// By how much each of its users was slower for sharing it, on the average.
    pub waiting_seconds: f64,
}

/// What a node does that has everything to itself.
const OWN_WORK: &str = "a node's own work";

impl PhaseTimes {
    /// Times of a phase; `None` where nothing went through it.
    pub(super) fn of(phase: Phase, mut notes: Vec<f64>) -> Option<Self> {
        (!notes.is_empty()).then(|| Self {
            phase,
            first_seconds: quantile(&mut notes, 0.0),
            median_seconds: quantile(&mut notes, 0.5),
            last_seconds: quantile(&mut notes, 1.0),
        })
    }
}

/// Names what took most of the total.
pub(super) fn bottleneck(total: f64, resources: &[ResourceUse]) -> String {
    let waited: f64 = resources.iter().map(|resource| resource.waiting_seconds).sum();
    let mut largest = (total - waited, OWN_WORK);
    for resource in resources {
        if resource.waiting_seconds > largest.0 {
            largest = (resource.waiting_seconds, &resource.name);
        }
    }
    largest.1.to_owned()
}
