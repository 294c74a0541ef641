//! Whether this machine has room for a cluster, before anything is started.

use std::fs;
use std::path::Path;

use vclust_core::{ByteSize, ClusterSpec, Strategy};

use super::error::DeployError;

const MIB: u64 = 1 << 20;
/// What a process of the hypervisor needs beside the memory of its guest: measured 40 to 60 MB under
/// software emulation, of which its translated code is the largest part.
const PROCESS: u64 = 64 * MIB;
/// What a copy writes of its memory before it is ready, measured with 256 MB guests; what it writes
/// later is its own business.
const WRITTEN: u64 = 48 * MIB;
/// What a node writes to its disk before it is ready, with room to spare.
const DISK: u64 = 32 * MIB;
/// What files of an ext4 file system take room by.
const BLOCK: u64 = 4096;

/// Memory that programs can have without others having to give way.
pub(super) fn available_memory() -> u64 {
    let text = fs::read_to_string("/proc/meminfo").unwrap_or_default();
    let line = text.lines().find_map(|line| line.strip_prefix("MemAvailable:"));
    let kilobytes = line.and_then(|line| line.trim().split(' ').next()?.parse::<u64>().ok());
    kilobytes.map_or(u64::MAX, |kilobytes| kilobytes * 1024)
}

/// Checks that there is memory for the nodes.
pub(super) fn check_memory(
    nodes: u32,
    memory: ByteSize,
    strategy: Strategy,
    free: u64,
) -> Result<(), DeployError> {
    let (each, shared) = match strategy {
        // copies share what they do not write; a node that fills its memory needs all of it
        Strategy::Clone => (memory.bytes().min(WRITTEN) + PROCESS, memory.bytes()),
        Strategy::Install | Strategy::Layers => (memory.bytes() + PROCESS, 0),
    };
    let needed = each.saturating_mul(u64::from(nodes)).saturating_add(shared);
    if needed <= free {
        return Ok(());
    }
    let round = |bytes: u64| ByteSize::new(bytes.div_ceil(MIB) * MIB);
    let shared =
        if shared == 0 { String::new() } else { format!(", and {} that all share", round(shared)) };
    let (needed, each) = (round(needed), round(each));
    Err(DeployError::Memory { nodes, needed, each, shared, free: ByteSize::new(free / MIB * MIB) })
}

/// Checks that there is room on disk for what nodes write at first. Their disks have holes, so it is not
/// the disks' size that counts.
pub(super) fn check_space(nodes: u32, each: u64, directory: &Path) -> Result<(), DeployError> {
    let status = rustix::fs::statvfs(directory)
        .map_err(|error| DeployError::read(directory)(error.into()))?;
    let free = status.f_bavail.saturating_mul(status.f_frsize);
    let needed = each.max(DISK).saturating_mul(u64::from(nodes));
    if needed <= free {
        return Ok(());
    }
    let (needed, free) = (ByteSize::new(needed), ByteSize::new(free / MIB * MIB));
    Err(DeployError::Space { nodes, needed, free, directory: directory.to_owned() })
}

/// What the root of a node that installs holds, in bytes.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct RootContent {
    /// In the image's files.
    pub(super) image: u64,
    /// Files, directories and links of the image.
    pub(super) files: u64,
    /// In the packages that the image lacks, installed.
    pub(super) packages: u64,
    /// Of the image's archive, where a node keeps it until all after it have it.
    pub(super) archive: u64,
}

/// Checks that what nodes install fits on their disks.
pub(super) fn check_disk(spec: &ClusterSpec, content: &RootContent) -> Result<(), DeployError> {
    let parts = spec.partitions.iter();
    let parts: Vec<u64> = parts
        .filter(|part| part.target.as_deref().is_some_and(holds_packages))
        .map(|part| spec.partition_bytes(part))
        .collect();
    let parts = if parts.is_empty() { vec![spec.disk.bytes()] } else { parts };
    let room: u64 = parts.iter().sum();
    let file_systems = parts.into_iter().map(file_system).sum();
    // the last block of a file is half full on average
    let image = content.image + content.files * BLOCK / 2;
    let all = [image, content.packages, content.archive, file_systems];
    let needed: u64 = all.iter().sum();
    if needed <= room {
        return Ok(());
    }
    let round = |bytes: u64| ByteSize::new(bytes.div_ceil(MIB) * MIB);
    let names = ["the image", "packages", "the archive on its way", "the file system itself"];
    let sum = names.iter().zip(all).filter(|(_, bytes)| *bytes > 0);
    let sum: Vec<String> = sum.map(|(name, bytes)| format!("{name} {}", round(bytes))).collect();
    let (needed, room) = (round(needed), ByteSize::new(room / MIB * MIB));
    Err(DeployError::SmallDisk { needed, sum: sum.join(", "), room })
}

/// Whether packages have files below a place.
fn holds_packages(target: &str) -> bool {
    let first = target.trim_start_matches('/').split('/').next();
    first.is_some_and(|first| ["", "boot", "etc", "lib", "opt", "usr", "var"].contains(&first))
}

/// What an ext4 file system of a size keeps for itself: a journal, and an inode of 256 bytes for every
/// 16 KiB, or for every 4 KiB where it has less than 512 MiB (mke2fs(8), and mke2fs.conf(5) as Debian
/// has it).
fn file_system(bytes: u64) -> u64 {
    let (journal, per_inode) = match bytes / MIB {
        ..512 => (8, 4096),
        512..1024 => (16, 16384),
        1024..2048 => (32, 16384),
        2048..16384 => (64, 16384),
        _ => (128, 16384),
    };
    journal * MIB + bytes / per_inode * 256
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_disk_that_is_too_small_for_the_image_is_refused_with_the_arithmetic() {
        let spec = |more: &str| {
            let text =
                format!("name = \"a\"\nnodes = 1\n{more}\n[deploy]\nstrategy = \"install\"\n");
            ClusterSpec::parse(&text).unwrap()
        };
        let content =
            RootContent { image: 200 * MIB, files: 10_240, packages: 50 * MIB, archive: 0 };
        assert!(check_disk(&spec("disk = \"320MiB\""), &content).is_ok());
        let error = check_disk(&spec("disk = \"290MiB\""), &content).unwrap_err().to_string();
        let expected = "needs 297MiB (the image 220MiB, packages 50MiB, the file system itself 27MiB), \
                        and has 290MiB; give nodes a larger `disk`";
        assert!(error.contains(expected), "{error}");
        let parts = |root: &str, other: &str| {
            spec(&format!(
                "disk = \"2GiB\"\npartitions = [{{ size = \"{root}\", target = \"/\" }}, {{ target = \"{other}\" }}]"
            ))
        };
        // room elsewhere is no room for packages, unless that is where they are
        assert!(check_disk(&parts("100MiB", "/scratch"), &content).is_err());
        assert!(check_disk(&parts("100MiB", "/usr"), &content).is_ok());
        assert!(check_disk(&parts("400MiB", "/scratch"), &content).is_ok());
        let with_archive = RootContent { archive: 200 * MIB, ..content };
        let error = check_disk(&parts("400MiB", "/scratch"), &with_archive).unwrap_err();
        assert!(error.to_string().contains("the archive on its way 200MiB"), "{error}");
    }

    #[test]
    fn too_many_nodes_are_refused_with_the_arithmetic() {
        let memory = ByteSize::new(256 * MIB);
        let free = 2048 * MIB;
        assert!(check_memory(6, memory, Strategy::Layers, free).is_ok());
        let error = check_memory(7, memory, Strategy::Layers, free).unwrap_err().to_string();
        assert!(error.starts_with("7 nodes need 2240MiB of memory (320MiB each), and"), "{error}");
        assert!(check_memory(16, memory, Strategy::Clone, free).is_ok());
        let error = check_memory(17, memory, Strategy::Clone, free).unwrap_err().to_string();
        assert!(error.contains("(112MiB each, and 256MiB that all share)"), "{error}");
    }

    #[test]
    fn a_full_disk_is_told_before_anything_is_started() {
        let error = check_space(1000, 1 << 50, Path::new("/")).unwrap_err().to_string();
        assert!(error.contains("1000 nodes may write") && error.contains("cache gc"), "{error}");
        assert!(check_space(1, 1, Path::new("/")).is_ok());
    }
}
