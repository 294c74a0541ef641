//! The network of a virtual cluster: a network namespace with a bridge, to which every node has a tap.
//!
//! The namespace has an interface of the head node's and no way out, so what its services offer can be
//! reached by the cluster's nodes and by nobody else, and two clusters may have the same addresses.
//! A process that does nothing else keeps the namespace; it carries the cluster's mark. No name in a
//! file system stands for the namespace: when the marked processes have ended, the kernel removes it
//! with its bridge and taps, and nothing is left to clean up.
//!
//! Root of a user namespace can have all this, too, if it may open `/dev/net/tun`.

mod address;
mod error;
mod links;
mod login;
mod namespace;
mod outward;

use std::io;
use std::net::Ipv4Addr;
use std::os::fd::OwnedFd;
use std::path::Path;
use std::process::Command;

use vclust_core::MacAddress;
use vclust_process::{Daemon, Mark, ProcessId};

pub use address::{AddressPlan, NodeAddress, TooManyNodes};
pub use error::NetworkError;
pub use outward::Outward;

/// The bridge that the nodes' taps and the head node's address are on.
pub const BRIDGE: &str = "br0";

/// What a cluster's network is made of.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NetworkPlan {
    /// The head node's address.
    pub head: Ipv4Addr,
    /// How many bits of it are the network's.
    pub prefix: u8,
    /// The head node's hardware address.
    pub mac: MacAddress,
    /// The taps, at most fifteen letters each.
    pub taps: Vec<String>,
}

/// The network of a cluster.
#[derive(Debug)]
pub struct ClusterNetwork {
    holder: ProcessId,
    namespace: OwnedFd,
}

impl ClusterNetwork {
    /// Makes a network. The process that keeps it is marked, and its log, which stays empty, is in the
    /// directory. Needs root's rights, those of a user namespace suffice.
    pub fn create(plan: &NetworkPlan, mark: &Mark, directory: &Path) -> Result<Self, NetworkError> {
        links::check(&plan.taps)?;
        if !plan.taps.is_empty() {
            links::check_device()?;
        }
        let (namespace, holder) = namespace::in_new(|| {
            let mut command = Command::new("sleep");
            command.arg("infinity").current_dir("/");
            let log = directory.join("network.log");
            let holder = Daemon::start(command, "coreutils", mark, &log)?;
            // neighbour discovery of IPv6 makes much traffic in a large cluster; where it cannot be
            // switched off, it does no harm
            for devices in ["all", "default"] {
                let path = format!("/proc/sys/net/ipv6/conf/{devices}/disable_ipv6");
                let _ = std::fs::write(path, "1");
            }
            match links::make(plan, directory) {
                Ok(()) => Ok(holder.detach()),
                Err(error) => {
                    holder.kill();
                    Err(error)
                }
            }
        })?;
        Ok(Self { holder: holder?, namespace })
    }

    /// Finds the network that a process keeps.
    pub fn find(holder: ProcessId) -> Result<Self, NetworkError> {
        let gone = || NetworkError::Gone { holder };
        let failed = |source: io::Error| match source.kind() {
            io::ErrorKind::NotFound => gone(),
            _ => NetworkError::Find { holder, source },
        };
        let namespace = namespace::of(holder).map_err(failed)?;
        // only now is it sure that the number was not somebody else's
        if !holder.is_alive() {
            return Err(gone());
        }
        if !namespace::has_same_user_namespace(holder).map_err(failed)? {
            return Err(NetworkError::OtherUserNamespace { holder });
        }
        Ok(Self { holder, namespace })
    }

    /// The process that keeps the network.
    #[must_use]
    pub fn holder(&self) -> ProcessId {
        self.holder
    }

    /// Calls `work` in a thread inside the network. Threads and processes that it starts and sockets
    /// that it opens are there, too, and stay there.
    pub fn enter<T: Send>(&self, work: impl FnOnce() -> T + Send) -> Result<T, NetworkError> {
        namespace::inside(&self.namespace, work)
    }

    /// Adds taps; a file in the directory serves for a moment.
    pub fn add_taps(&self, taps: &[String], directory: &Path) -> Result<(), NetworkError> {
        links::check(taps)?;
        links::check_device()?;
        self.enter(|| links::add_taps(taps, directory))?
    }

    /// Ends the process that keeps the network. When nobody is inside any more, it is gone.
    pub fn end(self) {
        self.holder.kill();
    }
}
