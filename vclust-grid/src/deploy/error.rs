//! Why a cluster does not come up.

use std::io;
use std::path::{Path, PathBuf};
use std::time::Duration;

use thiserror::Error;
use vclust_core::{ByteSize, DomainName, HypervisorError};
use vclust_debian::{NetworkError, ProductError, ServiceError, TooManyNodes};

use super::install::InstallServiceError;
use crate::{ClusterError, ExportError, FileError, KeyError, RepositoryError};

/// Why a cluster does not come up, or does not go down.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum DeployError {
    /// A file cannot be used.
    #[error(transparent)]
    File(#[from] FileError),
    /// A user that a cluster cannot have.
    #[error(
        "`{user}` cannot be the cluster's user: the image has another use for the name; give another one with `user` in [deploy]"
    )]
    User {
        /// The name.
        user: String,
    },
    /// An owner of a file that nobody knows.
    #[error("the owner `{owner}` of {file} is not known on nodes")]
    Owner {
        /// The owner.
        owner: String,
        /// The file on the node.
        file: String,
    },
    /// The host has too little memory.
    #[error(
        "{nodes} nodes need {needed} of memory ({each} each{shared}), and this machine has {free} \
         left; ask for fewer nodes or for less memory each"
    )]
    Memory {
        /// How many nodes.
        nodes: u32,
        /// All of it.
        needed: ByteSize,
        /// For each node.
        each: ByteSize,
        /// What they share, in words.
        shared: String,
        /// What there is.
        free: ByteSize,
    },
    /// The disk is too full.
    #[error(
        "{nodes} nodes may write {needed} before the cluster is ready, and {} has {free} left; remove \
         images with `vclust cache gc`, or choose another state directory with VCLUST_STATE_DIR",
        directory.display()
    )]
    Space {
        /// How many nodes.
        nodes: u32,
        /// What they may need at first.
        needed: ByteSize,
        /// What there is.
        free: ByteSize,
        /// The file system's directory.
        directory: PathBuf,
    },
    /// What nodes install does not fit on their disks.
    #[error(
        "the root of a node needs {needed} ({sum}), and has {room}; give nodes a larger `disk`, or its \
         partitions another `size`"
    )]
    SmallDisk {
        /// All of it.
        needed: ByteSize,
        /// How that comes about.
        sum: String,
        /// What there is.
        room: ByteSize,
    },
    /// More layers than nodes have disks for.
    #[error(
        "{layers} layers are more than the {most} that a node can have; `vclust cache build` makes one of several"
    )]
    Layers {
        /// How many.
        layers: usize,
        /// The most.
        most: usize,
    },
    /// The plan does not say what nodes install with.
    #[error("the plan says nothing about what nodes install with; plan the cluster anew")]
    NoSources,
    /// A disk that clones cannot have.
    #[error("{disk} is too large for a node's disk; at most {most} are possible")]
    Disk {
        /// What was asked for.
        disk: ByteSize,
        /// The largest.
        most: ByteSize,
    },
    /// A node failed, as often as it was tried.
    #[error("{node} did not come up: {reason}{}", console_text(console))]
    Node {
        /// The node.
        node: DomainName,
        /// Why.
        reason: String,
        /// The end of what it wrote to its console.
        console: String,
    },
    /// Fewer nodes are ready than the spec asks for.
    #[error("{ready} of {nodes} nodes are ready, and {quorum} have to be")]
    Quorum {
        /// Nodes that are ready.
        ready: u32,
        /// All nodes.
        nodes: u32,
        /// How many have to be.
        quorum: u32,
        /// Why the first that failed did.
        #[source]
        first: Box<DeployError>,
    },
    /// Somebody asked to stop.
    #[error("stopped on request; nothing of the cluster is left")]
    Cancelled,
    /// It took too long.
    #[error("{what} took longer than {:.0} s", limit.as_secs_f64())]
    Late {
        /// What.
        what: String,
        /// How long it was given.
        limit: Duration,
    },
    /// The hypervisor failed.
    #[error(transparent)]
    Hypervisor(#[from] HypervisorError),
    /// The network failed.
    #[error(transparent)]
    Network(#[from] NetworkError),
    /// A server of the head node failed.
    #[error(transparent)]
    Service(#[from] ServiceError),
    /// Nodes cannot be installed.
    #[error(transparent)]
    Install(#[from] InstallServiceError),
    /// What nodes install cannot be made of the images.
    #[error(transparent)]
    Export(#[from] ExportError),
    /// The cluster has too many nodes for its network.
    #[error(transparent)]
    Addresses(#[from] TooManyNodes),
    /// A layer cannot be written.
    #[error(transparent)]
    Product(#[from] ProductError),
    /// The repository failed.
    #[error(transparent)]
    Repository(#[from] RepositoryError),
    /// The cluster's record failed.
    #[error(transparent)]
    Cluster(#[from] ClusterError),
    /// There are no keys.
    #[error(transparent)]
    Keys(#[from] KeyError),
}

fn console_text(console: &str) -> String {
    if console.trim().is_empty() {
        "; its console is empty".to_owned()
    } else {
        format!("; its console ends:\n{}", console.trim_end())
    }
}

impl DeployError {
    pub(super) fn read(path: &Path) -> impl FnOnce(io::Error) -> Self + use<> {
        let failed = FileError::read(path);
        |source| failed(source).into()
    }

    pub(super) fn write(path: &Path) -> impl FnOnce(io::Error) -> Self + use<> {
        let failed = FileError::write(path);
        |source| failed(source).into()
    }
}
