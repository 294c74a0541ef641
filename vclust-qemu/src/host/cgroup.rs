//! Limits of a domain, kept by the kernel: a control group (version 2) for each domain that has some.
//!
//! A group is made below the nearest group that this process is in and that hands the controllers
//! down. Where there is none the limit is refused: a limit that is not kept is worse than none.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use vclust_core::{DomainLimits, HypervisorProblem};

use crate::problem::{Outcome, QemuProblem};

/// Microseconds of the period over which processor time is counted.
const PERIOD: u64 = 100_000;

/// The group of a domain.
pub(crate) struct Cgroup {
    path: PathBuf,
}

impl Cgroup {
    /// A group with the limits, or none if there are none to keep.
    pub(crate) fn make(name: &str, limits: &DomainLimits) -> Outcome<Option<Self>> {
        if limits.processors.is_none() && limits.memory.is_none() {
            return Ok(None);
        }
        let (root, own) = place()?;
        Self::below(&root, &own, name, limits).map(Some)
    }

    /// A group below one of the groups from `own` up to `root`.
    fn below(root: &Path, own: &Path, name: &str, limits: &DomainLimits) -> Outcome<Self> {
        let mut wanted = Vec::new();
        wanted.extend(limits.processors.map(|_| "cpu"));
        wanted.extend(limits.memory.map(|_| "memory"));
        let groups = own.ancestors().take_while(|group| group.starts_with(root));
        let mut last = None;
        for group in groups {
            let path = group.join("cgroup.subtree_control");
            let handed = fs::read_to_string(path).unwrap_or_default();
            let hands =
                wanted.iter().all(|wanted| handed.split_whitespace().any(|one| one == *wanted));
            if !hands {
                continue;
            }
            let path = group.join(name);
            match fs::create_dir(&path) {
                Ok(()) => {}
                Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {}
                Err(error) => {
                    last = Some(error);
                    continue;
                }
            }
            let made = Self { path };
            return match made.set(limits) {
                Ok(()) => Ok(made),
                Err(error) => {
                    Self::remove(&made.path);
                    Err(error)
                }
            };
        }
        let why = last.map_or_else(String::new, |error| format!(" ({error})"));
        let controllers = wanted.join(" and ");
        Err(QemuProblem::Limit(format!("no cgroup hands down {controllers} here{why}")).into())
    }

    fn set(&self, limits: &DomainLimits) -> Outcome<()> {
        if let Some(processors) = limits.processors {
            let quota = (processors * PERIOD as f64).round().max(1000.0);
            self.write("cpu.max", &format!("{quota} {PERIOD}"))?;
        }
        if let Some(memory) = limits.memory {
            self.write("memory.max", &memory.bytes().to_string())?;
        }
        Ok(())
    }

    /// Puts a process into the group.
    pub(crate) fn add(&self, process: u32) -> Outcome<()> {
        self.write("cgroup.procs", &process.to_string())
    }

    /// Where it is.
    pub(crate) fn path(&self) -> &Path {
        &self.path
    }

    /// Removes a group whose processes have ended.
    pub(crate) fn remove(path: &Path) {
        // the kernel may take a moment to see that they have
        for _ in 0..50 {
            match fs::remove_dir(path) {
                Err(error) if error.kind() == io::ErrorKind::ResourceBusy => {
                    std::thread::sleep(std::time::Duration::from_millis(2));
                }
                _ => return,
            }
        }
    }

    fn write(&self, name: &str, text: &str) -> Outcome<()> {
        let path = self.path.join(name);
        fs::write(&path, text).map_err(HypervisorProblem::file("write", &path))
    }
}

/// Where control groups of version 2 are, and the one that this process is in.
fn place() -> Outcome<(PathBuf, PathBuf)> {
    let none = || QemuProblem::Limit("this system has no control groups of version 2".to_owned());
    let mounts = fs::read_to_string("/proc/self/mounts").unwrap_or_default();
    let mut mounts = mounts.lines().map(|line| line.split(' ').collect::<Vec<_>>());
    let mount = mounts.find(|fields| fields.get(2) == Some(&"cgroup2")).ok_or_else(none)?;
    let root = PathBuf::from(mount[1]);
    let groups = fs::read_to_string("/proc/self/cgroup").unwrap_or_default();
    let own = groups.lines().find_map(|line| line.strip_prefix("0::/")).ok_or_else(none)?;
    let own = root.join(own.trim_end());
    Ok((root, own))
}

#[cfg(test)]
mod tests {
    use vclust_core::ByteSize;

    use super::*;

    fn limits() -> DomainLimits {
        DomainLimits { processors: Some(0.5), memory: Some(ByteSize::new(1 << 28)) }
    }

    #[test]
    fn the_nearest_group_that_hands_the_controllers_down_is_taken() {
        let root = tempfile::tempdir().unwrap();
        let own = root.path().join("a/b");
        fs::create_dir_all(&own).unwrap();
        let path = root.path().join("a/cgroup.subtree_control");
        fs::write(path, "cpuset cpu memory\n").unwrap();
        fs::write(own.join("cgroup.subtree_control"), "memory pids\n").unwrap();
        let group = Cgroup::below(root.path(), &own, "n1", &limits()).unwrap();
        assert_eq!(group.path(), root.path().join("a/n1"));
        group.add(17).unwrap();
        let read = |name: &str| fs::read_to_string(group.path().join(name)).unwrap();
        assert_eq!(read("cpu.max"), "50000 100000");
        assert_eq!(read("memory.max"), "268435456");
        assert_eq!(read("cgroup.procs"), "17");
    }

    #[test]
    fn a_limit_that_cannot_be_kept_is_refused() {
        let root = tempfile::tempdir().unwrap();
        fs::write(root.path().join("cgroup.subtree_control"), "memory\n").unwrap();
        let error = Cgroup::below(root.path(), root.path(), "n1", &limits()).err().unwrap();
        assert!(error.to_string().contains("no cgroup hands down cpu and memory"), "{error}");
        assert!(Cgroup::make("n1", &DomainLimits::default()).unwrap().is_none());
    }
}
