//! A directory with a tool stack that pretends, and domains over it.

use std::error::Error;
use std::fs;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use tempfile::TempDir;
use vclust_core::{
    ByteSize, DiskAccess, DiskFormat, DomainBoot, DomainConfiguration, DomainDisk, DomainInterface,
    DomainLimits, DomainMemory, DomainName, Hypervisor, HypervisorError, OnReboot,
};
use vclust_process::{Mark, end_marked};
use vclust_xen::{GuestKind, Xen, XenOptions};

/// How long anything may take on a machine that has much else to do.
pub(crate) const PATIENCE: Duration = Duration::from_secs(30);

/// What `xl info` says of a host with 1000 MiB free.
const INFORMATION: &str = "nr_cpus : 4\nvirt_caps : pv hvm hap\ntotal_memory : 2047\nfree_memory : 1000\n\
    outstanding_claims : 0\nxen_version : 4.17.7\nxen_commandline : dom0_mem=512M,max:512M\n";

pub(crate) struct Tools {
    directory: TempDir,
    mark: Mark,
}

impl Tools {
    pub(crate) fn new() -> Self {
        static COUNT: AtomicU32 = AtomicU32::new(0);
        let number = COUNT.fetch_add(1, Ordering::Relaxed);
        let directory = tempfile::tempdir().expect("a directory");
        let mark = format!("test-xen-{}-{number}", std::process::id());
        let tools = Self { directory, mark: mark.parse().expect("a mark") };
        // a program that is written and run at once is busy where another thread forks in between,
        // so the programs are files of the project's
        let scripts = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/scripted");
        for (script, program) in [("xl.sh", "xl"), ("read.sh", "xenstore-read")] {
            symlink(scripts.join(script), tools.path(program)).expect("a link");
        }
        tools.write("info", INFORMATION);
        fs::create_dir(tools.path("store")).expect("a directory");
        tools
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.directory.path().join(name)
    }

    pub(crate) fn write(&self, name: &str, text: &str) {
        fs::write(self.path(name), text).expect("a file");
    }

    /// What happens before a command of `xl`: a piece of a script, which may end it.
    pub(crate) fn on(&self, command: &str, script: &str) {
        self.write(&format!("on-{command}"), script);
    }

    pub(crate) fn forget(&self, command: &str) {
        fs::remove_file(self.path(&format!("on-{command}"))).expect("a file");
    }

    /// The commands that were given.
    pub(crate) fn calls(&self, command: &str) -> Vec<String> {
        let text = fs::read_to_string(self.path("calls")).unwrap_or_default();
        text.lines().filter(|line| line.starts_with(command)).map(str::to_owned).collect()
    }

    /// What Xen has, by numbers.
    pub(crate) fn domains(&self) -> Vec<String> {
        let Ok(entries) = fs::read_dir(self.path("domains")) else { return Vec::new() };
        let names = entries.flatten().map(|entry| entry.file_name().to_string_lossy().into_owned());
        let mut names: Vec<String> = names.collect();
        names.sort();
        names
    }

    /// Changes what Xen says of all its domains.
    pub(crate) fn change(&self, field: &str, value: &str) {
        for id in self.domains() {
            let path = self.path("domains").join(id);
            let text = fs::read_to_string(&path).expect("a domain");
            let lines = text.lines().map(|line| match line.split_once('=') {
                Some((name, _)) if name == field => format!("{field}={value}\n"),
                _ => format!("{line}\n"),
            });
            let text: String = lines.collect();
            fs::write(&path, text).expect("a domain");
        }
    }

    pub(crate) fn options(&self) -> XenOptions {
        XenOptions {
            programs: Some(self.directory.path().to_owned()),
            kind: Some(GuestKind::Pv),
            answer: PATIENCE,
            patience: PATIENCE,
            console_logs: self.path("logs"),
            ..XenOptions::default()
        }
    }

    pub(crate) fn xen(&self) -> Xen {
        self.xen_with(self.options())
    }

    pub(crate) fn xen_with(&self, options: XenOptions) -> Xen {
        Xen::open(&self.path("own"), self.mark.clone(), options).expect("a directory")
    }

    pub(crate) fn configuration(name: &str) -> DomainConfiguration {
        let disk = |serial: &str, access| DomainDisk {
            serial: serial.to_owned(),
            path: format!("/disks/{serial}, the first").into(),
            format: DiskFormat::Raw,
            access,
        };
        DomainConfiguration {
            name: name.parse().expect("a name"),
            memory: ByteSize::new(128 << 20),
            memory_use: DomainMemory::Saveable,
            processors: 1,
            boot: DomainBoot::Kernel {
                image: "/boot/kernel".into(),
                initramfs: Some("/boot/initrd".into()),
                command_line: "quiet \"word\" back\\slash".to_owned(),
            },
            disks: vec![disk("base", DiskAccess::ReadOnly), disk("own", DiskAccess::ReadWrite)],
            interfaces: vec![DomainInterface {
                mac: "00:16:3e:00:00:01".parse().expect("an address"),
                host_device: "vif-n1".to_owned(),
                bridge: Some("br0".to_owned()),
            }],
            on_reboot: OnReboot::Restart,
            limits: DomainLimits::default(),
        }
    }

    pub(crate) fn define(&self, name: &str) -> DomainName {
        let configuration = Self::configuration(name);
        self.xen().define(&configuration).expect("it can be defined");
        configuration.name
    }
}

impl Drop for Tools {
    fn drop(&mut self) {
        let _ = end_marked(&self.mark, Duration::ZERO);
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
