//! A way out of a cluster's network, for those who ask for one.
//!
//! `slirp4netns` speaks for the nodes: it terminates their connections and makes them anew as a program
//! of the user's. So nothing is set up outside of the namespace, no rights beyond the user's are
//! needed, and nobody outside can open a connection to a node.

use std::fs;
use std::net::Ipv4Addr;
use std::path::Path;
use std::process::Command;
use std::time::{Duration, Instant};

use vclust_process::{Daemon, Mark, ProcessId};

use super::error::NetworkError;
use super::{AddressPlan, BRIDGE, ClusterNetwork, links};

/// The link by which `slirp4netns` is on the bridge.
const LINK: &str = "outward";
const PATIENCE: Duration = Duration::from_secs(10);

/// A way out.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Outward {
    /// The program that provides it.
    pub process: ProcessId,
    /// Where nodes send what is not for each other.
    pub gateway: Ipv4Addr,
    /// Whom nodes ask for names; it asks the host's resolver.
    pub resolver: Ipv4Addr,
}

impl ClusterNetwork {
    /// Gives the network a way out to whatever the host reaches, except the host's own loopback
    /// addresses. The program is marked; its log is in the directory.
    pub fn outward(
        &self,
        addresses: &AddressPlan,
        mark: &Mark,
        directory: &Path,
    ) -> Result<Outward, NetworkError> {
        let network = addresses.network();
        let at = |place| Ipv4Addr::from_bits(network.to_bits() + place);
        // places that slirp4netns(1) gives to its gateway and its resolver
        let (gateway, resolver) = (at(2), at(3));
        let mut command = Command::new("slirp4netns");
        command
            .arg(format!("--cidr={network}/{}", AddressPlan::PREFIX))
            .args(["--disable-host-loopback", "--mtu=1500"])
            .arg(self.holder().number.to_string())
            .arg(LINK)
            .current_dir("/");
        let log = directory.join("outward.log");
        let mut daemon = Daemon::start(command, "slirp4netns", mark, &log)?;
        let connected = self.enter(|| {
            let end = Instant::now() + PATIENCE;
            while !has_link(LINK) {
                if !daemon.is_alive() || Instant::now() >= end {
                    return Err(NetworkError::Outward { said: daemon.last_words() });
                }
                std::thread::sleep(Duration::from_millis(2));
            }
            let lines = format!(
                "link set dev {LINK} master {BRIDGE} up\nroute add default via {gateway} dev {BRIDGE}\n"
            );
            links::run(&lines, directory)
        });
        match connected.and_then(|result| result) {
            Ok(()) => Ok(Outward { process: daemon.detach(), gateway, resolver }),
            Err(error) => {
                daemon.kill();
                Err(error)
            }
        }
    }
}

/// Whether the namespace of this thread has a link.
fn has_link(name: &str) -> bool {
    let devices = fs::read_to_string("/proc/thread-self/net/dev").unwrap_or_default();
    devices.lines().any(|line| line.split_once(':').is_some_and(|(link, _)| link.trim() == name))
}
