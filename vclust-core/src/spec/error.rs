//! Why a text is no spec.

use thiserror::Error;

use super::PartitionError;
use crate::units::ByteSize;

/// Why a text is no spec.
#[derive(Debug, Clone, PartialEq, Error)]
#[non_exhaustive]
pub enum SpecError {
    /// Not TOML, or with keys and values that specs do not have.
    #[error("this is no cluster spec")]
    Toml(#[from] toml::de::Error),
    /// A name that host names cannot begin with.
    #[error(
        "`{name}` is no name for a cluster: lower-case letters, digits and hyphens, a letter first, at \
         most 57"
    )]
    Name {
        /// The name.
        name: String,
    },
    /// No nodes, or too many.
    #[error("{nodes} nodes: a cluster has 1 to {most}")]
    Nodes {
        /// The number.
        nodes: u32,
        /// The most there may be.
        most: u32,
    },
    /// Less memory than Linux starts in.
    #[error("{memory} of memory is too little to start in; give each node {least} or more")]
    Memory {
        /// What was given.
        memory: ByteSize,
        /// The least.
        least: ByteSize,
    },
    /// An overlay network, which nobody makes.
    #[error(
        "there are no overlay networks yet; leave `overlay` out of [network], or write \"none\": nodes of \
         one cluster reach each other without"
    )]
    Overlay,
    /// What nodes without a disk to fill cannot have.
    #[error(
        "`{key}` is for nodes that install their own disk; write strategy = \"install\" in [deploy], or \
         leave it out"
    )]
    OnlyInstall {
        /// What it is.
        key: &'static str,
    },
    /// A disk that cannot be divided so.
    #[error(transparent)]
    Partition(#[from] PartitionError),
    /// One of two that need each other.
    #[error("[debian] mirror and suite go together; give both, or neither for the machine's own")]
    MirrorWithoutSuite,
    /// No processors, or too many.
    #[error("{processors} processors: a node has 1 to {most}")]
    Processors {
        /// The number.
        processors: u32,
        /// The most there may be.
        most: u32,
    },
    /// A quorum that the cluster cannot have.
    #[error("a quorum of {quorum} of {nodes} nodes is not possible; 1 to {nodes} are")]
    Quorum {
        /// The number.
        quorum: u32,
        /// The nodes there are.
        nodes: u32,
    },
    /// A strategy that the hypervisor cannot carry out.
    #[error("{hypervisor} cannot carry out the strategy {strategy}; {} or auto are possible", possible.join(", "))]
    Strategy {
        /// The hypervisor.
        hypervisor: &'static str,
        /// The strategy.
        strategy: &'static str,
        /// Those that it can carry out.
        possible: Vec<&'static str>,
    },
    /// A name that a user cannot have.
    #[error(
        "`{user}` is no name for a user: 1 to 31 lower-case letters, digits, hyphens and underscores, \
         a letter first"
    )]
    User {
        /// The name.
        user: String,
    },
    /// A hook without a command.
    #[error("a hook has no command; give it one with `run`, and seconds with `timeout`")]
    Hook,
    /// A place to put a file that is no path from the root.
    #[error("`{target}` is no absolute path on a node")]
    Target {
        /// The path.
        target: String,
    },
}
