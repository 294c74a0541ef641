//! The configuration of a domain as `xl` reads it: typed, checked, and written with correct quotes.
//!
//! `xl` accepts keys that it does not know and numbers that are none with a warning at most, so nothing
//! is left to it: what is here is known to be read back as it was meant (`xl.cfg(5)`,
//! `xl-disk-configuration(5)`, `xl-network-configuration(5)`).

mod of_domain;
mod text;

use std::path::PathBuf;

use thiserror::Error;
use vclust_core::{DomainName, MacAddress};

use crate::options::GuestKind;
use crate::parse::Uuid;

/// Memory of the host that a domain takes beside its own, in MiB: what Xen keeps for every domain.
const OVERHEAD_MIB: u64 = 4;
/// MiB of guest memory for which Xen keeps one MiB of tables, and the MiB for each processor. Both are
/// more than libxl reserves.
const MEMORY_OF_TABLE_MIB: u64 = 128;

/// What becomes of a domain whose guest has ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Action {
    /// It is removed.
    Destroy,
    /// It is kept, with its memory, to be looked at.
    Preserve,
    /// It starts again.
    Restart,
}

/// The configuration of a domain as `xl` reads it.
#[derive(Debug, Clone, PartialEq)]
pub struct XlConfiguration {
    /// Its name. [`DomainName`] holds none that `xl` misreads: digits alone are taken for a number, and
    /// with a slash a domain is made and left half finished.
    pub name: DomainName,
    /// Its UUID.
    pub uuid: Uuid,
    /// How it is virtualised.
    pub kind: GuestKind,
    /// The kernel's image.
    pub kernel: PathBuf,
    /// The initramfs.
    pub ramdisk: Option<PathBuf>,
    /// The kernel's command line.
    pub command_line: String,
    /// Virtual processors.
    pub processors: u32,
    /// Memory in MiB.
    pub memory_mib: u64,
    /// Hundredths of a processor that it may take; none for no limit.
    pub cap: Option<u32>,
    /// Its disks.
    pub disks: Vec<XlDisk>,
    /// Its network interfaces.
    pub interfaces: Vec<XlInterface>,
    /// When the guest switches itself off.
    pub on_poweroff: Action,
    /// When the guest restarts itself.
    pub on_reboot: Action,
    /// When the guest crashes.
    pub on_crash: Action,
}

/// A disk.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct XlDisk {
    /// The file or device with its bytes.
    pub path: PathBuf,
    /// The guest's name for it, such as `xvda`.
    pub device: String,
    /// Whether the guest may write it.
    pub is_writable: bool,
    /// The program that attaches the host's end; Xen's own where none is given.
    pub script: Option<PathBuf>,
}

/// A network interface.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct XlInterface {
    /// Its hardware address.
    pub mac: MacAddress,
    /// The host's end.
    pub host_device: String,
    /// The bridge that the host's end becomes a port of.
    pub bridge: Option<String>,
    /// The program that attaches the host's end; Xen's own where none is given.
    pub script: Option<PathBuf>,
}

/// A configuration that no domain under Xen can have.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum ConfigurationProblem {
    /// It has no kernel.
    #[error(
        "a domain under Xen starts from a kernel that it is given, and not from {0}; give it a kernel"
    )]
    Boot(&'static str),
    /// A number of processors.
    #[error("it has {0} processors; 1 to 128 are possible")]
    Processors(u32),
    /// A memory that is too small.
    #[error("{0} MiB of memory are too few for a kernel; give it 32 MiB or more")]
    Memory(u64),
    /// Too many devices.
    #[error("it has {number} {what}; at most {most} are possible")]
    Devices {
        /// How many.
        number: usize,
        /// Of what.
        what: &'static str,
        /// The most.
        most: usize,
    },
    /// A disk whose form needs a device model.
    #[error(
        "the disk {serial} is in qcow2 format, which Xen itself does not read; convert it with \
         `qemu-img convert -O raw`"
    )]
    Format {
        /// The disk's serial number.
        serial: String,
    },
    /// A serial number.
    #[error("`{0}` is no serial number of a disk; one has 1 to 20 letters, digits and hyphens")]
    Serial(String),
    /// Two disks that the guest could not tell apart.
    #[error("two disks have the serial number {0}")]
    SameSerial(String),
    /// A name of an interface or a bridge.
    #[error("`{0}` is no name of a network interface")]
    Interface(String),
    /// A hardware address.
    #[error("{0} is an address of many interfaces")]
    Multicast(MacAddress),
    /// A text that cannot be written.
    #[error("{what} holds what `xl` cannot be told (a control character, or no UTF-8): {text}")]
    Text {
        /// Of what.
        what: &'static str,
        /// The text.
        text: String,
    },
    /// A command line that Xen would cut off.
    #[error(
        "the kernel's command line has {length} bytes with what vclust adds; a guest gets {most}"
    )]
    CommandLine {
        /// Its length.
        length: usize,
        /// The most.
        most: usize,
    },
    /// A limit that cannot be kept.
    #[error("its limit of {0} cannot be kept: it is not above what the domain is given")]
    Limit(&'static str),
}

impl XlConfiguration {
    /// Memory of the host that the domain takes, in MiB: its own and what Xen keeps for it.
    #[must_use]
    pub fn host_memory_mib(&self) -> u64 {
        let tables = self.memory_mib.div_ceil(MEMORY_OF_TABLE_MIB);
        self.memory_mib + OVERHEAD_MIB + u64::from(self.processors) + tables
    }
}
