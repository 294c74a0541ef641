//! What of a machine has to be the same for a saved state to fit.
//!
//! QEMU finds out too late that a state does not fit, and ends with a text about a device. So what it
//! depends on is kept beside the state and compared before anything starts.

use std::fs::File;
use std::io::{self, Read};
use std::path::Path;

use serde::{Deserialize, Serialize};
use vclust_core::{
    ByteSize, DiskAccess, DiskFormat, DomainBoot, DomainConfiguration, DomainDisk,
    HypervisorProblem,
};

use super::arguments::MACHINE;
use crate::acceleration::Acceleration;
use crate::problem::Outcome;

/// What of a machine has to be the same for a saved state to fit.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Shape {
    /// QEMU's name of the machine, with its options; that of old states is not known.
    #[serde(default)]
    machine: String,
    /// The memory, in MiB.
    pub(crate) memory: u64,
    processors: u32,
    acceleration: Acceleration,
    boot: String,
    disks: Vec<DiskShape>,
    interfaces: usize,
}

/// What a guest has found out about a disk.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
struct DiskShape {
    serial: String,
    bytes: u64,
    read_only: bool,
}

/// A memory's size in whole MiB, which is what machines have.
pub(crate) fn mebibytes(memory: ByteSize) -> u64 {
    memory.bytes().div_ceil(1 << 20)
}

impl Shape {
    /// The shape of the machine that a configuration makes.
    pub(crate) fn of(
        configuration: &DomainConfiguration,
        acceleration: Acceleration,
    ) -> Outcome<Self> {
        let disks = configuration.disks.iter().map(DiskShape::of).collect::<Outcome<_>>()?;
        let boot = match configuration.boot {
            DomainBoot::Kernel { .. } => "kernel",
            DomainBoot::Network => "network",
            DomainBoot::Disk => "disk",
        };
        Ok(Self {
            machine: MACHINE.to_owned(),
            memory: mebibytes(configuration.memory),
            processors: configuration.processors,
            acceleration,
            boot: boot.to_owned(),
            disks,
            interfaces: configuration.interfaces.len(),
        })
    }

    /// That a state of this shape, saved there, fits a domain of another one.
    pub(crate) fn fits(&self, own: &Self, path: &Path) -> Outcome<()> {
        let pairs = [
            ("machine", self.machine.clone(), own.machine.clone()),
            ("memory", format!("{} MiB", self.memory), format!("{} MiB", own.memory)),
            ("number of processors", self.processors.to_string(), own.processors.to_string()),
            (
                "acceleration",
                self.acceleration.name().to_owned(),
                own.acceleration.name().to_owned(),
            ),
            ("way to boot", self.boot.clone(), own.boot.clone()),
            ("list of disks", list(&self.disks), list(&larger_only(&self.disks, &own.disks))),
            ("number of interfaces", self.interfaces.to_string(), own.interfaces.to_string()),
        ];
        for (what, saved, own) in pairs {
            HypervisorProblem::unless_same(path, what, &saved, &own)?;
        }
        Ok(())
    }
}

/// The disks of a domain, each of which may be smaller than the saved one: the guest goes on to see
/// the size that it found, and what lies on the disk ends earlier. Such a disk counts as the saved one.
fn larger_only(saved: &[DiskShape], own: &[DiskShape]) -> Vec<DiskShape> {
    let mut disks = own.to_vec();
    for (own, saved) in disks.iter_mut().zip(saved) {
        own.bytes = own.bytes.max(saved.bytes);
    }
    disks
}

fn list(disks: &[DiskShape]) -> String {
    let one = |disk: &DiskShape| {
        let access = if disk.read_only { "read only" } else { "read and written" };
        format!("{} of {} bytes, {access}", disk.serial, disk.bytes)
    };
    if disks.is_empty() {
        "empty".to_owned()
    } else {
        disks.iter().map(one).collect::<Vec<_>>().join("; ")
    }
}

impl DiskShape {
    fn of(disk: &DomainDisk) -> Outcome<Self> {
        let bytes = size(disk).map_err(HypervisorProblem::file("read the size of", &disk.path))?;
        let read_only = disk.access == DiskAccess::ReadOnly;
        Ok(Self { serial: disk.serial.clone(), bytes, read_only })
    }
}

/// Bytes that a guest sees of a disk.
fn size(disk: &DomainDisk) -> io::Result<u64> {
    let mut file = File::open(&disk.path)?;
    match disk.format {
        // QEMU shows whole sectors
        DiskFormat::Raw => {
            Ok(io::Seek::seek(&mut file, io::SeekFrom::End(0))?.next_multiple_of(512))
        }
        DiskFormat::Qcow2 => {
            // magic, version, backing file's place and length, cluster size, then the size, as QEMU's
            // docs/interop/qcow2.txt has it
            let mut header = [0; 32];
            file.read_exact(&mut header)?;
            if header[..4] != *b"QFI\xfb" {
                return Err(io::Error::new(
                    io::ErrorKind::InvalidData,
                    "it is not in qcow2 format",
                ));
            }
            let size = header[24..].try_into().map(u64::from_be_bytes);
            size.map_err(|_| io::ErrorKind::UnexpectedEof.into())
        }
    }
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::path::PathBuf;

    use vclust_core::{DomainLimits, DomainMemory, OnReboot};

    use super::*;

    fn configuration(disks: &[(&str, PathBuf, DiskFormat)]) -> DomainConfiguration {
        let disk = |(serial, path, format): &(&str, PathBuf, DiskFormat)| DomainDisk {
            serial: (*serial).to_owned(),
            path: path.clone(),
            format: *format,
            access: DiskAccess::ReadOnly,
        };
        DomainConfiguration {
            name: "n1".parse().unwrap(),
            memory: ByteSize::new(320_000_000),
            memory_use: DomainMemory::Saveable,
            processors: 1,
            boot: DomainBoot::Network,
            disks: disks.iter().map(disk).collect(),
            interfaces: Vec::new(),
            on_reboot: OnReboot::Off,
            limits: DomainLimits::default(),
        }
    }

    #[test]
    fn what_differs_is_named() {
        let directory = tempfile::tempdir().unwrap();
        let (raw, qcow2) = (directory.path().join("raw"), directory.path().join("qcow2"));
        fs::write(&raw, [0; 700]).unwrap();
        let mut header = b"QFI\xfb".to_vec();
        header.extend([0; 20]);
        header.extend(1024_u64.to_be_bytes());
        fs::write(&qcow2, header).unwrap();
        let shape = |disks: &[(&str, PathBuf, DiskFormat)]| {
            Shape::of(&configuration(disks), Acceleration::Emulation)
        };
        let of_raw = shape(&[("a", raw.clone(), DiskFormat::Raw)]).unwrap();
        let of_qcow2 = shape(&[("a", qcow2, DiskFormat::Qcow2)]).unwrap();
        let path = Path::new("saved");
        // the guest cannot tell
        of_raw.fits(&of_qcow2, path).unwrap();
        assert_eq!(of_raw.memory, 306);
        let error = of_raw.fits(&shape(&[]).unwrap(), path).unwrap_err().to_string();
        let expected = "saved was saved from another machine: its list of disks is a of 1024 bytes, \
                        read only, and this domain's is empty";
        assert_eq!(error, expected);
        let larger = Shape { memory: 320, ..of_raw.clone() };
        let error = of_raw.fits(&larger, path).unwrap_err().to_string();
        assert!(error.contains("its memory is 306 MiB, and this domain's is 320 MiB"), "{error}");
        assert!(shape(&[("a", raw, DiskFormat::Qcow2)]).is_err());
    }
}
