//! What a cluster may leave behind and must not: looked for without asking vclust.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

use crate::site::Site;

impl Site {
    /// Fails if anything is left beside the clusters that are up.
    pub(crate) fn nothing_is_left_but(&self, clusters: &[&str]) {
        let left = self.left(clusters);
        assert!(left.is_empty(), "left behind: {left:#?}");
    }

    /// Everything that is left beside clusters that are up.
    pub(crate) fn left(&self, clusters: &[&str]) -> Vec<String> {
        let mut left = Vec::new();
        if clusters.is_empty() {
            left.extend(self.processes());
            left.extend(self.groups());
        }
        left.extend(self.mounts_and_loops());
        // devices of clusters' networks belong into their namespaces
        let more = &devices() - &self.devices;
        left.extend(more.into_iter().map(|name| format!("network device {name}")));
        left.extend(self.files(clusters));
        left
    }

    /// Processes that were started for this state directory: whatever vclust starts inherits the
    /// variable that names it, marked or not.
    fn processes(&self) -> Vec<String> {
        let variable = format!("VCLUST_STATE_DIR={}", self.state.display());
        let mut found = Vec::new();
        for number in numbers(Path::new("/proc")) {
            let directory = format!("/proc/{number}");
            let environment = fs::read(format!("{directory}/environ")).unwrap_or_default();
            let names_it =
                environment.split(|byte| *byte == 0).any(|one| one == variable.as_bytes());
            let command = fs::read(format!("{directory}/cmdline")).unwrap_or_default();
            let command = String::from_utf8_lossy(&command).replace('\0', " ");
            let status = fs::read_to_string(format!("{directory}/stat")).unwrap_or_default();
            let is_dead =
                status.rsplit_once(") ").is_none_or(|(_, rest)| rest.starts_with(['Z', 'X']));
            if names_it && !is_dead {
                found.push(format!("process {number}: {command}"));
            }
        }
        found
    }

    /// Mounts in any namespace, and loop devices, of anything below the state directory.
    fn mounts_and_loops(&self) -> Vec<String> {
        let state = self.state.to_str().expect("text");
        let mut found = BTreeSet::new();
        for number in numbers(Path::new("/proc")) {
            let mounts =
                fs::read_to_string(format!("/proc/{number}/mountinfo")).unwrap_or_default();
            let ours = mounts.lines().filter(|line| line.contains(state));
            // a state directory may be a mount of its own
            let ours = ours.filter(|line| line.split(' ').nth(4) != Some(state));
            found.extend(ours.map(|line| format!("mount: {line}")));
        }
        for device in fs::read_dir("/sys/block").expect("devices").flatten() {
            let file = fs::read_to_string(device.path().join("loop/backing_file"));
            if file.is_ok_and(|file| file.contains(state)) {
                found.insert(format!("loop device {}", device.path().display()));
            }
        }
        found.into_iter().collect()
    }

    /// Control groups of domains.
    fn groups(&self) -> Vec<String> {
        let mark = self.mark();
        let mut found = Vec::new();
        let mut open = vec![Path::new("/sys/fs/cgroup").to_owned()];
        while let Some(directory) = open.pop() {
            for entry in fs::read_dir(&directory).into_iter().flatten().flatten() {
                if entry.file_type().is_ok_and(|kind| kind.is_dir()) {
                    if entry.file_name().to_string_lossy().contains(&mark) {
                        found.push(format!("control group {}", entry.path().display()));
                    }
                    open.push(entry.path());
                }
            }
        }
        found
    }

    /// What all marks of the state directory begin with, see `vclust-grid/src/cluster`.
    fn mark(&self) -> String {
        let command = format!("printf %s '{}' | sha256sum", self.state.join("clusters").display());
        let output = std::process::Command::new("sh").args(["-c", &command]).output();
        let output = String::from_utf8(output.expect("sh starts").stdout).expect("text");
        format!("vclust-{}", &output[..12])
    }

    /// Files that are unfinished, and directories of clusters that are not there.
    fn files(&self, clusters: &[&str]) -> Vec<String> {
        let mut found = Vec::new();
        let names = |directory: &str| -> Vec<String> {
            let entries = fs::read_dir(self.state.join(directory)).into_iter().flatten().flatten();
            entries.map(|entry| entry.file_name().to_string_lossy().into_owned()).collect()
        };
        for name in names("clusters") {
            if name != ".locks" && !clusters.contains(&name.as_str()) {
                found.push(format!("clusters/{name}"));
            }
        }
        for name in names("clusters/.locks") {
            if !clusters.contains(&name.as_str()) {
                found.push(format!("clusters/.locks/{name}"));
            }
        }
        found.extend(names("building").into_iter().map(|name| format!("building/{name}")));
        for directory in ["templates", "disks", "images", "kernels", ""] {
            for name in names(directory) {
                let hidden = name.starts_with('.') && name != ".locks" && name != ".lock";
                if hidden || name.contains(".new-") || name.ends_with(".partial") {
                    found.push(format!("{directory}/{name}"));
                }
            }
        }
        found
    }
}

/// The network devices of this process's namespace.
pub(crate) fn devices() -> BTreeSet<String> {
    let names = fs::read_dir("/sys/class/net").expect("devices").flatten();
    names.map(|entry| entry.file_name().to_string_lossy().into_owned()).collect()
}

/// The entries of a directory that are numbers.
pub(crate) fn numbers(directory: &Path) -> Vec<u32> {
    let entries = fs::read_dir(directory).into_iter().flatten().flatten();
    entries.filter_map(|entry| entry.file_name().to_str()?.parse().ok()).collect()
}
