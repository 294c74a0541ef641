//! The node's root, put together from its disks.

use std::fs::File;
use std::io;
use std::path::{Path, PathBuf};

use rustix::mount::{MountFlags, mount, mount_move};

use super::disks;
use super::error::AgentError;
use super::files;
use crate::protocol::{Disk, Prepare, Root, Upper};

/// Where the root comes together before it is the root.
pub(super) const ROOT: &str = "/root";
const LOWER: &str = "/lower";
const UPPER: &str = "/upper";

/// Mounts what every program expects, in an initramfs that has the directories.
pub(super) fn kernel_file_systems() -> Result<(), AgentError> {
    let none = MountFlags::NOSUID | MountFlags::NODEV | MountFlags::NOEXEC;
    mount_at("proc", "/proc", "proc", none, "")?;
    mount_at("sysfs", "/sys", "sysfs", none, "")?;
    mount_at("devtmpfs", "/dev", "devtmpfs", MountFlags::NOSUID, "mode=755")
}

fn mount_at(
    source: &str,
    target: &str,
    kind: &str,
    flags: MountFlags,
    data: &str,
) -> Result<(), AgentError> {
    let data = std::ffi::CString::new(data).unwrap_or_default();
    mount(source, target, kind, flags, &*data)
        .map_err(AgentError::doing(format!("mount {kind} at {target}")))
}

/// Mounts the image, and reads what will be needed soon.
pub(super) fn prepare(order: &Prepare) -> Result<(), AgentError> {
    let Some(serial) = &order.base else { return Ok(()) };
    let base = mount_layer(serial, "base")?;
    for name in &order.warm {
        // what the image has not cannot be needed
        if let Ok(mut file) = File::open(base.join(name.trim_start_matches('/'))) {
            let _ = io::copy(&mut file, &mut io::sink());
        }
    }
    Ok(())
}

fn mount_layer(serial: &str, name: &str) -> Result<PathBuf, AgentError> {
    let device = disks::find(serial)?;
    let target = Path::new(LOWER).join(name);
    files::directory(&target)?;
    mount(&device, &target, "erofs", MountFlags::RDONLY | MountFlags::NODEV, None)
        .map_err(AgentError::doing(format!("mount the layer {serial} ({})", device.display())))?;
    Ok(target)
}

/// Puts the root together at [`ROOT`].
pub(super) fn assemble(root: &Root) -> Result<(), AgentError> {
    match root {
        Root::Disk(disk) => mount_disk(disk, ROOT),
        Root::Layers { layers, upper } => {
            let mut lower = format!("{LOWER}/base");
            for (number, serial) in layers.iter().enumerate() {
                let layer = mount_layer(serial, &number.to_string())?;
                // overlayfs wants the highest layer first
                lower = format!("{}:{lower}", layer.display());
            }
            match upper {
                Upper::Memory => memory_at(UPPER)?,
                Upper::Disk(disk) => mount_disk(disk, UPPER)?,
            }
            overlay(&lower)
        }
    }
}

/// Puts the root together at [`ROOT`] from a directory that the head node shares, with what is written
/// in memory.
pub(super) fn assemble_over_nfs(server: &str, source: &str) -> Result<(), AgentError> {
    let lower = Path::new(LOWER).join("nfs");
    files::directory(&lower)?;
    mount_nfs(server, source, &lower, MountFlags::RDONLY)?;
    memory_at(UPPER)?;
    overlay(&lower.display().to_string())
}

fn memory_at(target: &str) -> Result<(), AgentError> {
    mount_at("tmpfs", target, "tmpfs", MountFlags::empty(), "mode=755")
}

/// Mounts at [`ROOT`] what is below [`UPPER`] over the lower layers.
fn overlay(lower: &str) -> Result<(), AgentError> {
    let (written, work) = (format!("{UPPER}/upper"), format!("{UPPER}/work"));
    files::directory(Path::new(&written))?;
    files::directory(Path::new(&work))?;
    let data = format!("lowerdir={lower},upperdir={written},workdir={work}");
    mount_at("overlay", ROOT, "overlay", MountFlags::empty(), &data)
}

fn mount_disk(disk: &Disk, target: &str) -> Result<(), AgentError> {
    let device = disks::find_file_system(disk)?;
    mount(&device, target, disk.file_system.as_str(), MountFlags::empty(), None).map_err(
        AgentError::doing(format!("mount the disk {} ({})", disk.serial, device.display())),
    )
}

/// Mounts in the root what programs expect of a running system.
pub(super) fn furnish() -> Result<(), AgentError> {
    let quiet = MountFlags::NOSUID | MountFlags::NODEV;
    for name in ["proc", "sys", "dev"] {
        let (from, to) = (format!("/{name}"), format!("{ROOT}/{name}"));
        mount_move(&from, &to).map_err(AgentError::doing(format!("move {from} into the root")))?;
    }
    mount_at("tmpfs", &format!("{ROOT}/run"), "tmpfs", quiet, "mode=755")?;
    for directory in ["dev/pts", "dev/shm", "run/lock", "run/sshd"] {
        files::directory(&Path::new(ROOT).join(directory))?;
    }
    let terminals = MountFlags::NOSUID | MountFlags::NOEXEC;
    let data = "gid=5,mode=620,ptmxmode=666";
    mount_at("devpts", &format!("{ROOT}/dev/pts"), "devpts", terminals, data)?;
    mount_at("tmpfs", &format!("{ROOT}/dev/shm"), "tmpfs", quiet, "mode=1777")
}

/// Makes [`ROOT`] the root of this process.
pub(super) fn enter() -> Result<(), AgentError> {
    let enter = || -> rustix::io::Result<()> {
        rustix::process::chdir(ROOT)?;
        mount_move(".", "/")?;
        rustix::process::chroot(".")?;
        rustix::process::chdir("/")
    };
    enter().map_err(AgentError::doing("enter the root"))
}

/// Mounts a directory that the head node shares.
pub(super) fn mount_nfs(
    server: &str,
    source: &str,
    target: &Path,
    flags: MountFlags,
) -> Result<(), AgentError> {
    let data = format!("vers=4.2,addr={server},clientaddr=0.0.0.0,sec=sys");
    let data = std::ffi::CString::new(data).unwrap_or_default();
    let from = format!("{server}:/{}", source.trim_start_matches('/'));
    mount(from.as_str(), target, "nfs4", flags, &*data)
        .map_err(AgentError::doing(format!("mount {from} at {}", target.display())))
}
