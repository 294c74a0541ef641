//! What came of a replay.

use serde::Serialize;

use crate::catalogue::{ImageId, Stored};
use crate::estimate::quantile;
use crate::selection::Candidate;

/// How a policy served a trace.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[non_exhaustive]
pub struct Outcome {
    /// The policy with its parameters.
    pub policy: String,
    /// Bytes that its images might take together.
    pub budget_bytes: u64,
    /// Number of requests.
    pub requests: usize,
    /// Mean seconds of a build.
    pub mean_seconds: f64,
    /// The seconds that 95 of 100 builds stay below.
    pub p95_seconds: f64,
    /// Share of requests served from an image of exactly their packages.
    pub hit: f64,
    /// Share served from an image that holds all their packages and more.
    pub superset: f64,
    /// Share served from a cache image that lacks some of their packages.
    pub partial: f64,
    /// Share served from the minimal image.
    pub minimal: f64,
    /// Share served from layers, however many; part of the shares above.
    pub layered: f64,
    /// Share served from several parts that had to be merged; part of the same.
    pub stacked: f64,
    /// Mean bytes of the images and layers stored, the minimal one left out.
    pub mean_bytes_stored: f64,
    /// Most bytes stored at once.
    pub most_bytes_stored: u64,
    /// Bytes that went to nodes: images and packages.
    pub bytes_moved: u64,
    /// Images built in the background.
    pub images_built: u64,
    /// Layers built in the background.
    pub layers_built: u64,
    /// Images and layers evicted.
    pub images_evicted: u64,
    /// Images and layers that the policy wanted and the budget had no room for.
    pub images_refused: u64,
    /// Seconds of the head node that building them took.
    pub building_seconds: f64,
    /// What is there in the end, the minimal image left out.
    #[serde(skip)]
    pub stored: Stored,
}

impl Outcome {
    /// How much slower builds were than with another policy, in the mean, relative to that.
    #[must_use]
    pub fn regret(&self, other: &Self) -> f64 {
        if other.mean_seconds > 0.0 { self.mean_seconds / other.mean_seconds - 1.0 } else { 0.0 }
    }
}

/// Sums while a replay runs.
#[derive(Debug, Clone, Default)]
pub(super) struct Tally {
    seconds: Vec<f64>,
    hits: usize,
    supersets: usize,
    minimal: usize,
    layered: usize,
    stacked: usize,
    stored: f64,
    most_stored: u64,
    moved: u64,
    pub(super) built: u64,
    pub(super) built_layers: u64,
    pub(super) evicted: u64,
    pub(super) refused: u64,
    pub(super) building: f64,
}

impl Tally {
    pub(super) fn add(&mut self, served: &Candidate, minimal: ImageId, moved: u64, stored: u64) {
        self.seconds.push(served.total.seconds);
        let over_minimal = served.image_id == minimal;
        let layers = served.layer_ids.len();
        self.layered += usize::from(layers > 0);
        self.stacked += usize::from(layers > usize::from(over_minimal));
        if over_minimal && layers == 0 {
            self.minimal += 1;
        } else if served.missing == 0 && served.extra == 0 {
            self.hits += 1;
        } else if served.missing == 0 {
            self.supersets += 1;
        }
        self.moved += moved;
        self.stored += stored as f64;
        self.most_stored = self.most_stored.max(stored);
    }

    pub(super) fn outcome(mut self, policy: String, budget_bytes: u64, stored: Stored) -> Outcome {
        let requests = self.seconds.len();
        let share = |count: usize| count as f64 / requests.max(1) as f64;
        let sum: f64 = self.seconds.iter().sum();
        Outcome {
            policy,
            budget_bytes,
            requests,
            mean_seconds: sum / requests.max(1) as f64,
            p95_seconds: quantile(&mut self.seconds, 0.95),
            hit: share(self.hits),
            superset: share(self.supersets),
            partial: share(requests - self.hits - self.supersets - self.minimal),
            minimal: share(self.minimal),
            layered: share(self.layered),
            stacked: share(self.stacked),
            mean_bytes_stored: self.stored / requests.max(1) as f64,
            most_bytes_stored: self.most_stored,
            bytes_moved: self.moved,
            images_built: self.built,
            layers_built: self.built_layers,
            images_evicted: self.evicted,
            images_refused: self.refused,
            building_seconds: self.building,
            stored,
        }
    }
}
