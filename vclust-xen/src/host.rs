//! What this machine is to Xen, and what it lacks to run domains.

use std::fs;
use std::path::Path;

/// What this machine is to Xen.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Machine {
    /// The control domain of a Xen host.
    Host,
    /// A guest of a Xen host.
    Guest,
    /// There is no Xen.
    NoXen,
}

impl Machine {
    /// This machine.
    #[must_use]
    pub fn this() -> Self {
        Self::at(Path::new("/"))
    }

    /// The machine with this root: `/sys/hypervisor` says what is below the kernel, and
    /// `/proc/xen/capabilities`, where it is mounted, that this is the control domain; its UUID is 0.
    fn at(root: &Path) -> Self {
        let read = |path: &str| fs::read_to_string(root.join(path)).unwrap_or_default();
        let controls = read("proc/xen/capabilities").contains("control_d");
        if !controls && read("sys/hypervisor/type").trim() != "xen" {
            return Self::NoXen;
        }
        let uuid = read("sys/hypervisor/uuid");
        let is_nil =
            !uuid.trim().is_empty() && uuid.trim().bytes().all(|byte| b"0-".contains(&byte));
        if controls || is_nil { Self::Host } else { Self::Guest }
    }
}

/// What xenconsoled was started with, by the command lines of all processes; none if it does not run.
#[must_use]
pub fn console_daemon() -> Option<String> {
    let entries = fs::read_dir("/proc").ok()?;
    entries.flatten().find_map(|entry| {
        let line = fs::read(entry.path().join("cmdline")).ok()?;
        let words: Vec<_> = line.split(|byte| *byte == 0).map(String::from_utf8_lossy).collect();
        let program = words.first()?.rsplit('/').next()?;
        (program == "xenconsoled").then(|| words.join(" ").trim().to_owned())
    })
}

/// Whether what xenconsoled was started with has it keep what guests say.
#[must_use]
pub fn keeps_consoles(command_line: &str) -> bool {
    ["--log=guest", "--log=all", "--log guest", "--log all", "-l guest", "-l all"]
        .iter()
        .any(|option| command_line.contains(option))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hosts_guests_and_others_are_told_apart() {
        let root = tempfile::tempdir().unwrap();
        let write = |path: &str, text: &str| {
            let path = root.path().join(path);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, text).unwrap();
        };
        assert_eq!(Machine::at(root.path()), Machine::NoXen);
        write("sys/hypervisor/type", "kvm\n");
        assert_eq!(Machine::at(root.path()), Machine::NoXen);
        write("sys/hypervisor/type", "xen\n");
        assert_eq!(Machine::at(root.path()), Machine::Guest);
        write("sys/hypervisor/uuid", "f0500c72-140d-4394-a2f5-ec8dfd7436e2\n");
        assert_eq!(Machine::at(root.path()), Machine::Guest);
        write("sys/hypervisor/uuid", "00000000-0000-0000-0000-000000000000\n");
        assert_eq!(Machine::at(root.path()), Machine::Host);
        write("sys/hypervisor/uuid", "<denied>\n");
        write("proc/xen/capabilities", "control_d\n");
        assert_eq!(Machine::at(root.path()), Machine::Host);
    }

    #[test]
    fn a_console_daemon_keeps_consoles_only_when_told_to() {
        assert!(keeps_consoles("xenconsoled --pid-file=/run/x --log=guest"));
        assert!(!keeps_consoles("xenconsoled --log=none") && !keeps_consoles("xenconsoled"));
    }
}
