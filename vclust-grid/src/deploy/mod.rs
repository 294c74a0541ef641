//! Clusters, from a plan to running nodes and back.
//!
//! [`Deployer::up`] carries a plan out: it enters the cluster in the records, makes its network, its keys
//! and its files, and brings up its nodes, each in a course of its own ([`node`]), until all are ready or
//! as many as the spec asks for. Whatever fails on the way, and whoever asks to stop, leaves nothing
//! behind. Nothing here knows which hypervisor runs the nodes.

mod agent;
mod backend;
mod cancel;
mod capacity;
mod down;
mod error;
mod events;
mod files;
mod install;
mod look;
mod machine;
mod node;
mod template;
mod up;

use vclust_core::{DomainName, Hypervisor};

pub use backend::Backend;
pub use cancel::Cancel;
pub use down::{Down, down};
pub use error::DeployError;
pub use events::{DeployEvent, NodeStage, OnDeploy};
pub use install::{
    InstallBoot, InstallIdentity, InstallPlan, InstallService, InstallServiceError, PROGRAMS,
    ProgramsError, node_partitions, programs_order,
};
pub use look::{console_of, problems_of, states_of};
pub(crate) use machine::MOST_LAYERS;
pub use template::{TemplateInformation, TemplateStore};
pub use up::{ClusterOrder, Deployer, InstallSources, PhaseTime, Up};
pub use vclust_qemu::{NETWORK_ROM_PACKAGE, network_rom};

/// Bytes of a console that an error shows.
const SHOWN: u64 = 1500;

/// What a template reads ahead, so that its copies find it in memory: what a login and a program need.
const WARM: [&str; 9] = [
    "/usr/sbin/sshd",
    "/usr/bin/bash",
    "/usr/bin/dash",
    "/lib/x86_64-linux-gnu/libc.so.6",
    "/lib/x86_64-linux-gnu/libcrypto.so.3",
    "/lib/x86_64-linux-gnu/libselinux.so.1",
    "/lib/x86_64-linux-gnu/libz.so.1",
    "/lib/x86_64-linux-gnu/libtinfo.so.6",
    "/lib64/ld-linux-x86-64.so.2",
];

/// The end of a node's console, cleaned.
fn console_tail(hypervisor: &dyn Hypervisor, node: &DomainName) -> String {
    let text = hypervisor.console_log(node, SHOWN).unwrap_or_default();
    vclust_agent::protocol::clean(&String::from_utf8_lossy(&text))
}

/// Bytes as hexadecimal digits.
fn hexadecimal(bytes: &[u8]) -> String {
    bytes.iter().fold(String::new(), |mut text, byte| {
        // writing to a string does not fail
        let _ = std::fmt::Write::write_fmt(&mut text, format_args!("{byte:02x}"));
        text
    })
}
