//! Addresses, names, and what to boot from the network: `dnsmasq`.
//!
//! Only the cluster's own hardware addresses get an answer, and always the same one, so a lease has no
//! end and needs no state. Looking whether an address is taken (up to three seconds a node) is left out,
//! as nobody else is on the network.

use std::fmt::Write as _;
use std::fs;
use std::net::Ipv4Addr;
use std::path::{Path, PathBuf};
use std::process::Command;

use vclust_core::{DomainName, MacAddress};
use vclust_process::{Daemon, Mark};

use super::error::ServiceError;
use super::server::{LogEnd, Server, quotable, write_private};
use crate::network::{AddressPlan, BRIDGE, ClusterNetwork};

const SERVICE: &str = "DHCP";

/// A node as the server knows it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DhcpHost {
    /// Its name.
    pub name: DomainName,
    /// Its hardware address.
    pub mac: MacAddress,
    /// The address it gets.
    pub address: Ipv4Addr,
}

/// Who resolves names for the nodes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum NameService {
    /// Nobody: nodes know each other from a file.
    #[default]
    None,
    /// The server, for the names of the cluster alone.
    Cluster,
    /// The server, which asks somebody else for all other names.
    Forward(Ipv4Addr),
}

/// What nodes are given that boot from the network.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NetworkBoot {
    /// The directory with the files, which every node may read whole.
    pub directory: PathBuf,
    /// What firmware (PXE) that is not iPXE loads, by its name in the directory, if there is something
    /// for it.
    pub firmware: Option<String>,
    /// What iPXE loads, by its name in the directory.
    pub ipxe: String,
}

/// What a DHCP server tells the nodes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DhcpPlan {
    /// The cluster's addresses.
    pub addresses: AddressPlan,
    /// The nodes.
    pub hosts: Vec<DhcpHost>,
    /// Where nodes send what is not for each other, if there is such a place.
    pub router: Option<Ipv4Addr>,
    /// Who resolves names.
    pub names: NameService,
    /// What to boot from the network.
    pub boot: Option<NetworkBoot>,
}

/// What tells a DHCP server from others.
#[derive(Debug)]
pub enum Dhcp {}

/// A DHCP server of a cluster.
pub type DhcpServer = Server<Dhcp>;

impl DhcpServer {
    /// Starts the server in a network and waits until it takes requests. Its configuration (`dnsmasq.conf`),
    /// leases and log are in the directory.
    pub fn start(
        network: &ClusterNetwork,
        plan: &DhcpPlan,
        mark: &Mark,
        directory: &Path,
    ) -> Result<Self, ServiceError> {
        let configuration = directory.join("dnsmasq.conf");
        write_private(&configuration, &text(plan, directory)?)?;
        let mut command = Command::new("dnsmasq");
        command
            .arg("--keep-in-foreground")
            .arg(format!("--conf-file={}", configuration.display()))
            .current_dir("/");
        let log = directory.join("dnsmasq.log");
        // it listens before it has looked at everything it was told, and says so after that
        let since = LogEnd::of(&log);
        network.enter(|| {
            let daemon = Daemon::start(command, "dnsmasq-base", mark, &log)?;
            Self::new(SERVICE, daemon).answers(|| Ok(listens(67) && since.says("started, version")))
        })?
    }
}

/// The configuration, see dnsmasq(8).
fn text(plan: &DhcpPlan, directory: &Path) -> Result<String, ServiceError> {
    let addresses = &plan.addresses;
    let leases = directory.join("leases");
    let leases = quotable(SERVICE, &leases)?;
    let (network, mask) = (addresses.network(), addresses.mask());
    // an option without a value is not sent
    let option =
        |value: Option<Ipv4Addr>| value.map(|value| format!(",{value}")).unwrap_or_default();
    let resolver = (plan.names != NameService::None).then_some(addresses.head().address);
    let mut text = format!(
        "interface={BRIDGE}\nexcept-interface=lo\nbind-interfaces\nno-hosts\nno-resolv\nno-poll\n\
         pid-file\nlog-facility=-\nno-ping\ndhcp-authoritative\ndhcp-rapid-commit\n\
         dhcp-leasefile=\"{leases}\"\ndhcp-lease-max=2000\n\
         dhcp-range={network},static,{mask},infinite\n\
         dhcp-option=option:router{}\ndhcp-option=option:dns-server{}\n",
        option(plan.router),
        option(resolver),
    );
    // writing to a string does not fail
    for DhcpHost { name, mac, address } in &plan.hosts {
        let _ = writeln!(text, "dhcp-host={mac},{address},{name},infinite");
    }
    match plan.names {
        NameService::None => text.push_str("port=0\n"),
        NameService::Cluster => {}
        NameService::Forward(resolver) => {
            let _ = writeln!(text, "server={resolver}");
        }
    }
    if plan.names != NameService::None {
        for DhcpHost { name, address, .. } in &plan.hosts {
            let _ = writeln!(text, "host-record={name},{address}");
        }
    }
    if let Some(boot) = &plan.boot {
        let root = quotable(SERVICE, &boot.directory)?;
        for name in boot.firmware.iter().chain([&boot.ipxe]) {
            let letter = |byte: u8| byte.is_ascii_alphanumeric() || b"-._/".contains(&byte);
            if name.is_empty() || !name.bytes().all(letter) {
                let reason = "a file to boot has letters, digits, hyphens, dots and slashes";
                return Err(ServiceError::Value { service: SERVICE, value: name.clone(), reason });
            }
        }
        // the cluster's directory is its owner's alone; option 175 is what iPXE is told by
        let _ = write!(
            text,
            "user=root\nenable-tftp={BRIDGE}\ntftp-root=\"{root}\"\ndhcp-match=set:ipxe,175\n\
             dhcp-boot=tag:ipxe,{}\n",
            boot.ipxe
        );
        if let Some(firmware) = &boot.firmware {
            let _ = writeln!(text, "dhcp-boot=tag:!ipxe,{firmware}");
        }
    }
    Ok(text)
}

/// Whether somebody listens on a UDP port, in the network of this thread.
fn listens(port: u16) -> bool {
    let sockets = fs::read_to_string("/proc/thread-self/net/udp").unwrap_or_default();
    let end = format!(":{port:04X}");
    sockets
        .lines()
        .skip(1)
        .filter_map(|line| line.split_whitespace().nth(1))
        .any(|address| address.ends_with(&end))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn plan() -> DhcpPlan {
        let addresses = AddressPlan::new("c1", 1).unwrap();
        let node = addresses.node(1).unwrap();
        let hosts =
            vec![DhcpHost { name: "n1".parse().unwrap(), mac: node.mac, address: node.address }];
        DhcpPlan { addresses, hosts, router: None, names: NameService::None, boot: None }
    }

    #[test]
    fn paths_and_names_that_would_be_read_otherwise_are_refused() {
        let directory = Path::new("/var/lib/c1");
        let mut plan = plan();
        assert!(text(&plan, Path::new("/a\nuser=root")).is_err());
        plan.boot = Some(NetworkBoot {
            directory: "/srv/a\"b".into(),
            firmware: Some("ipxe.efi".into()),
            ipxe: "boot.ipxe".into(),
        });
        let error = text(&plan, directory).unwrap_err();
        assert!(error.to_string().starts_with("the DHCP server cannot serve"), "{error}");
        let boot = plan.boot.as_mut().unwrap();
        boot.directory = "/srv/boot".into();
        boot.ipxe = "a,b".into();
        assert!(text(&plan, directory).is_err());
    }
}
