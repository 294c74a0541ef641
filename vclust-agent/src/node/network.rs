//! The node's interface, set up through the kernel's own protocol (rtnetlink(7)): no other program has
//! to start for it.

use std::fs;
use std::io;
use std::net::Ipv4Addr;
use std::thread;
use std::time::{Duration, Instant};

use rustix::net::{AddressFamily, RecvFlags, SendFlags, SocketType, netlink, recv, sendto, socket};

use super::error::AgentError;
use crate::protocol::InterfaceAddress;

/// How long an interface may take to appear.
const PATIENCE: Duration = Duration::from_secs(10);

const NEW_LINK: u16 = 16;
const NEW_ADDRESS: u16 = 20;
const NEW_ROUTE: u16 = 24;
const ERROR: u16 = 2;
/// A request (1) whose outcome is answered (4); what it makes is made (0x400) or replaced (0x100).
const REQUEST: u16 = 0x1 | 0x4;
const CREATE: u16 = 0x400 | 0x100;
/// The family of IPv4.
const INET: u8 = 2;
const UP: u32 = 1;
const LOOPBACK: u32 = 1;

/// Brings up the node's interfaces, with its address.
pub(super) fn set_up(address: &InterfaceAddress) -> Result<(), AgentError> {
    let wrong = || AgentError::Missing(format!("{address:?} is no address"));
    let own: Ipv4Addr = address.address.parse().map_err(|_| wrong())?;
    let mac = parse_mac(&address.mac).ok_or_else(wrong)?;
    let gateway: Option<Ipv4Addr> =
        address.gateway.as_deref().map(str::parse).transpose().map_err(|_| wrong())?;
    let index = interface()?;
    let mut requests = Requests::default();
    requests.link_up(LOOPBACK, None);
    requests.link_up(index, Some(mac));
    requests.address(index, own, address.prefix);
    if let Some(gateway) = gateway {
        requests.default_route(index, gateway);
    }
    requests.send().map_err(AgentError::doing("set up the network"))
}

/// Gives an address to the node's interface, which is up.
pub(super) fn give(own: Ipv4Addr, prefix: u8, gateway: Option<Ipv4Addr>) -> Result<(), AgentError> {
    let index = interface()?;
    let mut requests = Requests::default();
    requests.address(index, own, prefix);
    if let Some(gateway) = gateway {
        requests.default_route(index, gateway);
    }
    requests.send().map_err(AgentError::doing("set up the network"))
}

/// Brings the interfaces up without an address, for a DHCP client.
pub(super) fn bring_up() -> Result<String, AgentError> {
    let index = interface()?;
    let mut requests = Requests::default();
    requests.link_up(LOOPBACK, None);
    requests.link_up(index, None);
    requests.send().map_err(AgentError::doing("bring up the network"))?;
    named().map(|(name, _)| name).ok_or_else(no_interface)
}

fn no_interface() -> AgentError {
    AgentError::Missing("this machine has no network interface".to_owned())
}

/// The number of the interface.
fn interface() -> Result<u32, AgentError> {
    let deadline = Instant::now() + PATIENCE;
    loop {
        if let Some((_, index)) = named() {
            return Ok(index);
        }
        if Instant::now() >= deadline {
            return Err(no_interface());
        }
        thread::sleep(Duration::from_millis(5));
    }
}

/// The first interface that is not the loopback.
fn named() -> Option<(String, u32)> {
    let interfaces = fs::read_dir("/sys/class/net").ok()?.flatten();
    let found = interfaces.filter_map(|interface| {
        let index = fs::read_to_string(interface.path().join("ifindex")).ok()?;
        let index: u32 = index.trim().parse().ok()?;
        let name = interface.file_name().into_string().ok()?;
        (name != "lo").then_some((name, index))
    });
    found.min_by_key(|(_, index)| *index)
}

fn parse_mac(text: &str) -> Option<[u8; 6]> {
    let mut bytes = [0; 6];
    let mut parts = text.split(':');
    for byte in &mut bytes {
        *byte = u8::from_str_radix(parts.next()?, 16).ok()?;
    }
    parts.next().is_none().then_some(bytes)
}

/// Requests to the kernel, sent as one.
#[derive(Debug, Default)]
struct Requests {
    bytes: Vec<u8>,
    count: u32,
}

impl Requests {
    /// Brings an interface up, with a hardware address of its own if one is given.
    fn link_up(&mut self, index: u32, mac: Option<[u8; 6]>) {
        let mut body = vec![0; 4];
        body.extend(index.to_ne_bytes());
        body.extend(UP.to_ne_bytes());
        body.extend(UP.to_ne_bytes());
        if let Some(mac) = mac {
            attribute(&mut body, 1, &mac);
        }
        self.add(NEW_LINK, REQUEST, &body);
    }

    fn address(&mut self, index: u32, own: Ipv4Addr, prefix: u8) {
        let mut body = vec![INET, prefix, 0, 0];
        body.extend(index.to_ne_bytes());
        let host_bits = u32::MAX.checked_shr(u32::from(prefix)).unwrap_or(0);
        let broadcast = Ipv4Addr::from(u32::from(own) | host_bits);
        attribute(&mut body, 2, &own.octets());
        attribute(&mut body, 1, &own.octets());
        attribute(&mut body, 4, &broadcast.octets());
        self.add(NEW_ADDRESS, REQUEST | CREATE, &body);
    }

    fn default_route(&mut self, index: u32, gateway: Ipv4Addr) {
        // the main table (254), made by an administrator (4), to a neighbour (1)
        let mut body = vec![INET, 0, 0, 0, 254, 4, 0, 1, 0, 0, 0, 0];
        attribute(&mut body, 5, &gateway.octets());
        attribute(&mut body, 4, &index.to_ne_bytes());
        self.add(NEW_ROUTE, REQUEST | CREATE, &body);
    }

    fn add(&mut self, kind: u16, flags: u16, body: &[u8]) {
        self.count += 1;
        let length = 16 + body.len() as u32;
        self.bytes.extend(length.to_ne_bytes());
        self.bytes.extend(kind.to_ne_bytes());
        self.bytes.extend(flags.to_ne_bytes());
        self.bytes.extend(self.count.to_ne_bytes());
        self.bytes.extend([0; 4]);
        self.bytes.extend(body);
        self.bytes.resize(self.bytes.len().next_multiple_of(4), 0);
    }

    /// Sends all, and waits until the kernel has answered each.
    fn send(self) -> io::Result<()> {
        // without a protocol it is rtnetlink's, NETLINK_ROUTE = 0
        let socket = socket(AddressFamily::NETLINK, SocketType::RAW, None)?;
        let kernel = netlink::SocketAddrNetlink::new(0, 0);
        sendto(&socket, &self.bytes, SendFlags::empty(), &kernel)?;
        let mut answered = 0;
        let mut buffer = [0; 8192];
        while answered < self.count {
            let (read, _) = recv(&socket, &mut buffer[..], RecvFlags::empty())?;
            for code in errors(&buffer[..read]) {
                answered += 1;
                if code != 0 {
                    return Err(io::Error::from_raw_os_error(-code));
                }
            }
        }
        Ok(())
    }
}

/// The outcomes in an answer: 0, or a negative number of an error.
fn errors(mut answer: &[u8]) -> Vec<i32> {
    let mut found = Vec::new();
    while answer.len() >= 20 {
        let word = |at: usize| -> Option<[u8; 4]> { answer.get(at..at + 4)?.try_into().ok() };
        let kind = u16::from_ne_bytes([answer[4], answer[5]]);
        let length = word(0).map_or(0, u32::from_ne_bytes) as usize;
        if kind == ERROR {
            found.push(word(16).map_or(0, i32::from_ne_bytes));
        }
        answer = answer.get(length.max(16).next_multiple_of(4)..).unwrap_or_default();
    }
    found
}

fn attribute(body: &mut Vec<u8>, kind: u16, value: &[u8]) {
    let length = 4 + value.len() as u16;
    body.extend(length.to_ne_bytes());
    body.extend(kind.to_ne_bytes());
    body.extend(value);
    body.resize(body.len().next_multiple_of(4), 0);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn requests_have_the_kernel_s_form() {
        let mut requests = Requests::default();
        requests.address(2, Ipv4Addr::new(10, 77, 1, 3), 16);
        let text: Vec<String> = requests.bytes.iter().map(|byte| format!("{byte:02x}")).collect();
        // what `ip addr add` sends for the same, byte by byte, on a little-endian machine
        assert_eq!(
            text.concat(),
            "30000000140005050100000000000000\
             0210000002000000\
             080002000a4d0103\
             080001000a4d0103\
             080004000a4dffff"
        );
    }

    #[test]
    fn the_loopback_can_be_brought_up_or_the_kernel_says_why_not() {
        let mut requests = Requests::default();
        requests.link_up(LOOPBACK, None);
        match requests.send() {
            Ok(()) => {}
            Err(error) => assert_eq!(error.kind(), io::ErrorKind::PermissionDenied),
        }
        assert_eq!(parse_mac("52:54:00:00:00:0f"), Some([0x52, 0x54, 0, 0, 0, 15]));
        assert_eq!(parse_mac("52:54:00:00:00"), None);
    }
}
