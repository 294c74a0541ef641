//! Installing nodes, as the paper has it: what the head node offers while nodes fill their own disks,
//! and what it orders each of them to do.
//!
//! Each node starts the agent from an initramfs ([`BootPackages::make_installer`](crate::BootPackages)),
//! gets its address by DHCP, mounts the root of the installation ([`programs_order`]) and does what
//! [`InstallService::order`] says. The image comes over NFS, over HTTP, or from node to node; packages and
//! the cluster's files always come over NFS.

mod boot;
mod order;
mod programs;
mod serve;

pub use boot::InstallBoot;
pub use order::{InstallIdentity, node_partitions};
pub use programs::{PROGRAMS, ProgramsError, programs_order};
pub use serve::{InstallPlan, InstallService, InstallServiceError};
