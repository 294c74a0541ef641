//! `xl list -l`: what domains are configured as, without what they do.
//!
//! Defaults are left out of the document, and the number inside of `c_info` is none: the outer one counts.

use serde::Deserialize;

use super::{Unreadable, Uuid};
use crate::options::GuestKind;

/// What a domain is configured as.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Configured {
    /// Its number.
    pub id: u32,
    /// Its name; none while it is being made or removed.
    pub name: Option<String>,
    /// Its UUID; the control domain has none.
    pub uuid: Option<Uuid>,
    /// How it is virtualised; none for what vclust does not make.
    pub kind: Option<GuestKind>,
    /// The most memory that it may have, in KiB.
    pub most_memory_kib: Option<u64>,
    /// The memory that it should have, in KiB.
    pub memory_kib: Option<u64>,
    /// Its virtual processors.
    pub processors: u32,
    /// Its kernel's command line.
    pub command_line: Option<String>,
    /// Its disks.
    pub disks: Vec<ConfiguredDisk>,
    /// Its network interfaces.
    pub interfaces: Vec<ConfiguredInterface>,
}

/// A disk of a domain.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ConfiguredDisk {
    /// The file or device.
    pub path: Option<String>,
    /// The guest's name for it.
    pub device: Option<String>,
    /// Whether the guest may write it.
    pub is_writable: bool,
}

/// A network interface of a domain.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ConfiguredInterface {
    /// Its hardware address.
    pub mac: Option<String>,
    /// The bridge that the host's end is a port of.
    pub bridge: Option<String>,
}

#[derive(Deserialize)]
struct Entry {
    domid: u32,
    config: Config,
}

#[derive(Deserialize)]
struct Config {
    c_info: Create,
    b_info: Build,
    #[serde(default)]
    disks: Vec<Disk>,
    #[serde(default)]
    nics: Vec<Nic>,
}

#[derive(Deserialize)]
struct Create {
    #[serde(rename = "type")]
    kind: Option<String>,
    name: Option<String>,
    uuid: Option<Uuid>,
}

#[derive(Deserialize)]
struct Build {
    max_memkb: Option<u64>,
    target_memkb: Option<u64>,
    max_vcpus: Option<u32>,
    cmdline: Option<String>,
}

#[derive(Deserialize)]
struct Disk {
    pdev_path: Option<String>,
    vdev: Option<String>,
    #[serde(default)]
    readwrite: i64,
}

#[derive(Deserialize)]
struct Nic {
    mac: Option<String>,
    bridge: Option<String>,
}

/// Reads `xl list -l`.
pub fn configured(text: &str) -> Result<Vec<Configured>, Unreadable> {
    let entries: Vec<Entry> = serde_json::from_str(text)?;
    Ok(entries.into_iter().map(Configured::of).collect())
}

impl Configured {
    fn of(entry: Entry) -> Self {
        let Config { c_info, b_info, disks, nics } = entry.config;
        let disk = |disk: Disk| ConfiguredDisk {
            path: disk.pdev_path,
            device: disk.vdev,
            is_writable: disk.readwrite != 0,
        };
        let interface = |nic: Nic| ConfiguredInterface { mac: nic.mac, bridge: nic.bridge };
        Self {
            id: entry.domid,
            name: c_info.name,
            uuid: c_info.uuid.filter(|uuid| !uuid.is_nil()),
            kind: match c_info.kind.as_deref() {
                Some("pv") => Some(GuestKind::Pv),
                Some("pvh") => Some(GuestKind::Pvh),
                _ => None,
            },
            most_memory_kib: b_info.max_memkb,
            memory_kib: b_info.target_memkb,
            processors: b_info.max_vcpus.unwrap_or(1),
            command_line: b_info.cmdline,
            disks: disks.into_iter().map(disk).collect(),
            interfaces: nics.into_iter().map(interface).collect(),
        }
    }
}
