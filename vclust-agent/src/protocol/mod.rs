//! What head node and agent say to each other: one JSON document a line, in both directions.
//!
//! The head node gives [`Order`]s, the agent answers with [`Report`]s. Nothing that a node says is
//! trusted: lines are bounded ([`LONGEST_REPORT`]), texts are cut and cleaned where they are shown, and
//! a report only ever speaks for the node at the other end of its channel.

mod install;
mod lines;
mod order;
mod report;

pub use install::{
    HttpSource, ImageArchive, ImageSource, Install, PackageStep, Packages, Partition,
};
pub use lines::{LineError, Lines, write_line};
pub use order::{
    Become, Disk, HostKey, Init, InterfaceAddress, Order, Prepare, Root, Run, SharedDirectory,
    Upper,
};
pub use report::{Report, Step, clean, with_causes};

/// The channel's name, by which the agent finds it among the ports of its machine.
pub const PORT: &str = "org.vclust.agent";

/// The version of the protocol, which both sides must have.
pub const VERSION: u32 = 1;

/// Bytes of the longest order, with files' names and keys but no content of files.
pub const LONGEST_ORDER: usize = 4 << 20;

/// Bytes of the longest report that the head node reads.
pub const LONGEST_REPORT: usize = 128 << 10;
