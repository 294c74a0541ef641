//! Whether this machine has room for a cluster, before anything is started.

use std::fs;
use std::path::Path;

use vclust_core::{ByteSize, Strategy};

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

#[cfg(test)]
mod tests {
    use super::*;

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
