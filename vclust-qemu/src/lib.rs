//! Domains under QEMU, for vclust: [`Qemu`] is a [`vclust_core::Hypervisor`] over a directory.
//!
//! Each domain has a directory of its own below it, from its definition to its removal, and runs as a
//! QEMU process of its own that outlives whoever started it. There is no daemon: any process that opens
//! the same directory finds the same domains, and callers that meet at one domain wait for each other.
//! Processes carry a [mark](vclust_process::Mark), so that what a crash leaves is found without a list.
//!
//! Guests run by the kernel's virtualisation where a trial guest ran with it, and in software elsewhere
//! ([`Acceleration`]). Only the owner of the directory reaches a domain's lines and memory.
//!
//! A domain whose memory is saveable runs on a file. Saving moves the file and writes a few hundred
//! kilobytes of devices' state beside it; every domain that starts from there maps the file
//! copy-on-write, gets a new generation identifier (vmgenid), and may have other disk files, addresses
//! and taps, as long as the machine's shape is the same.
//!
//! Disks' flushes are ignored: a node that loses its host is built anew.

mod acceleration;
mod backend;
mod domain;
mod host;
mod machine;
mod options;
mod problem;
mod qmp;
mod saved;

pub use acceleration::Acceleration;
pub use backend::Qemu;
pub use host::{NETWORK_ROM_PACKAGE, network_rom};
pub use options::{Percent, QemuOptions};
pub use problem::QemuProblem;
