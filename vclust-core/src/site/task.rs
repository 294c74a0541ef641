//! What a site is asked to do.

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::strategy::Strategy;

/// How an image gets to the hosts.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum TransferMethod {
    /// The head node sends a copy to each, all at the same time.
    SharedServer,
    /// Pieces pass from host to host.
    Chain,
    /// Whole images pass from host to several hosts.
    Tree,
}

impl TransferMethod {
    /// All methods, in the order in which they are declared.
    pub const ALL: [Self; 3] = [Self::SharedServer, Self::Chain, Self::Tree];

    /// The method that a transfer in a history went by. Names that nobody knows, as `nfs`, are taken
    /// for a shared server, which grows fastest with the number of nodes.
    #[must_use]
    pub fn of_history(method: &str) -> Self {
        let is = |names: &[&str]| names.iter().any(|name| method.eq_ignore_ascii_case(name));
        if is(&["chain", "pipeline", "pipelined", "pipelined-chain", "dolly", "dolly+"]) {
            Self::Chain
        } else if is(&["tree", "binary-tree", "multicast-tree"]) {
            Self::Tree
        } else {
            Self::SharedServer
        }
    }

    /// Its name on the command line.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::SharedServer => "shared-server",
            Self::Chain => "chain",
            Self::Tree => "tree",
        }
    }
}

impl fmt::Display for TransferMethod {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.pad(self.name())
    }
}

/// What every node shall hold.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Software {
    /// Size of the image, compressed as it travels.
    pub image_bytes: u64,
    /// Number of packages that it lacks.
    pub packages: u32,
    /// Size of their .debs.
    pub packages_bytes: u64,
    /// Seconds that installing them takes one node alone; without it, what the site's description
    /// says for so many packages.
    pub install_seconds: Option<f64>,
}

impl Software {
    /// The paper's configuration 1 (C/C++ and MPI) on its minimal image: 47 packages of 18.0 MB on
    /// 46.0 MB.
    #[must_use]
    pub fn paper() -> Self {
        Self {
            image_bytes: 46_000_000,
            packages: 47,
            packages_bytes: 18_000_000,
            install_seconds: None,
        }
    }
}

/// A cluster to be simulated.
#[derive(Debug, Clone, PartialEq)]
pub struct SiteTask {
    /// How nodes get their root.
    pub strategy: Strategy,
    /// How images get to the hosts.
    pub transfer: TransferMethod,
    /// Number of nodes.
    pub nodes: u32,
    /// What they shall hold.
    pub software: Software,
    /// Draws how nodes differ; the same seed gives the same times.
    pub seed: u64,
}

/// The parts of a build that are measured one by one.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) enum Part {
    /// From the request to the last node's readiness.
    Whole,
    /// Bringing an image to nodes that wait for it, and unpacking it.
    Transfer,
    /// Installing packages on nodes that wait for them.
    Install,
    /// Booting from the network, or from layers.
    Boot,
    /// Booting from the node's own disk.
    Reboot,
    /// Starting clones of a template that has booted.
    Clones,
}
