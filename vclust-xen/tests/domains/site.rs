//! Domains under the Xen of this machine, which must be its control domain.

use std::error::Error;
use std::fs;
use std::path::PathBuf;
use std::process::Command;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::{Duration, Instant};

use tempfile::TempDir;
use vclust_core::{
    ByteSize, DomainBoot, DomainConfiguration, DomainLimits, DomainMemory, DomainName, Hypervisor,
    HypervisorError, OnReboot,
};
use vclust_process::Mark;
use vclust_xen::{GuestKind, Machine, Xen, XenOptions};

/// How long anything may take in software emulation.
pub(crate) const PATIENCE: Duration = Duration::from_secs(120);
/// Directories that were made.
static COUNT: AtomicU32 = AtomicU32::new(0);
/// Memory of a guest, in MiB.
pub(crate) const MEMORY: u64 = 96;

pub(crate) struct Site {
    directory: TempDir,
    mark: Mark,
    xen: Xen,
}

impl Site {
    pub(crate) fn new(kind: GuestKind) -> Self {
        Self::with(XenOptions { kind: Some(kind), ..Self::options() })
    }

    /// Much time for everything: an emulated host takes seconds for what takes milliseconds.
    pub(crate) fn options() -> XenOptions {
        XenOptions { answer: PATIENCE * 2, patience: PATIENCE * 4, ..XenOptions::default() }
    }

    pub(crate) fn with(options: XenOptions) -> Self {
        assert_eq!(
            Machine::this(),
            Machine::Host,
            "this is no control domain of a Xen host; `make test-xen` starts one"
        );
        let number = COUNT.fetch_add(1, Ordering::Relaxed);
        let directory = tempfile::tempdir().expect("a directory");
        let mark: Mark = format!("test-{}-{number}", std::process::id()).parse().expect("a mark");
        let own = directory.path().join("domains");
        let xen = Xen::open(&own, mark.clone(), options).expect("a directory");
        Self { directory, mark, xen }
    }

    pub(crate) fn xen(&self) -> &Xen {
        &self.xen
    }

    /// What another process has of the same directory.
    pub(crate) fn other(&self, options: XenOptions) -> Xen {
        Xen::open(&self.directory.path().join("domains"), self.mark.clone(), options)
            .expect("a directory")
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.directory.path().join(name)
    }

    /// A guest that does what the words say; see `scripts/xen-guest-init`.
    pub(crate) fn configuration(name: &str, words: &str) -> DomainConfiguration {
        let guest =
            std::env::var_os("VCLUST_XEN_GUEST").expect("`make test-xen` says where a guest is");
        let guest = PathBuf::from(guest);
        DomainConfiguration {
            name: name.parse().expect("a name"),
            memory: ByteSize::new(MEMORY << 20),
            memory_use: DomainMemory::Saveable,
            processors: 1,
            boot: DomainBoot::Kernel {
                image: guest.join("kernel"),
                initramfs: Some(guest.join("initrd")),
                command_line: format!("quiet loglevel=1 panic=-1 mitigations=off {words}"),
            },
            disks: Vec::new(),
            interfaces: Vec::new(),
            on_reboot: OnReboot::Restart,
            limits: DomainLimits::default(),
        }
    }

    /// A guest that takes next to no processor time, so that those which are made beside it have it.
    pub(crate) fn idle(name: &str) -> DomainConfiguration {
        let limits = DomainLimits { processors: Some(0.02), ..DomainLimits::default() };
        DomainConfiguration { limits, ..Self::configuration(name, "") }
    }

    pub(crate) fn define(&self, name: &str, words: &str) -> DomainName {
        let configuration = Self::configuration(name, words);
        self.xen.define(&configuration).expect("it can be defined");
        configuration.name
    }

    /// Waits until the guest has said something since it was started.
    pub(crate) fn says(&self, name: &DomainName, text: &str) {
        let end = Instant::now() + PATIENCE;
        loop {
            let said = self.xen.console_log(name, 1 << 16).unwrap_or_default();
            let said = String::from_utf8_lossy(&said);
            if said.contains(text) {
                return;
            }
            assert!(Instant::now() < end, "{name} has not said {text}, but {said}");
            std::thread::sleep(Duration::from_millis(50));
        }
    }
}

impl Drop for Site {
    fn drop(&mut self) {
        for domain in self.xen.list().unwrap_or_default() {
            let _ = self.xen.kill(&domain.name);
        }
        let _ = fs::remove_dir_all(self.directory.path());
    }
}

/// An error with its causes.
pub(crate) fn causes(error: &HypervisorError) -> String {
    let mut text = error.to_string();
    let mut next = error.source();
    while let Some(cause) = next {
        text = format!("{text}: {cause}");
        next = cause.source();
    }
    text
}

/// Runs a program that succeeds; what it says.
pub(crate) fn run(program: &str, arguments: &[&str]) -> String {
    let output = Command::new(program).args(arguments).output().expect(program);
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{program} {arguments:?}: {said}");
    String::from_utf8_lossy(&output.stdout).into_owned()
}
