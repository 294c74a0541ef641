//! vclust's agent: the first program of a node, and what it and the head node say to each other.
//!
//! The agent starts a node's life: it loads the kernel's modules, opens the channel to the head node,
//! and does what it is told there: put the root together, take on an identity, install. Where a spec
//! asks for no other init it stays the node's first process. The head node speaks the same
//! [`protocol`], which treats whatever a node sends as possibly hostile.

#[doc(hidden)]
pub mod node;
pub mod protocol;

/// The agent as a statically linked program, to be the first of an initramfs.
#[cfg(feature = "embed")]
pub const PROGRAM: &[u8] = include_bytes!(env!("VCLUST_AGENT"));
