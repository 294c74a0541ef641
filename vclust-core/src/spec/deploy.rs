//! How a cluster's nodes come into being.

use serde::{Deserialize, Serialize};

use super::file::check_target;
use super::{HypervisorKind, SpecError, StrategyChoice};

/// How a cluster's nodes come into being.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case", default)]
pub struct DeploySpec {
    /// The strategy.
    pub strategy: StrategyChoice,
    /// The hypervisor.
    pub hypervisor: HypervisorKind,
    /// The nodes' first process.
    pub init: InitKind,
    /// The cluster's user, who may log in on every node from every other.
    pub user: String,
    /// How many nodes have to be ready; all of them by default.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub quorum: Option<u32>,
    /// How images come to nodes that install.
    pub transfer: Transfer,
    /// What nodes that install start from.
    pub boot: BootMethod,
    /// Where nodes write that have layers.
    pub writes: NodeDisk,
}

impl Default for DeploySpec {
    fn default() -> Self {
        Self {
            strategy: StrategyChoice::default(),
            hypervisor: HypervisorKind::default(),
            init: InitKind::default(),
            user: "vclust".to_owned(),
            quorum: None,
            transfer: Transfer::default(),
            boot: BootMethod::default(),
            writes: NodeDisk::default(),
        }
    }
}

impl DeploySpec {
    pub(super) fn check(&self, nodes: u32) -> Result<(), SpecError> {
        if let Some(quorum) = self.quorum.filter(|quorum| !(1..=nodes).contains(quorum)) {
            return Err(SpecError::Quorum { quorum, nodes });
        }
        let possible = self.hypervisor.strategies();
        let allowed = self.strategy.allowed();
        if !allowed.iter().any(|strategy| possible.contains(strategy)) {
            return Err(SpecError::Strategy {
                hypervisor: self.hypervisor.name(),
                strategy: allowed.first().map_or("none", |strategy| strategy.name()),
                possible: possible.iter().map(|strategy| strategy.name()).collect(),
            });
        }
        let mut letters = self.user.bytes();
        let well_formed = (1..=31).contains(&self.user.len())
            && letters.next().is_some_and(|first| first.is_ascii_lowercase())
            && letters.all(|byte| {
                byte.is_ascii_lowercase() || byte.is_ascii_digit() || b"-_".contains(&byte)
            });
        if well_formed { Ok(()) } else { Err(SpecError::User { user: self.user.clone() }) }
    }
}

/// A node's first process.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum InitKind {
    /// vclust's agent, which serves logins and nothing else: ready at once.
    #[default]
    Minimal,
    /// systemd with all services of the packages.
    Systemd,
}

/// How images come to nodes that install.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Transfer {
    /// Over NFS from the head node, as in the paper.
    #[default]
    Nfs,
    /// Over HTTP from the head node.
    Http,
    /// From node to node, each passing on what it receives.
    Chain,
}

impl Transfer {
    /// Its name, as specs and histories write it.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Nfs => "nfs",
            Self::Http => "http",
            Self::Chain => "chain",
        }
    }
}

/// What nodes that install start from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum BootMethod {
    /// A kernel that the hypervisor loads.
    #[default]
    Kernel,
    /// What the network offers (PXE), as physical machines do.
    Network,
}

/// Where nodes write that have layers.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum NodeDisk {
    /// To a disk of their own, as large as the spec's `disk`.
    #[default]
    Disk,
    /// Into memory.
    Memory,
}

/// A directory of the head node that all nodes have.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SharedDirectory {
    /// The directory of the head node, relative to the spec.
    pub source: String,
    /// Where nodes have it.
    pub target: String,
}

impl SharedDirectory {
    pub(super) fn check(&self) -> Result<(), SpecError> {
        check_target(&self.target)
    }
}

/// A command that each node runs before it is ready.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Hook {
    /// The command, for a shell.
    pub run: String,
    /// Who runs it.
    #[serde(default = "root")]
    pub user: String,
    /// Seconds after which it is killed, and the node fails.
    #[serde(default = "minute")]
    pub timeout: u32,
}

fn root() -> String {
    "root".to_owned()
}

fn minute() -> u32 {
    60
}

impl Hook {
    pub(super) fn check(&self) -> Result<(), SpecError> {
        if self.run.trim().is_empty() || self.timeout == 0 { Err(SpecError::Hook) } else { Ok(()) }
    }
}
