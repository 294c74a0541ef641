//! The initramfs that nodes start from: busybox, a few modules of the kernel, and one script.
//!
//! It does what a node needs and nothing else. It knows which disks its root is on, because its
//! kernel's command line says so ([`NodeRoot`]), and so it needs no udev, no hooks and no search.
//! The same kernel, busybox and modules give the same bytes.

mod busybox;
mod cpio;
mod error;
mod parameters;

use std::io::Write;
use std::path::{Path, PathBuf};

use cpio::Cpio;
use rustix::fs::FlockOperation;
use sha2::{Digest, Sha256};

use crate::kernel::{Kernel, KernelStore, UNFINISHED, hold};

pub use busybox::busybox_program;
pub use error::InitramfsError;
pub use parameters::{DiskSerial, DiskSerialError, NodeRoot, Upper};

/// The first program of a node.
const INIT: &str = include_str!("init.sh");

/// What a node needs of its kernel before and after it has its root, where it finds no modules:
/// virtual disks, network and ports, file systems, packets for DHCP, random numbers, and the button
/// by which a hypervisor asks it to switch itself off.
pub const NODE_MODULES: [&str; 10] = [
    "virtio_pci",
    "virtio_blk",
    "virtio_net",
    "virtio_console",
    "virtio_rng",
    "erofs",
    "overlay",
    "ext4",
    "af_packet",
    "button",
];

/// What a node needs beside these under Xen: its disks and its network.
pub const XEN_MODULES: [&str; 2] = ["xen-blkfront", "xen-netfront"];

/// What a node needs beside these to mount directories of an NFS server.
pub const NFS_MODULES: [&str; 1] = ["nfsv4"];

/// Level of the compression: the archive is made once for many nodes.
const LEVEL: i32 = 19;

/// Writes the initramfs for nodes with a kernel.
///
/// `busybox` is the package `busybox-static`; `modules` are loaded with all that they need, in their
/// order ([`NODE_MODULES`] for a node). A file that is there is replaced.
pub fn write_initramfs(
    kernel: &Kernel,
    busybox: &Path,
    modules: &[&str],
    path: &Path,
) -> Result<(), InitramfsError> {
    write_compressed(&archive(kernel, busybox, modules)?, path)
}

/// Compresses an archive into a file, which is whole or not there.
fn write_compressed(archive: &[u8], path: &Path) -> Result<(), InitramfsError> {
    let compressed = zstd::encode_all(archive, LEVEL).map_err(InitramfsError::write(path))?;
    write_whole(&compressed, path)
}

fn write_whole(bytes: &[u8], path: &Path) -> Result<(), InitramfsError> {
    let directory = path.parent().filter(|parent| !parent.as_os_str().is_empty());
    let directory = directory.unwrap_or(Path::new("."));
    // who is killed here lets go of it, and what it wrote is removed by whoever takes it alone
    let _writing =
        hold(directory, FlockOperation::LockShared).map_err(InitramfsError::write(path))?;
    let mut file = tempfile::Builder::new()
        .prefix(UNFINISHED)
        .tempfile_in(directory)
        .map_err(InitramfsError::write(path))?;
    file.write_all(bytes).map_err(InitramfsError::write(path))?;
    file.persist(path).map_err(|error| InitramfsError::write(path)(error.error))?;
    Ok(())
}

impl KernelStore {
    /// An initramfs whose first program is given, with modules in lists of their own: the file
    /// `/modules/LIST` names the modules of a list in the order in which they have to be loaded. It is
    /// made unless it was before.
    pub fn initramfs_with(
        &self,
        kernel: &Kernel,
        program: &[u8],
        files: &[(&str, Vec<u8>)],
        lists: &[(&str, &[&str])],
    ) -> Result<PathBuf, InitramfsError> {
        let mut hasher = Sha256::new();
        let mut add = |part: &[u8]| {
            hasher.update((part.len() as u64).to_le_bytes());
            hasher.update(part);
        };
        add(b"program 1");
        add(kernel.modules_directory().as_os_str().as_encoded_bytes());
        add(program);
        for (path, content) in files {
            add(path.as_bytes());
            add(content);
        }
        for (list, modules) in lists {
            add(list.as_bytes());
            modules.iter().for_each(|module| add(module.as_bytes()));
        }
        let digest = vclust_core::Sha256(hasher.finalize().into());
        let path = self.directory().join(format!("{digest}.initramfs"));
        if !path.exists() {
            // as it is: a node reads it sooner than it would decompress it
            write_whole(&program_archive(kernel, program, files, lists)?, &path)?;
        }
        Ok(path)
    }

    /// The initramfs for nodes with a kernel, made as [`write_initramfs`] does if it was not before.
    pub fn initramfs(
        &self,
        kernel: &Kernel,
        busybox: &Path,
        modules: &[&str],
    ) -> Result<PathBuf, InitramfsError> {
        let archive = archive(kernel, busybox, modules)?;
        let digest = vclust_core::Sha256(Sha256::digest(&archive).into());
        let path = self.directory().join(format!("{digest}.initramfs"));
        if !path.exists() {
            write_compressed(&archive, &path)?;
        }
        Ok(path)
    }
}

/// The archive with a program of the caller's.
fn program_archive(
    kernel: &Kernel,
    program: &[u8],
    files: &[(&str, Vec<u8>)],
    lists: &[(&str, &[&str])],
) -> Result<Vec<u8>, InitramfsError> {
    let mut archive = Cpio::default();
    for directory in ["bin", "dev", "lower", "modules", "proc", "root", "sys", "upper"] {
        archive.directory(directory);
    }
    archive.character_device("dev/console", 5, 1);
    archive.file("init", 0o755, program);
    for (path, content) in files {
        archive.file(path, 0o755, content);
    }
    let mut held = std::collections::BTreeSet::new();
    for (list, modules) in lists {
        let mut order = String::new();
        for module in kernel.modules(modules)? {
            order.push_str(&module.name);
            order.push('\n');
            if held.insert(module.name.clone()) {
                archive.file(&format!("modules/{}.ko", module.name), 0o644, &module.content);
            }
        }
        archive.file(&format!("modules/{list}"), 0o644, order.as_bytes());
    }
    Ok(archive.finish())
}

/// The archive before it is compressed.
fn archive(kernel: &Kernel, busybox: &Path, modules: &[&str]) -> Result<Vec<u8>, InitramfsError> {
    let mut archive = Cpio::default();
    for directory in ["bin", "dev", "lower", "modules", "proc", "root", "sys", "upper"] {
        archive.directory(directory);
    }
    // the kernel opens it for the first program, before /dev is mounted
    archive.character_device("dev/console", 5, 1);
    archive.file("bin/busybox", 0o755, &busybox_program(busybox)?);
    archive.file("init", 0o755, INIT.as_bytes());
    let mut order = String::new();
    for module in kernel.modules(modules)? {
        order.push_str(&module.name);
        order.push('\n');
        archive.file(&format!("modules/{}.ko", module.name), 0o644, &module.content);
    }
    archive.file("modules/order", 0o644, order.as_bytes());
    Ok(archive.finish())
}
