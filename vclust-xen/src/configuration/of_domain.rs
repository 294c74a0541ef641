//! From what vclust wants to what Xen makes.

use std::collections::BTreeSet;
use std::fmt::Write as _;
use std::path::Path;

use vclust_core::{DiskFormat, DomainBoot, DomainConfiguration, DomainDisk, OnReboot};

use super::text::writable;
use super::{Action, ConfigurationProblem, XlConfiguration, XlDisk, XlInterface};
use crate::options::GuestKind;
use crate::parse::Uuid;

/// Most virtual processors, by Xen.
const PROCESSORS: u32 = 128;
/// Least memory in MiB with which a kernel of Debian was seen to start.
const MEMORY: u64 = 32;
/// Most disks, one for each letter, and most interfaces.
const DEVICES: usize = 26;
/// Longest name of a network interface, by the kernel.
const INTERFACE: usize = 15;
/// Longest serial number that any guest sees.
const SERIAL: usize = 20;
/// Longest command line that a PV guest is given (`MAX_GUEST_CMDLINE`, with its end).
const COMMAND_LINE: usize = 1023;

impl XlConfiguration {
    /// The configuration of a domain. `script` attaches the host's ends of its disks and interfaces.
    ///
    /// The guest is told what its devices do not tell: that its console is also the channel to its
    /// agent, and which disk has which serial number, as disks under Xen have none.
    pub fn of(
        configuration: &DomainConfiguration,
        uuid: Uuid,
        kind: GuestKind,
        script: Option<&Path>,
    ) -> Result<Self, ConfigurationProblem> {
        let DomainBoot::Kernel { image, initramfs, command_line } = &configuration.boot else {
            let from =
                if configuration.boot == DomainBoot::Network { "the network" } else { "a disk" };
            return Err(ConfigurationProblem::Boot(from));
        };
        let processors = configuration.processors;
        if !(1..=PROCESSORS).contains(&processors) {
            return Err(ConfigurationProblem::Processors(processors));
        }
        let memory_mib = configuration.memory.bytes().div_ceil(1 << 20);
        if memory_mib < MEMORY {
            return Err(ConfigurationProblem::Memory(memory_mib));
        }
        for (number, what) in
            [(configuration.disks.len(), "disks"), (configuration.interfaces.len(), "interfaces")]
        {
            if number > DEVICES {
                return Err(ConfigurationProblem::Devices { number, what, most: DEVICES });
            }
        }
        let mut command_line = format!("{command_line} console=hvc0 vclust.channel=/dev/hvc0");
        let mut serials = BTreeSet::new();
        let mut disks = Vec::new();
        for (disk, letter) in configuration.disks.iter().zip('a'..='z') {
            check_disk(disk)?;
            if !serials.insert(&disk.serial) {
                return Err(ConfigurationProblem::SameSerial(disk.serial.clone()));
            }
            let device = format!("xvd{letter}");
            // writing to a string does not fail
            let _ = write!(command_line, " vclust.disk={}:{device}", disk.serial);
            let is_writable = disk.access == vclust_core::DiskAccess::ReadWrite;
            let script = script.map(Path::to_owned);
            disks.push(XlDisk { path: disk.path.clone(), device, is_writable, script });
        }
        let length = command_line.len();
        if length > COMMAND_LINE {
            return Err(ConfigurationProblem::CommandLine { length, most: COMMAND_LINE });
        }
        let mut interfaces = Vec::new();
        for interface in &configuration.interfaces {
            for name in
                [Some(&interface.host_device), interface.bridge.as_ref()].into_iter().flatten()
            {
                check_interface(name)?;
            }
            if interface.mac.0[0] & 1 == 1 {
                return Err(ConfigurationProblem::Multicast(interface.mac));
            }
            interfaces.push(XlInterface {
                mac: interface.mac,
                host_device: interface.host_device.clone(),
                bridge: interface.bridge.clone(),
                script: script.map(Path::to_owned),
            });
        }
        let own = Self {
            name: configuration.name.clone(),
            uuid,
            kind,
            kernel: image.clone(),
            ramdisk: initramfs.clone(),
            command_line,
            processors,
            memory_mib,
            cap: cap(configuration)?,
            disks,
            interfaces,
            on_poweroff: Action::Destroy,
            on_reboot: match configuration.on_reboot {
                OnReboot::Off => Action::Destroy,
                OnReboot::Restart => Action::Restart,
            },
            // whoever crashed is told from who ended only as long as Xen has it
            on_crash: Action::Preserve,
        };
        let most = configuration.limits.memory.map(|limit| limit.bytes() >> 20);
        if most.is_some_and(|most| most < own.host_memory_mib()) {
            return Err(ConfigurationProblem::Limit("memory"));
        }
        own.check_texts()?;
        Ok(own)
    }

    /// That every text in it can be written.
    fn check_texts(&self) -> Result<(), ConfigurationProblem> {
        writable("the kernel's command line", &self.command_line)?;
        let mut paths = vec![("the kernel's path", &self.kernel)];
        paths.extend(self.ramdisk.iter().map(|path| ("the initramfs' path", path)));
        paths.extend(self.disks.iter().map(|disk| ("a disk's path", &disk.path)));
        for (what, path) in paths {
            let text = path.to_str().ok_or_else(|| ConfigurationProblem::Text {
                what,
                text: path.display().to_string(),
            })?;
            writable(what, text)?;
        }
        let scripts = self.interfaces.iter().filter_map(|interface| interface.script.as_ref());
        let scripts = scripts.chain(self.disks.iter().filter_map(|disk| disk.script.as_ref()));
        for script in scripts {
            let fits = script.to_str().is_some_and(|text| !text.contains(','));
            if !fits {
                let (what, text) = ("the path of a script", script.display().to_string());
                return Err(ConfigurationProblem::Text { what, text });
            }
            writable("the path of a script", &script.to_string_lossy())?;
        }
        Ok(())
    }
}

fn check_disk(disk: &DomainDisk) -> Result<(), ConfigurationProblem> {
    let letter = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'-';
    if !(1..=SERIAL).contains(&disk.serial.len()) || !disk.serial.bytes().all(letter) {
        return Err(ConfigurationProblem::Serial(disk.serial.clone()));
    }
    match disk.format {
        DiskFormat::Raw => Ok(()),
        DiskFormat::Qcow2 => Err(ConfigurationProblem::Format { serial: disk.serial.clone() }),
    }
}

fn check_interface(name: &str) -> Result<(), ConfigurationProblem> {
    let letter = |byte: u8| byte.is_ascii_alphanumeric() || b"-_.".contains(&byte);
    let fits = (1..=INTERFACE).contains(&name.len())
        && name.bytes().all(letter)
        && name.starts_with(|first: char| first.is_ascii_alphanumeric());
    if fits { Ok(()) } else { Err(ConfigurationProblem::Interface(name.to_owned())) }
}

/// The limit of processors in hundredths of one.
fn cap(configuration: &DomainConfiguration) -> Result<Option<u32>, ConfigurationProblem> {
    let Some(limit) = configuration.limits.processors else { return Ok(None) };
    let hundredths = (limit * 100.0).round();
    if !(hundredths >= 1.0 && hundredths <= f64::from(u32::MAX)) {
        return Err(ConfigurationProblem::Limit("processors"));
    }
    #[expect(clippy::cast_sign_loss, reason = "it is at least 1")]
    Ok(Some(hundredths as u32))
}
