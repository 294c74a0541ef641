//! What a domain is made of.

use std::path::PathBuf;

use serde::{Deserialize, Serialize};

use super::mac::MacAddress;
use super::name::DomainName;
use crate::units::ByteSize;

/// What a domain is made of.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct DomainConfiguration {
    /// Its name, unique within the backend.
    pub name: DomainName,
    /// Its memory.
    pub memory: ByteSize,
    /// What becomes of the memory.
    pub memory_use: DomainMemory,
    /// Number of virtual processors.
    pub processors: u32,
    /// What it starts from.
    pub boot: DomainBoot,
    /// Its disks, in the order in which the guest finds them.
    pub disks: Vec<DomainDisk>,
    /// Its network interfaces.
    pub interfaces: Vec<DomainInterface>,
    /// What happens when the guest restarts itself.
    pub on_reboot: OnReboot,
    /// What it may take of the host.
    pub limits: DomainLimits,
}

/// What becomes of a domain's memory.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum DomainMemory {
    /// It is gone with the domain.
    #[default]
    Private,
    /// It may be saved.
    Saveable,
}

/// What a domain starts from.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum DomainBoot {
    /// A kernel that the hypervisor loads.
    Kernel {
        /// The kernel's image.
        image: PathBuf,
        /// Its initramfs.
        initramfs: Option<PathBuf>,
        /// Its command line.
        command_line: String,
    },
    /// Whatever the first network interface is offered (PXE).
    Network,
    /// The boot loader of the first disk.
    Disk,
}

/// A virtual disk.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct DomainDisk {
    /// Its serial number, by which a guest tells disks apart: at most 20 letters, digits and hyphens.
    pub serial: String,
    /// The file it is in.
    pub path: PathBuf,
    /// The form of the file.
    pub format: DiskFormat,
    /// What the guest may do.
    pub access: DiskAccess,
}

/// The form of a disk's file.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum DiskFormat {
    /// The disk's bytes.
    Raw,
    /// QEMU's format.
    Qcow2,
}

/// What a guest may do with a disk.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum DiskAccess {
    /// Read it. Many domains may have the disk at once.
    ReadOnly,
    /// Write it, as the only domain that has it.
    ReadWrite,
}

/// A network interface.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct DomainInterface {
    /// Its hardware address.
    pub mac: MacAddress,
    /// The host's end: a tap that exists (QEMU) or the name that the virtual interface gets (Xen), in the
    /// network namespace of the thread that starts the domain.
    pub host_device: String,
    /// The bridge that the host's end is a port of. QEMU's taps are attached by whoever makes them.
    pub bridge: Option<String>,
}

/// What happens when a guest restarts itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum OnReboot {
    /// The domain is off then.
    #[default]
    Off,
    /// It starts again.
    Restart,
}

/// What a domain may take of the host; where a limit is not given there is none.
#[derive(Debug, Clone, Copy, PartialEq, Default, Serialize, Deserialize)]
pub struct DomainLimits {
    /// Processors of the host, such as 0.5 or 2.
    pub processors: Option<f64>,
    /// Memory of the host, of the guest and the hypervisor's own process together.
    pub memory: Option<ByteSize>,
}
