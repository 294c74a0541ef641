//! An address by DHCP.
//!
//! busybox's `udhcpc`, out of the initramfs, asks for it; the program that it calls with the answer is
//! the agent itself, which only writes it down.

use std::env;
use std::fs;
use std::io;
use std::net::Ipv4Addr;
use std::process::Command;
use std::time::Duration;

use super::super::error::AgentError;
use super::super::{network, processes};

/// The variable by which the agent knows that it is called with an answer, and where that goes.
const VARIABLE: &str = "VCLUST_LEASE";
const PATH: &str = "/lease";
/// Requests, one each second: the first are lost where a bridge learns, or a server just starts.
const ATTEMPTS: &str = "60";
const PATIENCE: Duration = Duration::from_secs(75);

/// Gets an address for the node's interface, and gives it to it.
pub(super) fn ask() -> Result<(), AgentError> {
    let interface = network::bring_up()?;
    let mut command = Command::new("/bin/busybox");
    command
        .args(["udhcpc", "-i", &interface, "-n", "-q", "-f", "-s", "/init"])
        .args(["-t", ATTEMPTS, "-T", "1", "-A", "1"])
        .env(VARIABLE, PATH);
    processes::succeed(&mut command, PATIENCE)?;
    let text = fs::read_to_string(PATH).map_err(AgentError::doing("read the DHCP server's answer"));
    let text = text?;
    let lease = Lease::parse(&text)
        .ok_or_else(|| AgentError::Missing(format!("the DHCP server answered `{text}`")))?;
    network::give(lease.address, lease.prefix, lease.router)
}

/// Writes down an answer if this process was called with one.
pub(in super::super) fn take_down() -> Option<io::Result<()>> {
    let path = env::var_os(VARIABLE)?;
    if env::args().nth(1).as_deref() != Some("bound") {
        return Some(Ok(()));
    }
    let value = |name: &str| env::var(name).unwrap_or_default();
    Some(fs::write(path, format!("{} {} {}\n", value("ip"), value("mask"), value("router"))))
}

#[derive(Debug, PartialEq, Eq)]
struct Lease {
    address: Ipv4Addr,
    prefix: u8,
    router: Option<Ipv4Addr>,
}

impl Lease {
    /// Reads address, bits of the network and routers, the best first.
    fn parse(text: &str) -> Option<Self> {
        let mut words = text.split_ascii_whitespace();
        let address = words.next()?.parse().ok()?;
        let prefix = words.next()?.parse().ok().filter(|bits| *bits <= 32)?;
        let router = words.next().map(str::parse).transpose().ok()?;
        Some(Self { address, prefix, router })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_answer_has_an_address_and_perhaps_a_router() {
        let lease = Lease::parse("10.77.1.3 16 \n").unwrap();
        assert_eq!((lease.address, lease.prefix), (Ipv4Addr::new(10, 77, 1, 3), 16));
        assert_eq!(lease.router, None);
        let lease = Lease::parse("10.77.1.3 16 10.77.0.2 10.77.0.4").unwrap();
        assert_eq!(lease.router, Some(Ipv4Addr::new(10, 77, 0, 2)));
        for text in ["", "10.77.1.3", "10.77.1.3 33", "10.77.1 16", "10.77.1.3 16 x"] {
            assert_eq!(Lease::parse(text), None, "{text}");
        }
    }
}
