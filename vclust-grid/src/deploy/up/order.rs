//! What is asked of a start, and what comes of it.

use std::path::PathBuf;

use vclust_core::{ClusterSpec, Event, Phase, Strategy};

use super::install::InstallSources;
use crate::StoredImage;
use crate::cluster::ClusterRecord;

/// A cluster to be brought up: the plan, with everything it names at hand.
#[derive(Debug, Clone)]
pub struct ClusterOrder {
    /// What was asked for.
    pub spec: ClusterSpec,
    /// The directory that files of the spec are relative to.
    pub directory: PathBuf,
    /// How nodes get their root.
    pub strategy: Strategy,
    /// The image and the layers over it, the lowest first, each built over the one before it.
    pub images: Vec<StoredImage>,
    /// What nodes install with, where they do.
    pub install: Option<InstallSources>,
    /// What each phase was predicted to take, in seconds.
    pub predicted: Vec<(Phase, f64)>,
    /// Phases that are over: what came before.
    pub measured: Vec<PhaseTime>,
}

/// How long a phase took.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct PhaseTime {
    /// Which.
    pub phase: Phase,
    /// Seconds.
    pub seconds: f64,
}

/// A cluster that came up.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub struct Up {
    /// Its record.
    pub record: ClusterRecord,
    /// What the start teaches, for the history.
    pub events: Vec<Event>,
}
