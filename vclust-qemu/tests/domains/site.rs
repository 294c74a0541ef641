//! A directory with domains, which are gone when the test ends.

use std::error::Error;
use std::io::Write;
use std::path::PathBuf;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::{Duration, Instant};

use tempfile::TempDir;
use vclust_core::{
    ByteSize, DiskAccess, DiskFormat, DomainBoot, DomainConfiguration, DomainDisk, DomainLimits,
    DomainMemory, DomainName, Hypervisor, HypervisorError, OnReboot,
};
use vclust_process::{Mark, ProcessId, end_marked, marked};
use vclust_qemu::{Acceleration, Qemu, QemuOptions};

use crate::guest;

/// How long anything may take on a machine that has much else to do.
pub(crate) const PATIENCE: Duration = Duration::from_secs(30);

pub(crate) struct Site {
    _directory: TempDir,
    path: PathBuf,
    mark: Mark,
}

impl Site {
    pub(crate) fn new() -> Self {
        Self::below("site")
    }

    pub(crate) fn below(name: &str) -> Self {
        static COUNT: AtomicU32 = AtomicU32::new(0);
        let number = COUNT.fetch_add(1, Ordering::Relaxed);
        let directory = tempfile::tempdir().expect("a directory");
        let path = directory.path().join(name);
        std::fs::create_dir_all(&path).expect("a directory");
        guest::disk(&path.join("boot.img"));
        guest::second_disk(&path.join("second.img"), b'D', 1 << 20);
        let mark = format!("test-qemu-{}-{number}", std::process::id());
        Self { _directory: directory, path, mark: mark.parse().expect("a mark") }
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.path.join(name)
    }

    pub(crate) fn options() -> QemuOptions {
        // what is tested here does not depend on it, and emulation works everywhere
        QemuOptions { acceleration: Some(Acceleration::Emulation), ..QemuOptions::default() }
    }

    pub(crate) fn qemu(&self) -> Qemu {
        self.qemu_with(Self::options())
    }

    pub(crate) fn qemu_with(&self, options: QemuOptions) -> Qemu {
        Qemu::open(&self.path("domains"), self.mark.clone(), options).expect("a directory")
    }

    pub(crate) fn configuration(&self, name: &str) -> DomainConfiguration {
        let disk = |serial: &str| DomainDisk {
            serial: serial.to_owned(),
            path: self.path(&format!("{serial}.img")),
            format: DiskFormat::Raw,
            access: DiskAccess::ReadOnly,
        };
        DomainConfiguration {
            name: name.parse().expect("a name"),
            memory: ByteSize::new(32 << 20),
            memory_use: DomainMemory::Private,
            processors: 1,
            boot: DomainBoot::Disk,
            disks: vec![disk("boot"), disk("second")],
            interfaces: Vec::new(),
            on_reboot: OnReboot::Off,
            limits: DomainLimits::default(),
        }
    }

    pub(crate) fn define(&self, name: &str) -> DomainName {
        let configuration = self.configuration(name);
        self.qemu().define(&configuration).expect("a definition");
        configuration.name
    }

    /// Waits until a domain's console has said exactly this.
    pub(crate) fn says(&self, name: &DomainName, expected: &str) {
        let (qemu, end) = (self.qemu(), Instant::now() + PATIENCE);
        loop {
            let said = qemu.console_log(name, 1000).expect("a log");
            if said == expected.as_bytes() {
                return;
            }
            let text = String::from_utf8_lossy(&said);
            assert!(Instant::now() < end, "{name} says `{text}`, not `{expected}`");
            std::thread::sleep(Duration::from_millis(5));
        }
    }

    /// Tells a guest letters, each when it has heard the one before.
    pub(crate) fn tell(&self, name: &DomainName, letters: &[u8]) {
        let qemu = self.qemu();
        let mut line = qemu.console(name).expect("a console");
        for letter in letters {
            let before = qemu.console_log(name, 1000).expect("a log").len();
            line.writer.write_all(&[*letter]).expect("a console");
            let end = Instant::now() + PATIENCE;
            // the counts and the disk's byte are answered, the rest ends the machine
            while b"id".contains(letter)
                && qemu.console_log(name, 1000).expect("a log").len() == before
            {
                assert!(Instant::now() < end, "{name} does not answer");
                std::thread::sleep(Duration::from_millis(5));
            }
        }
    }

    pub(crate) fn process(&self, name: &DomainName) -> ProcessId {
        let list = self.qemu().list().expect("a list");
        let domain = list.into_iter().find(|domain| domain.name == *name).expect("the domain");
        ProcessId::of(domain.process.expect("a process")).expect("a process")
    }

    /// How many processes there are of all domains.
    pub(crate) fn processes(&self) -> usize {
        marked(&self.mark).expect("processes").len()
    }

    /// What is in the directory of the domains.
    pub(crate) fn left(&self) -> Vec<String> {
        let entries = std::fs::read_dir(self.path("domains")).expect("a directory");
        let name = |entry: std::io::Result<std::fs::DirEntry>| entry.expect("an entry").file_name();
        entries.map(|entry| name(entry).to_string_lossy().into_owned()).collect()
    }
}

impl Drop for Site {
    fn drop(&mut self) {
        let _ = end_marked(&self.mark, Duration::ZERO);
    }
}

/// An error with its causes.
pub(crate) fn cause(error: &HypervisorError) -> String {
    let mut text = error.to_string();
    let mut next = error.source();
    while let Some(cause) = next {
        text = format!("{text}: {cause}");
        next = cause.source();
    }
    text
}
