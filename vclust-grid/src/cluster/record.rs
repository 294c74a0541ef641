//! What is written down of a cluster.

use std::fs::{self, File};
use std::io::{self, Write};
use std::net::Ipv4Addr;
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;

use serde::{Deserialize, Serialize};
use vclust_core::{ClusterSpec, DomainName, MacAddress, Strategy, Timestamp};
use vclust_process::{Mark, ProcessId};

use super::RECORD;
use super::error::ClusterError;

/// What a cluster does.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum ClusterState {
    /// Somebody starts it, or did until they were killed.
    Starting,
    /// It can be used.
    Ready,
    /// Somebody stops it, or did until they were killed.
    Stopping,
    /// It could not be started, and was kept to be looked at.
    Failed,
}

impl ClusterState {
    /// Its name, as answers write it.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Starting => "starting",
            Self::Ready => "ready",
            Self::Stopping => "stopping",
            Self::Failed => "failed",
        }
    }

    /// Whether somebody has to be at work on it.
    #[must_use]
    pub fn is_passing(self) -> bool {
        matches!(self, Self::Starting | Self::Stopping)
    }
}

/// What a node does.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum NodeState {
    /// It is being started.
    Starting,
    /// It can be used.
    Ready,
    /// It could not be started, or ended.
    Failed,
}

/// A node of a cluster.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct NodeRecord {
    /// Its name.
    pub name: DomainName,
    /// Its hardware address.
    pub mac: MacAddress,
    /// Its address.
    pub address: Ipv4Addr,
    /// What it does.
    pub state: NodeState,
    /// Seconds from the command to its being ready.
    pub ready_seconds: Option<f64>,
}

/// A phase of a cluster's start.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct PhaseRecord {
    /// Its name.
    pub phase: String,
    /// Seconds it was predicted to take.
    pub predicted_seconds: Option<f64>,
    /// Seconds it took.
    pub measured_seconds: Option<f64>,
}

/// A program of the head node that a cluster cannot do without.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct ServerRecord {
    /// What it serves, such as `NFS`.
    pub service: String,
    /// Its process.
    pub process: ProcessId,
}

/// A cluster.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct ClusterRecord {
    /// Its name.
    pub name: DomainName,
    /// What tells it from clusters that had its name before.
    pub id: String,
    /// What all its processes carry, and by what name it holds its images.
    pub mark: Mark,
    /// When it was asked for.
    pub created: Timestamp,
    /// What was asked for.
    pub spec: ClusterSpec,
    /// How its nodes get their root.
    pub strategy: Strategy,
    /// What it does.
    pub state: ClusterState,
    /// Why it failed.
    pub reason: Option<String>,
    /// The image and the layers that its nodes run on, the lowest first.
    pub images: Vec<String>,
    /// The process that keeps its network.
    pub network: Option<ProcessId>,
    /// The servers of the head node that its nodes depend on.
    #[serde(default)]
    pub servers: Vec<ServerRecord>,
    /// The head node's address in it.
    pub head: Option<Ipv4Addr>,
    /// Who may log in to its nodes.
    pub user: String,
    /// Its nodes.
    pub nodes: Vec<NodeRecord>,
    /// The phases of its start.
    pub phases: Vec<PhaseRecord>,
}

impl ClusterRecord {
    pub(super) fn read(directory: &Path) -> Result<Self, ClusterError> {
        let path = directory.join(RECORD);
        let text = fs::read(&path).map_err(ClusterError::read(&path))?;
        serde_json::from_slice(&text).map_err(|source| ClusterError::Damaged { path, source })
    }

    /// Writes the record so that a crash leaves the old one or the new one. When the machine itself goes
    /// down its clusters do, too: it does not matter then which of the two is found.
    pub(super) fn write(&self, directory: &Path) -> Result<(), ClusterError> {
        let path = directory.join(RECORD);
        let temporary = directory.join(".cluster.json.new");
        let write = || -> io::Result<()> {
            // one that a crash left
            match fs::remove_file(&temporary) {
                Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
                _ => {}
            }
            let mut options = File::options();
            let mut file = options.write(true).create_new(true).mode(0o600).open(&temporary)?;
            // the file has no buffer of its own
            let mut text = serde_json::to_vec_pretty(self)?;
            text.push(b'\n');
            file.write_all(&text)?;
            file.sync_all()?;
            fs::rename(&temporary, &path)
        };
        write().map_err(ClusterError::write(&path))
    }
}
