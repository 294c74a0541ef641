//! What the scheduler is told: sites, requests, and what was measured.

use serde::Deserialize;
use vclust_core::{ByteSize, ClusterSpec, History, OnError};

use crate::error::SchedulerError;
use crate::hosts::Host;

/// Everything that a placement is made from.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct Scenario {
    /// The sites, in the order in which first-fit tries them.
    pub sites: Vec<Site>,
    /// The clusters that are asked for, in the order in which users asked.
    pub clusters: Vec<ClusterSpec>,
    /// What was requested and measured on all sites.
    pub history: History,
}

/// A physical cluster.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
#[non_exhaustive]
pub struct Site {
    /// Its name, as the history has it.
    pub name: String,
    /// What images may take.
    pub cache: ByteSize,
    hosts: Vec<HostKind>,
}

#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
struct HostKind {
    count: usize,
    memory: ByteSize,
    processors: u32,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Sites {
    site: Vec<Site>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Clusters {
    cluster: Vec<ClusterSpec>,
}

impl Site {
    /// Its hosts, one by one.
    #[must_use]
    pub fn hosts(&self) -> Vec<Host> {
        let one = |kind: &HostKind| {
            let host = Host { memory: kind.memory.bytes(), processors: kind.processors };
            vec![host; kind.count]
        };
        self.hosts.iter().flat_map(one).collect()
    }
}

impl Scenario {
    /// The scenario that comes with the example: made-up sites and measurements, real packages.
    pub fn shipped() -> Result<Self, SchedulerError> {
        Self::parse(
            include_str!("../sites.toml"),
            include_str!("../requests.toml"),
            include_str!("../history.jsonl"),
        )
    }

    /// Reads sites, requests (both TOML) and a history (JSON lines).
    pub fn parse(sites: &str, requests: &str, history: &str) -> Result<Self, SchedulerError> {
        let sites: Sites = toml::from_str(sites)?;
        let clusters: Clusters = toml::from_str(requests)?;
        for spec in &clusters.cluster {
            let cluster = spec.name.clone();
            spec.check().map_err(|source| SchedulerError::Spec { cluster, source })?;
        }
        let (history, _) = History::parse(history.as_bytes(), OnError::Stop)?;
        Ok(Self { sites: sites.site, clusters: clusters.cluster, history })
    }
}
