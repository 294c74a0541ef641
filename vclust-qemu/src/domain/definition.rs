//! Configurations that QEMU can make a machine of.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use vclust_core::{DomainBoot, DomainConfiguration, HypervisorProblem};

use crate::problem::{Outcome, QemuProblem};

/// The longest name of a network interface, by the kernel.
const INTERFACE: usize = 15;
/// The longest serial number that a guest sees.
const SERIAL: usize = 20;
/// Devices that fit on the machine's bus, beside those that every domain has.
const DEVICES: usize = 24;

/// The configuration with absolute paths, if a machine can be made of it.
pub(crate) fn checked(configuration: &DomainConfiguration) -> Outcome<DomainConfiguration> {
    let mut own = configuration.clone();
    let refuse = |why: String| Err(QemuProblem::Configuration(why).into());
    if own.processors == 0 || own.processors > 255 {
        return refuse(format!("it has {} processors; 1 to 255 are possible", own.processors));
    }
    if own.memory.bytes() < 1 << 20 {
        return refuse(format!("{} of memory are less than 1 MiB", own.memory));
    }
    if own.disks.len() + own.interfaces.len() > DEVICES {
        return refuse(format!("it has more than {DEVICES} disks and interfaces"));
    }
    let limit = own.limits.processors;
    if limit.is_some_and(|processors| !processors.is_finite() || processors <= 0.0) {
        return refuse("its limit of processors is not above 0".to_owned());
    }
    let mut serials = BTreeSet::new();
    for disk in &mut own.disks {
        let letter = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'-';
        let fits = (1..=SERIAL).contains(&disk.serial.len()) && disk.serial.bytes().all(letter);
        if !fits {
            return refuse(format!(
                "`{}` is no serial number of a disk; one has 1 to {SERIAL} letters, digits and hyphens",
                disk.serial
            ));
        }
        if !serials.insert(disk.serial.clone()) {
            return refuse(format!("two disks have the serial number {}", disk.serial));
        }
        disk.path = absolute(&disk.path)?;
    }
    for interface in &own.interfaces {
        let device = &interface.host_device;
        let fits = (1..=INTERFACE).contains(&device.len())
            && device.bytes().all(|byte| byte.is_ascii_graphic() && !b"/,:=".contains(&byte));
        if !fits {
            return refuse(format!("`{device}` is no name of a network interface"));
        }
        if interface.mac.0[0] & 1 == 1 {
            return refuse(format!("{} is an address of many interfaces", interface.mac));
        }
    }
    match &mut own.boot {
        DomainBoot::Kernel { image, initramfs, .. } => {
            *image = absolute(image)?;
            if let Some(initramfs) = initramfs {
                *initramfs = absolute(initramfs)?;
            }
        }
        DomainBoot::Network if own.interfaces.is_empty() => {
            return refuse("it boots from the network and has no interface".to_owned());
        }
        DomainBoot::Disk if own.disks.is_empty() => {
            return refuse("it boots from a disk and has none".to_owned());
        }
        DomainBoot::Network | DomainBoot::Disk => {}
    }
    Ok(own)
}

/// The path from the root on, as QEMU works in another directory, and as text, as it is told it so.
fn absolute(path: &Path) -> Outcome<PathBuf> {
    let path = std::path::absolute(path).map_err(HypervisorProblem::file("find", path))?;
    if path.to_str().is_none() {
        let text = format!("{} is not UTF-8", path.display());
        return Err(QemuProblem::Configuration(text).into());
    }
    Ok(path)
}
