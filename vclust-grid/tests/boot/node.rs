//! A node under QEMU, with its console and a way to run commands on it.

use std::io::Read;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::{Duration, Instant};

use vclust_debian::{DiskSerial, NodeRoot};
use vclust_grid::BootFiles;

use crate::network::TAP;

const MAC: &str = "52:54:00:77:00:01";
/// Software emulation, with the instructions that Debian's programs look for. Without `rdrand` a node
/// waits for random numbers.
pub(crate) const PROCESSOR: &str = "qemu64,+ssse3,+sse4.1,+sse4.2,+popcnt,+rdrand";
pub(crate) const KERNEL: &str = "console=ttyS0 quiet loglevel=3 panic=-1 mitigations=off tsc=reliable \
                      no_timer_check cryptomgr.notests random.trust_cpu=on 8250.nr_uarts=1";
/// Lines of the console that an error shows.
const LAST_LINES: usize = 40;

/// A disk: its serial number and its file, which is not written.
pub(crate) struct Disk {
    pub(crate) serial: DiskSerial,
    pub(crate) path: PathBuf,
}

/// What a machine has printed, and when.
#[derive(Default)]
struct Console {
    text: String,
    /// Bytes of the text up to which it had come, and when.
    times: Vec<(usize, Instant)>,
}

impl Console {
    fn add(&mut self, text: &str) {
        self.text.push_str(text);
        self.times.push((self.text.len(), Instant::now()));
    }

    /// When a text was there, if it is, after so many bytes.
    fn when(&self, text: &str, since: usize) -> Option<Instant> {
        let end = since + self.text[since..].find(text)? + text.len();
        self.times.iter().find(|(bytes, _)| *bytes >= end).map(|(_, time)| *time)
    }
}

/// A machine that runs.
pub(crate) struct Node {
    qemu: Child,
    start: Instant,
    console: Arc<Mutex<Console>>,
    key: PathBuf,
    stages: Vec<(String, f64)>,
    /// How much of the console was there when the machine was last started anew.
    since: usize,
}

impl Node {
    pub(crate) const MAC: &'static str = MAC;

    /// Starts a machine. `key` is the private key that its root trusts.
    pub(crate) fn start(
        files: &BootFiles,
        root: &NodeRoot,
        disks: &[Disk],
        memory_mib: u32,
        key: &Path,
    ) -> Self {
        let mut command = Command::new("qemu-system-x86_64");
        command
            .args(["-nodefaults", "-no-user-config", "-display", "none", "-monitor", "none"])
            .args(["-accel", "tcg", "-machine", "pc", "-cpu", PROCESSOR, "-smp", "1"])
            .args(["-m", &format!("{memory_mib}M"), "-serial", "stdio"])
            .arg("-kernel")
            .arg(files.kernel.image())
            .arg("-initrd")
            .arg(&files.initramfs)
            .args(["-append", &format!("{KERNEL} {root}")])
            .args(["-device", "virtio-rng-pci"])
            .args(["-netdev", &format!("tap,id=net,ifname={TAP},script=no,downscript=no")])
            .args(["-device", &format!("virtio-net-pci,netdev=net,mac={MAC},romfile=")]);
        for (number, disk) in disks.iter().enumerate() {
            let path = disk.path.display();
            command
                .args([
                    "-drive",
                    &format!("id=disk{number},file={path},format=raw,if=none,readonly=on"),
                ])
                .args([
                    "-device",
                    &format!("virtio-blk-pci,drive=disk{number},serial={}", disk.serial),
                ]);
        }
        let start = Instant::now();
        let mut qemu = command
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .spawn()
            .expect("QEMU starts: the Debian package `qemu-system-x86` has it");
        let console = Arc::new(Mutex::new(Console::default()));
        let mut output = qemu.stdout.take().expect("a pipe");
        let kept = Arc::clone(&console);
        thread::spawn(move || {
            let mut buffer = [0; 4096];
            while let Ok(read @ 1..) = output.read(&mut buffer) {
                let text = String::from_utf8_lossy(&buffer[..read]);
                kept.lock().expect("a console").add(&text);
            }
        });
        let (key, stages) = (key.to_owned(), Vec::new());
        Self { qemu, start, console, key, stages, since: 0 }
    }

    /// Waits until the console says something, and notes when that was.
    pub(crate) fn says(&mut self, text: &str, patience: Duration) {
        let (console, since) = (Arc::clone(&self.console), self.since);
        let what = format!("`{text}` on the console");
        let when =
            self.ask(&what, patience, move || console.lock().expect("a console").when(text, since));
        self.note(what, when);
    }

    /// Waits until there is an answer to a question, and notes when that was.
    pub(crate) fn wait<T>(
        &mut self,
        what: &str,
        patience: Duration,
        question: impl FnMut() -> Option<T>,
    ) -> T {
        let answer = self.ask(what, patience, question);
        self.note(what.to_owned(), Instant::now());
        answer
    }

    fn note(&mut self, what: String, when: Instant) {
        self.stages.push((what, when.duration_since(self.start).as_secs_f64()));
    }

    fn ask<T>(
        &mut self,
        what: &str,
        patience: Duration,
        mut question: impl FnMut() -> Option<T>,
    ) -> T {
        let deadline = Instant::now() + patience;
        loop {
            if let Some(answer) = question() {
                return answer;
            }
            if let Some(status) = self.qemu.try_wait().expect("a child") {
                panic!("QEMU ended ({status}) before {what}\n{}", self.last_lines());
            }
            if Instant::now() >= deadline {
                let seconds = patience.as_secs();
                panic!("{what}: nothing of that in {seconds} s\n{}", self.last_lines());
            }
            thread::sleep(Duration::from_millis(20));
        }
    }

    /// Waits until the node takes a login.
    pub(crate) fn takes_logins(&mut self, address: &str, patience: Duration) {
        let key = self.key.clone();
        self.wait("a login by ssh", patience, || run(&key, address, "true").0.then_some(()));
    }

    /// Runs a command on the node, which must succeed, and answers what it printed.
    pub(crate) fn run(&mut self, address: &str, command: &str) -> String {
        let start = Instant::now();
        let (succeeded, output) = run(&self.key, address, command);
        assert!(succeeded, "`{command}` on the node: {output}\n{}", self.last_lines());
        let seconds = start.elapsed().as_secs_f64();
        eprintln!("  {seconds:6.2} s for `{}`", command.lines().next().unwrap_or_default());
        output
    }

    /// Has the node do something after which it does not answer any more.
    pub(crate) fn leave(&mut self, address: &str, command: &str) {
        self.since = self.console.lock().expect("a console").text.len();
        self.start = Instant::now();
        // the connection ends in one way or another
        let _ = run(&self.key, address, command);
    }

    /// Waits until the machine has switched itself off.
    pub(crate) fn ends(mut self, patience: Duration) -> ExitStatus {
        let deadline = Instant::now() + patience;
        loop {
            if let Some(status) = self.qemu.try_wait().expect("a child") {
                self.note("the machine is off".to_owned(), Instant::now());
                self.report();
                return status;
            }
            assert!(Instant::now() < deadline, "the machine is still on\n{}", self.last_lines());
            thread::sleep(Duration::from_millis(20));
        }
    }

    /// Prints when each stage was reached, in seconds since the machine was started or told to end.
    fn report(&self) {
        for (stage, seconds) in &self.stages {
            eprintln!("  {seconds:6.2} s {stage}");
        }
    }

    fn last_lines(&self) -> String {
        self.report();
        let console = self.console.lock().expect("a console");
        let lines: Vec<&str> = console.text.lines().collect();
        let last = &lines[lines.len().saturating_sub(LAST_LINES)..];
        format!("the last lines of the console:\n{}", last.join("\n"))
    }
}

impl Drop for Node {
    fn drop(&mut self) {
        let _ = self.qemu.kill();
        let _ = self.qemu.wait();
    }
}

/// Whether a command succeeded on a node, and what it printed.
fn run(key: &Path, address: &str, command: &str) -> (bool, String) {
    let output = Command::new("ssh")
        .args(["-F", "/dev/null", "-o", "BatchMode=yes", "-o", "ConnectTimeout=5"])
        .args(["-o", "ServerAliveInterval=5", "-o", "ServerAliveCountMax=4"])
        .args(["-o", "StrictHostKeyChecking=no", "-o", "UserKnownHostsFile=/dev/null"])
        .args(["-o", "LogLevel=ERROR", "-i"])
        .arg(key)
        .args([&format!("root@{address}"), command])
        .stdin(Stdio::null())
        .output()
        .expect("ssh starts: the Debian package `openssh-client` has it");
    let mut text = String::from_utf8_lossy(&output.stdout).into_owned();
    text.push_str(&String::from_utf8_lossy(&output.stderr));
    (output.status.success(), text)
}
