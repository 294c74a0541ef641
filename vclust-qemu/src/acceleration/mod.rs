//! How guests run: on the processor itself, or in software.
//!
//! Whether the kernel's virtualisation works is found by running a guest with it. There are machines,
//! most of them virtual themselves, where `/dev/kvm` exists and can be opened, and guests crash or
//! stand still. What was found is kept for the life of the kernel.

mod guest;

use std::fs::{self, File};
use std::io::{self, Write};
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use serde::{Deserialize, Serialize};

use crate::host::write_whole;

/// How long the guest of the trial may take. Where acceleration works it takes 0.2 s.
const TRIAL: Duration = Duration::from_secs(5);

/// How guests run.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Acceleration {
    /// On the processor, by the kernel's virtualisation.
    Kvm,
    /// In software, by QEMU's translator.
    Emulation,
}

impl Acceleration {
    /// Its name, as answers write it.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Kvm => "kvm",
            Self::Emulation => "emulation",
        }
    }

    /// The processor that guests see. In emulation: with the instructions that Debian's programs look
    /// for, and with `rdrand`, without which a guest waits seconds for random numbers.
    pub(crate) fn processor(self) -> &'static str {
        match self {
            Self::Kvm => "host",
            Self::Emulation => "qemu64,+ssse3,+sse4.1,+sse4.2,+popcnt,+rdrand",
        }
    }

    /// QEMU's argument. A bounded translation cache is what keeps domains small; 1 GiB is QEMU's own
    /// bound. Kernel and start of a Debian node come to about 20 MiB.
    pub(crate) fn argument(self) -> &'static str {
        match self {
            Self::Kvm => "kvm",
            Self::Emulation => "tcg,tb-size=32",
        }
    }

    /// Whether a guest really runs, which takes up to five seconds to find out.
    pub fn runs_guests(self, program: &Path) -> io::Result<bool> {
        if self == Self::Kvm && File::options().read(true).write(true).open("/dev/kvm").is_err() {
            return Ok(false);
        }
        // a directory of its own that nobody else can have made
        let disk = Disk::make()?;
        let mut command = Command::new(program);
        command
            .args(["-nodefaults", "-no-user-config", "-display", "none", "-no-reboot"])
            .args(["-machine", "pc", "-accel", self.argument(), "-cpu", self.processor()])
            .args(["-m", "32", "-blockdev"])
            .arg(disk.argument())
            .args(["-device", "virtio-blk-pci,drive=disk", "-device"])
            .arg(format!("isa-debug-exit,iobase={},iosize=1", guest::PORT))
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null());
        let mut child = command.spawn()?;
        let end = Instant::now() + TRIAL;
        while Instant::now() < end {
            if let Some(status) = child.try_wait()? {
                return Ok(status.code() == Some(guest::EXIT_CODE));
            }
            std::thread::sleep(Duration::from_millis(3));
        }
        child.kill()?;
        child.wait()?;
        Ok(false)
    }

    /// What works on this machine. The answer is read from a file that an earlier call has left, if
    /// neither the kernel was started since nor the program changed.
    pub fn find(program: &Path, found: &Path) -> io::Result<Self> {
        let key = Key::of(program);
        if let Some(known) = read(found).filter(|known| known.key == key) {
            return Ok(known.acceleration);
        }
        let kvm = Self::Kvm.runs_guests(program)?;
        let acceleration = if kvm { Self::Kvm } else { Self::Emulation };
        // without the file the next call tries again, which does no harm
        if let Ok(text) = serde_json::to_vec(&Found { key, acceleration }) {
            let _ = write_whole(found, &text);
        }
        Ok(acceleration)
    }
}

/// What was found, and under which circumstances.
#[derive(Debug, Serialize, Deserialize)]
struct Found {
    key: Key,
    acceleration: Acceleration,
}

/// What an answer depends on.
#[derive(Debug, PartialEq, Eq, Serialize, Deserialize)]
struct Key {
    /// The kernel's life.
    boot: String,
    /// The program that was tried: its path, size and time of change.
    program: (PathBuf, u64, i64),
    /// Who may use the device.
    user: u32,
}

impl Key {
    fn of(program: &Path) -> Self {
        let boot = fs::read_to_string("/proc/sys/kernel/random/boot_id").unwrap_or_default();
        let path = on_path(program).unwrap_or_else(|| program.to_owned());
        let (size, changed) = fs::metadata(&path).map_or((0, 0), |data| (data.len(), data.mtime()));
        let user = rustix::process::geteuid().as_raw();
        Self { boot: boot.trim().to_owned(), program: (path, size, changed), user }
    }
}

fn read(found: &Path) -> Option<Found> {
    serde_json::from_slice(&fs::read(found).ok()?).ok()
}

/// Where a program is.
fn on_path(program: &Path) -> Option<PathBuf> {
    if program.components().count() > 1 {
        return Some(program.to_owned());
    }
    let path = std::env::var_os("PATH")?;
    std::env::split_paths(&path).map(|folder| folder.join(program)).find(|path| path.is_file())
}

/// The disk of the trial's guest, without a name in the file system.
struct Disk(File);

impl Disk {
    fn make() -> io::Result<Self> {
        let descriptor = rustix::fs::memfd_create("trial", rustix::fs::MemfdFlags::empty())?;
        let mut file = File::from(descriptor);
        file.write_all(&guest::sector())?;
        file.set_len(guest::DISK)?;
        Ok(Self(file))
    }

    /// QEMU's argument: it inherits the descriptor.
    fn argument(&self) -> String {
        use std::os::fd::AsRawFd;
        serde_json::json!({
            "driver": "raw", "node-name": "disk", "read-only": true,
            "file": { "driver": "file", "filename": format!("/dev/fd/{}", self.0.as_raw_fd()) },
        })
        .to_string()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const QEMU: &str = "qemu-system-x86_64";

    #[test]
    fn the_guest_of_the_trial_runs_to_its_end_in_emulation() {
        assert!(Acceleration::Emulation.runs_guests(Path::new(QEMU)).unwrap());
    }

    #[test]
    fn a_program_that_runs_no_guest_is_found_out() {
        assert!(!Acceleration::Emulation.runs_guests(Path::new("/bin/true")).unwrap());
        assert!(Acceleration::Emulation.runs_guests(Path::new("/no/such/program")).is_err());
    }

    #[test]
    fn what_was_found_is_asked_again_only_if_the_program_changes() {
        let directory = tempfile::tempdir().unwrap();
        let found = directory.path().join("found");
        let first = Acceleration::find(Path::new(QEMU), &found).unwrap();
        let other = match first {
            Acceleration::Kvm => Acceleration::Emulation,
            Acceleration::Emulation => Acceleration::Kvm,
        };
        // an answer that a trial would not give shows that none was made
        let mut known = read(&found).unwrap();
        known.acceleration = other;
        fs::write(&found, serde_json::to_vec(&known).unwrap()).unwrap();
        assert_eq!(Acceleration::find(Path::new(QEMU), &found).unwrap(), other);
        // QEMU before its last change
        known.key.program.2 -= 1;
        fs::write(&found, serde_json::to_vec(&known).unwrap()).unwrap();
        assert_eq!(Acceleration::find(Path::new(QEMU), &found).unwrap(), first);
        fs::write(&found, "{").unwrap();
        assert_eq!(Acceleration::find(Path::new(QEMU), &found).unwrap(), first);
    }
}
