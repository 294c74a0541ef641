//! Starting a program in a root, following what it says, and ending all of it.

use std::ffi::OsString;
use std::fs::File;
use std::io::{self, BufRead, BufReader, Read};
use std::os::fd::{AsRawFd, OwnedFd};
use std::os::unix::process::CommandExt;
use std::path::PathBuf;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::mpsc;
use std::thread;
use std::time::{Duration, Instant};

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::fs::Mode;
use rustix::process::{Pid, PidfdFlags, Signal};
use rustix::thread::{CapabilitySet, UnshareFlags};

use super::error::SandboxError;
use super::filter::{Filter, ForeignCalls};
use super::init;
use super::namespace::{become_root, enter, mount_root, open_root};
use crate::pipe::pipe;

/// Bytes kept of what a program prints: its end.
const KEEP: usize = 256 << 10;
/// Bytes of that an error repeats.
const LAST_WORDS: usize = 2000;

/// Rights that maintainer scripts need within a root: over files, users and their own processes. None
/// reaches beyond it: no mounts, no devices, no handles of files, no other processes.
const KEPT: CapabilitySet = CapabilitySet::CHOWN
    .union(CapabilitySet::DAC_OVERRIDE)
    .union(CapabilitySet::FOWNER)
    .union(CapabilitySet::FSETID)
    .union(CapabilitySet::KILL)
    .union(CapabilitySet::SETGID)
    .union(CapabilitySet::SETUID)
    .union(CapabilitySet::SETPCAP)
    .union(CapabilitySet::SETFCAP)
    .union(CapabilitySet::SYS_CHROOT)
    .union(CapabilitySet::AUDIT_WRITE);

/// A root to run programs in.
#[derive(Debug, Clone)]
pub struct Sandbox {
    root: PathBuf,
    host_name: String,
    foreign: ForeignCalls,
}

/// A program with its arguments, as the root has it.
#[derive(Debug, Clone)]
pub struct SandboxCommand {
    program: String,
    arguments: Vec<OsString>,
    environment: Vec<(String, OsString)>,
    timeout: Duration,
    status_option: Option<&'static str>,
}

/// What a program left behind.
#[derive(Debug)]
#[non_exhaustive]
pub struct Output {
    /// How it ended.
    pub status: ExitStatus,
    /// The end of what it printed, on both outputs in their order.
    pub log: String,
}

impl SandboxCommand {
    /// A program, by its path or name within the root; half an hour is given to it.
    #[must_use]
    pub fn new(program: impl Into<String>) -> Self {
        Self {
            program: program.into(),
            arguments: Vec::new(),
            environment: Vec::new(),
            timeout: Duration::from_secs(1800),
            status_option: None,
        }
    }

    /// One more argument.
    #[must_use]
    pub fn arg(mut self, argument: impl Into<OsString>) -> Self {
        self.arguments.push(argument.into());
        self
    }

    /// More arguments.
    #[must_use]
    pub fn args<T: Into<OsString>>(mut self, arguments: impl IntoIterator<Item = T>) -> Self {
        self.arguments.extend(arguments.into_iter().map(Into::into));
        self
    }

    /// A variable of its environment, which else holds `PATH`, `HOME`, `LC_ALL=C.UTF-8` and what
    /// keeps debconf from asking.
    #[must_use]
    pub fn env(mut self, name: impl Into<String>, value: impl Into<OsString>) -> Self {
        self.environment.push((name.into(), value.into()));
        self
    }

    /// How long it may take.
    #[must_use]
    pub fn timeout(mut self, timeout: Duration) -> Self {
        self.timeout = timeout;
        self
    }

    /// The option (`--status-fd`) to which the program is given a file descriptor that it reports
    /// its progress to, line by line.
    #[must_use]
    pub fn status_option(mut self, option: &'static str) -> Self {
        self.status_option = Some(option);
        self
    }
}

impl Sandbox {
    /// A sandbox for the root at a path. Nothing is done yet.
    #[must_use]
    pub fn new(root: impl Into<PathBuf>) -> Self {
        let host_name = "localhost".to_owned();
        Self { root: root.into(), host_name, foreign: ForeignCalls::Refused }
    }

    /// What becomes of calls by the numbers of another instruction set, which are refused by default.
    pub(crate) fn foreign_calls(mut self, foreign: ForeignCalls) -> Self {
        self.foreign = foreign;
        self
    }

    /// Runs a program to its end; a status other than 0 is no error here.
    ///
    /// `on_status` gets each line that the program reports (see [`SandboxCommand::status_option`]),
    /// with the moment it came.
    pub fn run(
        &self,
        command: &SandboxCommand,
        on_status: &mut dyn FnMut(Instant, &str),
    ) -> Result<Output, SandboxError> {
        let failed = |source| SandboxError::Run { program: command.program.clone(), source };
        let (log_reader, log_writer) = pipe().map_err(failed)?;
        let (status_reader, status_writer) = pipe().map_err(failed)?;
        let (sender, receiver) = mpsc::channel();
        let mut log = Vec::new();
        let ended = thread::scope(|scope| {
            let logs = sender.clone();
            scope.spawn(move || forward_log(log_reader, &logs));
            scope.spawn(move || forward_status(status_reader, &sender));
            let thread = scope.spawn(|| self.run_here(command, log_writer, status_writer));
            // Who holds the pipes ends with the first process, so they are closed soon after it.
            for heard in receiver {
                match heard {
                    Heard::Log(bytes) => keep_end(&mut log, &bytes),
                    Heard::Status(at, line) => on_status(at, &line),
                }
            }
            thread.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic))
        })?;
        let log = String::from_utf8_lossy(&log).into_owned();
        match ended {
            Ended::Itself(status) => Ok(Output { status, log }),
            Ended::Killed => Err(SandboxError::TimedOut {
                program: command.program.clone(),
                timeout: command.timeout,
                log: last_words(&log).to_owned(),
            }),
        }
    }

    /// Takes this thread into namespaces of its own and the root, starts the program and waits for
    /// it. The thread starts no other: in a process namespace that is not its own, it could not.
    fn run_here(
        &self,
        command: &SandboxCommand,
        log: File,
        status: File,
    ) -> Result<Ended, SandboxError> {
        let flags = UnshareFlags::NEWPID
            | UnshareFlags::NEWIPC
            | UnshareFlags::NEWUTS
            | UnshareFlags::NEWNET;
        enter(flags)?;
        rustix::system::sethostname(self.host_name.as_bytes()).map_err(|error| {
            SandboxError::Namespace { step: "setting the host name", source: error.into() }
        })?;
        mount_root(&self.root)?;
        super::devices::prepare(&self.root)?;
        let root = open_root(&self.root)?;
        let failed = |source| SandboxError::Run { program: command.program.clone(), source };
        let first = command.start(root, log, status, self.foreign).map_err(failed)?;
        let ended = first.ends_by(Instant::now() + command.timeout).map_err(failed)?;
        let status = first.end().map_err(failed)?;
        Ok(if ended { Ended::Itself(status) } else { Ended::Killed })
    }
}

/// What comes from a running program.
enum Heard {
    Log(Vec<u8>),
    Status(Instant, String),
}

enum Ended {
    Itself(ExitStatus),
    Killed,
}

impl SandboxCommand {
    /// Starts the program in a root, as the first process of a namespace.
    fn start(
        &self,
        root: OwnedFd,
        log: File,
        status: File,
        foreign: ForeignCalls,
    ) -> io::Result<First> {
        let mut command = Command::new(&self.program);
        command
            .env_clear()
            .env("PATH", "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin")
            .env("HOME", "/root")
            .env("LC_ALL", "C.UTF-8")
            .env("DEBIAN_FRONTEND", "noninteractive")
            .env("DEBCONF_NONINTERACTIVE_SEEN", "true")
            .envs(self.environment.iter().map(|(name, value)| (name, value)))
            .current_dir("/")
            .stdin(Stdio::null())
            .stdout(log.try_clone()?)
            .stderr(log);
        let mut inherited = None;
        if let Some(option) = self.status_option {
            command.arg(option).arg(status.as_raw_fd().to_string());
            inherited = Some(OwnedFd::from(status));
        }
        command.args(&self.arguments);
        prepare_child(&mut command, root, inherited, Filter::new(foreign));
        // with the command go this process's writing ends of the pipes
        command.spawn().map(|child| First { child, reaped: false })
    }
}

/// The end of a log, from the start of a line.
pub(crate) fn last_words(log: &str) -> &str {
    let log = log.trim_end();
    let mut start = log.len().saturating_sub(LAST_WORDS);
    while !log.is_char_boundary(start) {
        start += 1;
    }
    let end = &log[start..];
    if start == 0 { end } else { end.split_once('\n').map_or(end, |(_, rest)| rest) }
}

/// Has the child make the root its own, give up rights that no maintainer script needs, and end
/// with the thread that waits for it.
#[expect(unsafe_code, reason = "only between fork and exec can a child ask for this")]
fn prepare_child(command: &mut Command, root: OwnedFd, status: Option<OwnedFd>, filter: Filter) {
    let dropped = CapabilitySet::all().difference(KEPT);
    let set = move || {
        rustix::process::set_parent_process_death_signal(Some(Signal::KILL))?;
        // without a controlling terminal there is none to type into
        rustix::process::setsid()?;
        become_root(&root)?;
        rustix::process::umask(Mode::from_raw_mode(0o022));
        init::leave_to_init()?;
        if let Some(status) = &status {
            rustix::io::fcntl_setfd(status, rustix::io::FdFlags::empty())?;
        }
        for capability in dropped.iter() {
            match rustix::thread::remove_capability_from_bounding_set(capability) {
                // a capability that this kernel does not know, nobody has
                Ok(()) | Err(rustix::io::Errno::INVAL) => {}
                Err(error) => return Err(error.into()),
            }
        }
        filter.install()
    };
    // SAFETY: the closure makes system calls on values that were made before the fork; it neither
    // allocates nor takes a lock.
    unsafe { command.pre_exec(set) };
}

fn forward_log(mut reader: impl Read, logs: &mpsc::Sender<Heard>) {
    let mut buffer = vec![0; 16 << 10];
    while let Ok(read) = reader.read(&mut buffer) {
        if read == 0 || logs.send(Heard::Log(buffer[..read].to_vec())).is_err() {
            break;
        }
    }
}

fn forward_status(reader: impl Read, heard: &mpsc::Sender<Heard>) {
    for line in BufReader::new(reader).lines().map_while(Result::ok) {
        if heard.send(Heard::Status(Instant::now(), line)).is_err() {
            break;
        }
    }
}

fn keep_end(log: &mut Vec<u8>, bytes: &[u8]) {
    log.extend_from_slice(bytes);
    if log.len() > 2 * KEEP {
        log.drain(..log.len() - KEEP);
    }
}

/// The first process of a namespace; with it end all others there.
struct First {
    child: Child,
    reaped: bool,
}

impl First {
    /// Waits for the process, without reaping it; false if it still runs at the deadline.
    fn ends_by(&self, deadline: Instant) -> io::Result<bool> {
        let process =
            rustix::process::pidfd_open(Pid::from_child(&self.child), PidfdFlags::empty())?;
        loop {
            let left = deadline.saturating_duration_since(Instant::now());
            let timeout = Timespec {
                tv_sec: i64::try_from(left.as_secs()).unwrap_or(i64::MAX),
                tv_nsec: left.subsec_nanos().into(),
            };
            let mut ended = [PollFd::new(&process, PollFlags::IN)];
            match poll(&mut ended, Some(&timeout)) {
                Ok(0) if left.is_zero() => {
                    self.kill();
                    return Ok(false);
                }
                Ok(0) | Err(rustix::io::Errno::INTR) => {}
                Ok(_) => return Ok(true),
                Err(error) => {
                    self.kill();
                    return Err(error.into());
                }
            }
        }
    }

    fn kill(&self) {
        let _ = rustix::process::kill_process(Pid::from_child(&self.child), Signal::KILL);
    }

    fn end(mut self) -> io::Result<ExitStatus> {
        self.kill();
        let status = self.child.wait();
        self.reaped = true;
        status
    }
}

impl Drop for First {
    fn drop(&mut self) {
        if !self.reaped {
            self.kill();
            let _ = self.child.wait();
        }
    }
}

#[cfg(test)]
mod tests;
