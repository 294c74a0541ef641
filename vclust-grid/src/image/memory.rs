//! Whether a root is made in memory.
//!
//! There, files are sooner made, and gone in no time. The memory is that of a file system (tmpfs), which
//! the machine may swap; a build takes it only where several times as much is free, for the machine and
//! for each control group that this process is in, so that nobody else misses it.

use std::fs;
use std::path::{Path, PathBuf};

/// Room beyond the packages, for what scripts make.
const ROOM: u64 = 64 << 20;
/// How many times of what a root may take must be free.
const SPARE: u64 = 4;

/// The bound of a file system in memory for a root whose packages take so many bytes; none where
/// memory is short.
pub(super) fn for_root(packages: u64) -> Option<u64> {
    // maintainers' sizes leave out what scripts make: a bound that no honest package meets
    let bound = packages.saturating_mul(2).saturating_add(ROOM);
    (bound.saturating_mul(SPARE) <= available(Path::new("/"))?).then_some(bound)
}

/// Bytes of memory that are free for this process, by the files of `/proc` and `/sys` below a root.
fn available(root: &Path) -> Option<u64> {
    let text = fs::read_to_string(root.join("proc/meminfo")).ok()?;
    let line = text.lines().find_map(|line| line.strip_prefix("MemAvailable:"))?;
    let machine = line.split_whitespace().next()?.parse::<u64>().ok()? * 1024;
    let groups = fs::read_to_string(root.join("proc/self/cgroup")).unwrap_or_default();
    Some(groups.lines().filter_map(|line| left_in_group(root, line)).fold(machine, u64::min))
}

/// What the control group of a line of `/proc/self/cgroup`, and those above it, leave of their limits.
fn left_in_group(root: &Path, line: &str) -> Option<u64> {
    let mut fields = line.splitn(3, ':');
    let (_, controllers, path) = (fields.next()?, fields.next()?, fields.next()?);
    let (mounted, limit, used) = match controllers {
        "" => ("sys/fs/cgroup", "memory.max", "memory.current"),
        "memory" => ("sys/fs/cgroup/memory", "memory.limit_in_bytes", "memory.usage_in_bytes"),
        _ => return None,
    };
    let mounted = root.join(mounted);
    let mut group: PathBuf = mounted.join(path.trim_start_matches('/'));
    let mut least: Option<u64> = None;
    while group.starts_with(&mounted) {
        let read =
            |name: &str| fs::read_to_string(group.join(name)).ok()?.trim().parse::<u64>().ok();
        // a group without a limit says `max`
        if let (Some(limit), Some(used)) = (read(limit), read(used)) {
            let left = limit.saturating_sub(used);
            least = Some(least.map_or(left, |least| least.min(left)));
        }
        if !group.pop() {
            break;
        }
    }
    least
}

#[cfg(test)]
mod tests {
    use super::*;

    fn machine(files: &[(&str, &str)]) -> tempfile::TempDir {
        let root = tempfile::tempdir().unwrap();
        for (path, content) in files {
            let path = root.path().join(path);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, content).unwrap();
        }
        root
    }

    const MEMORY: (&str, &str) = ("proc/meminfo", "MemTotal: 9 kB\nMemAvailable:    8 kB\n");

    #[test]
    fn what_is_free_is_what_the_tightest_group_leaves() {
        let free = machine(&[MEMORY, ("proc/self/cgroup", "0::/a/b\n")]);
        assert_eq!(available(free.path()), Some(8192));
        let files = [
            MEMORY,
            ("proc/self/cgroup", "0::/a/b\n"),
            ("sys/fs/cgroup/a/memory.max", "5000\n"),
            ("sys/fs/cgroup/a/memory.current", "2000\n"),
            ("sys/fs/cgroup/a/b/memory.max", "max\n"),
            ("sys/fs/cgroup/a/b/memory.current", "10\n"),
        ];
        assert_eq!(available(machine(&files).path()), Some(3000));
        let older = [
            MEMORY,
            ("proc/self/cgroup", "5:cpu:/a\n4:memory:/a\n0::/\n"),
            ("sys/fs/cgroup/memory/a/memory.limit_in_bytes", "4000"),
            ("sys/fs/cgroup/memory/a/memory.usage_in_bytes", "5000"),
        ];
        assert_eq!(available(machine(&older).path()), Some(0));
        assert_eq!(available(machine(&[]).path()), None);
    }

    #[test]
    fn a_root_that_would_fill_memory_is_made_on_disk() {
        assert_eq!(for_root(u64::MAX), None);
    }
}
