//! QEMU's command line.
//!
//! Devices are always in the same order, so that a saved state finds its own. The machine is `q35` with
//! whatever a node does not need left out. `pc` has less, but its firmware works out where interrupts
//! go in a loop of byte code that Linux interprets anew for each device: 0.1 s a device where processors
//! are emulated.
//! What holds paths or text of users is given as JSON, in which a comma is a comma.

use std::path::Path;
use std::process::Command;

use serde_json::{Value, json};
use vclust_core::{
    DiskAccess, DiskFormat, DomainBoot, DomainConfiguration, DomainMemory, OnReboot,
};

use super::shape::mebibytes;
use crate::acceleration::Acceleration;
use crate::domain::{CHANNEL, CONSOLE, Directory, MEMORY, PID, QMP};
use crate::host::PIPE;

/// What a guest may not make QEMU do, should it take it over: start programs, gain rights, change
/// priorities, use system calls that nothing needs.
const SANDBOX: &str = "on,obsolete=deny,elevateprivileges=deny,spawn=deny,resourcecontrol=deny";
/// The port by which a guest knows the channel to its agent.
const AGENT: &str = "org.vclust.agent";
/// The machine; saved states are of one machine.
pub(super) const MACHINE: &str = "q35,memory-backend=ram,smbus=off,sata=off,hpet=off,vmport=off,usb=off,dump-guest-core=off,\
     mem-merge=off";

/// What a domain is started from.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Start<'a> {
    /// What its configuration says.
    Boot,
    /// The memory of a saved state.
    Saved {
        /// The memory.
        memory: &'a Path,
    },
}

/// The command that starts a domain in its directory.
pub(crate) fn command(
    program: &Path,
    acceleration: Acceleration,
    directory: &Directory,
    configuration: &DomainConfiguration,
    start: Start<'_>,
) -> Command {
    let mut command = Command::new(program);
    let memory = mebibytes(configuration.memory);
    command
        .current_dir(directory.path())
        .args(["-nodefaults", "-no-user-config", "-display", "none"])
        .args(["-name", configuration.name.as_str(), "-sandbox", SANDBOX, "-pidfile", PID])
        .args(["-machine", MACHINE, "-accel", acceleration.argument()])
        .args(["-cpu", acceleration.processor(), "-smp", &configuration.processors.to_string()])
        .args(["-m", &format!("{memory}M"), "-object", &memory_backend(configuration, start)])
        .args(["-rtc", "base=utc"]);
    if configuration.on_reboot == OnReboot::Off {
        command.arg("-no-reboot");
    }
    let socket = |name, path| format!("socket,id={name},path={path},server=on,wait=off");
    command
        .args(["-chardev", &socket("qmp", QMP), "-mon", "chardev=qmp,mode=control"])
        .arg("-chardev")
        .arg(format!("{},logfile={PIPE},logappend=on", socket("console", CONSOLE)))
        .args(["-serial", "chardev:console", "-chardev", &socket("channel", CHANNEL)]);
    boot(&mut command, configuration, start);
    let mut device = |value: Value| {
        command.args(["-device", &value.to_string()]);
    };
    device(json!({ "driver": "vmgenid", "guid": "auto", "id": "generation" }));
    device(json!({ "driver": "virtio-rng-pci", "id": "random" }));
    device(json!({ "driver": "virtio-serial-pci", "id": "serial", "max_ports": 2 }));
    device(json!({
        "driver": "virtserialport", "id": "agent", "bus": "serial.0", "nr": 1,
        "chardev": "channel", "name": AGENT,
    }));
    for (number, disk) in configuration.disks.iter().enumerate() {
        let node = format!("disk{number}");
        let mut device = json!({
            "driver": "virtio-blk-pci", "id": format!("drive{number}"), "drive": node,
            "serial": disk.serial, "werror": "report", "rerror": "report",
        });
        if number == 0 && configuration.boot == DomainBoot::Disk {
            device["bootindex"] = json!(0);
        }
        let read_only = disk.access == DiskAccess::ReadOnly;
        let format = match disk.format {
            DiskFormat::Raw => "raw",
            DiskFormat::Qcow2 => "qcow2",
        };
        // a node that loses its host is built anew, so no write of it has to outlive the host
        let cache = json!({ "no-flush": true });
        let block = json!({
            "driver": format, "node-name": node, "read-only": read_only, "cache": cache,
            "discard": "unmap",
            "file": {
                "driver": "file", "filename": disk.path, "read-only": read_only, "cache": cache,
                "discard": "unmap",
            },
        });
        command.args(["-blockdev", &block.to_string(), "-device", &device.to_string()]);
    }
    for (number, interface) in configuration.interfaces.iter().enumerate() {
        let id = format!("net{number}");
        let tap = &interface.host_device;
        let mut device = json!({
            "driver": "virtio-net-pci", "id": format!("interface{number}"), "netdev": id,
            "mac": interface.mac.to_string(),
        });
        if configuration.boot != DomainBoot::Network {
            // without the code to boot from the network
            device["romfile"] = json!("");
        } else if number == 0 {
            device["bootindex"] = json!(0);
        }
        command
            .arg("-netdev")
            .arg(format!("tap,id={id},ifname={tap},script=no,downscript=no"))
            .args(["-device", &device.to_string()]);
    }
    command
}

/// Where the guest's memory is.
fn memory_backend(configuration: &DomainConfiguration, start: Start<'_>) -> String {
    let size = mebibytes(configuration.memory) << 20;
    let file = |path: &Path, share: bool| {
        json!({
            "qom-type": "memory-backend-file", "id": "ram", "size": size, "mem-path": path,
            "share": share,
        })
    };
    match (start, configuration.memory_use) {
        (Start::Saved { memory }, _) => file(memory, false),
        (Start::Boot, DomainMemory::Saveable) => file(Path::new(MEMORY), true),
        (Start::Boot, DomainMemory::Private) => {
            json!({ "qom-type": "memory-backend-ram", "id": "ram", "size": size })
        }
    }
    .to_string()
}

fn boot(command: &mut Command, configuration: &DomainConfiguration, start: Start<'_>) {
    if let Start::Saved { .. } = start {
        command.args(["-incoming", "defer"]);
        if configuration.on_reboot == OnReboot::Off {
            // its kernel is in its memory, and will not be loaded again
            return;
        }
    }
    if let DomainBoot::Kernel { image, initramfs, command_line } = &configuration.boot {
        command.arg("-kernel").arg(image).args(["-append", command_line]);
        if let Some(initramfs) = initramfs {
            command.arg("-initrd").arg(initramfs);
        }
    }
}
