//! External programs, run so that none outlives its use: with a timeout, in a process group of its
//! own that is killed as a whole, and with bounded output.

use std::ffi::{OsStr, OsString};
use std::io::{self, Read};
use std::os::unix::process::CommandExt;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::mpsc::{self, Receiver};
use std::thread;
use std::time::{Duration, Instant};

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::io::Errno;
use rustix::process::{PidfdFlags, pidfd_open};
use thiserror::Error;

/// Why an external program gave no result.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum CommandError {
    /// The program is not installed.
    #[error("`{program}` is not installed; `apt-get install {package}` installs it")]
    Missing {
        /// The program.
        program: String,
        /// The Debian package that has it.
        package: &'static str,
    },
    /// The program cannot be started or waited for.
    #[error("cannot run `{program}`")]
    Run {
        /// The program.
        program: String,
        /// What the system says.
        source: io::Error,
    },
    /// The program took too long and was killed.
    #[error("`{program}` was killed after {} s without ending; it said: {stderr}", timeout.as_secs_f32())]
    TimedOut {
        /// The program.
        program: String,
        /// How long it was given.
        timeout: Duration,
        /// What it had written to standard error.
        stderr: String,
    },
    /// The program says that it failed.
    #[error("`{program}` failed ({status}): {said}")]
    Failed {
        /// The program.
        program: String,
        /// How it ended.
        status: ExitStatus,
        /// What it wrote to standard error, or else to standard output.
        said: String,
    },
}

/// An external program with its arguments.
#[derive(Debug)]
pub struct ExternalCommand {
    program: OsString,
    package: &'static str,
    arguments: Vec<OsString>,
    environment: Vec<(&'static str, OsString)>,
    timeout: Duration,
    /// Bytes that are kept of each output; the rest is read and dropped.
    keep: usize,
    leaves_children: bool,
}

/// What a program left behind.
#[derive(Debug)]
#[non_exhaustive]
pub struct CommandOutput {
    /// How it ended.
    pub status: ExitStatus,
    /// What it wrote to standard output, at most 256 KiB.
    pub stdout: Vec<u8>,
    /// What it wrote to standard error, without blanks around it.
    pub stderr: String,
}

impl ExternalCommand {
    /// A program and the Debian package that has it; the timeout is a minute.
    pub fn new(program: impl AsRef<OsStr>, package: &'static str) -> Self {
        let timeout = Duration::from_secs(60);
        let program = program.as_ref().to_owned();
        let (arguments, environment) = (Vec::new(), Vec::new());
        let keep = 256 << 10;
        let leaves_children = false;
        Self { program, package, arguments, environment, timeout, keep, leaves_children }
    }

    /// Adds an argument.
    #[must_use]
    pub fn arg(mut self, argument: impl AsRef<OsStr>) -> Self {
        self.arguments.push(argument.as_ref().to_owned());
        self
    }

    /// Adds arguments.
    #[must_use]
    pub fn args<A: AsRef<OsStr>>(self, arguments: impl IntoIterator<Item = A>) -> Self {
        arguments.into_iter().fold(self, Self::arg)
    }

    /// Sets a variable of the program's environment.
    #[must_use]
    pub fn env(mut self, name: &'static str, value: impl AsRef<OsStr>) -> Self {
        self.environment.push((name, value.as_ref().to_owned()));
        self
    }

    /// How long it may take; it is killed then, with its children.
    #[must_use]
    pub fn timeout(mut self, timeout: Duration) -> Self {
        self.timeout = timeout;
        self
    }

    /// Lets the programs live on that it leaves behind when it ends by itself: for programs that start
    /// others in the background as their purpose.
    #[must_use]
    pub fn leave_children(mut self) -> Self {
        self.leaves_children = true;
        self
    }

    /// Runs the program to its end; that it says it failed is an error, too.
    pub fn succeed(self) -> Result<CommandOutput, CommandError> {
        let program = self.program.to_string_lossy().into_owned();
        let output = self.run()?;
        if output.status.success() {
            return Ok(output);
        }
        let CommandOutput { status, stdout, stderr } = output;
        // some programs complain on standard output
        let said = if stderr.is_empty() {
            String::from_utf8_lossy(&stdout).trim().to_owned()
        } else {
            stderr
        };
        Err(CommandError::Failed { program, status, said })
    }

    /// Runs the program to its end, in the C locale and without standard input.
    pub fn run(self) -> Result<CommandOutput, CommandError> {
        let program = || self.program.to_string_lossy().into_owned();
        let run = |source| CommandError::Run { program: program(), source };
        let mut command = Command::new(&self.program);
        command
            .args(&self.arguments)
            .env("LC_ALL", "C")
            .envs(self.environment.iter().map(|(name, value)| (name, value)))
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .process_group(0);
        die_with_parent(&mut command);
        let child = command.spawn().map_err(|source| match source.kind() {
            io::ErrorKind::NotFound => {
                CommandError::Missing { program: program(), package: self.package }
            }
            _ => run(source),
        })?;
        let mut group = Group { leader: child, reaped: false };
        let stdout = drain(group.leader.stdout.take(), self.keep);
        let stderr = drain(group.leader.stderr.take(), self.keep);
        let deadline = Instant::now() + self.timeout;
        let ended = group.ends_by(deadline).map_err(run)?;
        // whoever still holds the pipes is in the group and goes with it
        let spare = ended && self.leaves_children;
        let status = if spare { group.leave() } else { group.end() }.map_err(run)?;
        let grace = Duration::from_secs(2);
        let stderr = stderr.recv_timeout(grace).unwrap_or_default();
        let stderr = String::from_utf8_lossy(&stderr).trim().to_owned();
        if !ended {
            return Err(CommandError::TimedOut {
                program: program(),
                timeout: self.timeout,
                stderr,
            });
        }
        let stdout = stdout.recv_timeout(grace).unwrap_or_default();
        Ok(CommandOutput { status, stdout, stderr })
    }
}

/// A child that leads its own process group; dropping it kills the group.
///
/// The group is killed before its leader is reaped: until then nobody else can get its number.
struct Group {
    leader: Child,
    reaped: bool,
}

impl Group {
    /// Waits for the child to end, without reaping it; false if it still runs at the deadline.
    fn ends_by(&self, deadline: Instant) -> io::Result<bool> {
        let pid = rustix::process::Pid::from_child(&self.leader);
        let process = pidfd_open(pid, PidfdFlags::empty())?;
        loop {
            let left = deadline.saturating_duration_since(Instant::now());
            let left = Timespec::try_from(left).map_err(io::Error::other)?;
            // the descriptor of a process is readable once it has ended
            match poll(&mut [PollFd::new(&process, PollFlags::IN)], Some(&left)) {
                Ok(0) => return Ok(false),
                Ok(_) => return Ok(true),
                Err(Errno::INTR) => {}
                Err(error) => return Err(error.into()),
            }
        }
    }

    /// Kills what is left of the group and reaps the child.
    fn end(mut self) -> io::Result<ExitStatus> {
        self.kill();
        let status = self.leader.wait();
        self.reaped = true;
        status
    }

    /// Reaps the child, which has ended, and leaves the rest of the group alone.
    fn leave(mut self) -> io::Result<ExitStatus> {
        let status = self.leader.wait();
        self.reaped = true;
        status
    }

    fn kill(&self) {
        let pid = rustix::process::Pid::from_child(&self.leader);
        let _ = rustix::process::kill_process_group(pid, rustix::process::Signal::KILL);
    }
}

impl Drop for Group {
    fn drop(&mut self) {
        if !self.reaped {
            self.kill();
            let _ = self.leader.wait();
        }
    }
}

/// Has the kernel kill the child if the thread that waits for it dies.
#[expect(unsafe_code, reason = "only between fork and exec can a child ask for this")]
pub fn die_with_parent(command: &mut Command) {
    let set = || {
        let kill = Some(rustix::process::Signal::KILL);
        rustix::process::set_parent_process_death_signal(kill).map_err(io::Error::from)
    };
    // SAFETY: the closure makes one system call and touches no memory, so it is safe between fork
    // and exec.
    unsafe { command.pre_exec(set) };
}

/// Reads a pipe to its end in a thread; the first `keep` bytes are sent when it ends.
fn drain(pipe: Option<impl Read + Send + 'static>, keep: usize) -> Receiver<Vec<u8>> {
    let (sender, receiver) = mpsc::channel();
    if let Some(mut pipe) = pipe {
        thread::spawn(move || {
            let mut kept = Vec::new();
            let _ = pipe.by_ref().take(keep as u64).read_to_end(&mut kept);
            let _ = io::copy(&mut pipe, &mut io::sink());
            let _ = sender.send(kept);
        });
    }
    receiver
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shell(script: &str) -> ExternalCommand {
        ExternalCommand::new("sh", "dash").arg("-c").arg(script)
    }

    #[test]
    fn output_and_status_come_back() {
        let output = shell("echo out; echo err >&2; exit 3").run().unwrap();
        assert_eq!(output.status.code(), Some(3));
        assert_eq!((output.stdout.as_slice(), output.stderr.as_str()), (&b"out\n"[..], "err"));
    }

    #[test]
    fn a_program_that_hangs_is_killed_with_its_children() {
        let directory = tempfile::tempdir().unwrap();
        let mark = directory.path().join("mark");
        let script = format!("echo busy >&2; (sleep 1; touch {}) & sleep 60", mark.display());
        let start = Instant::now();
        let error = shell(&script).timeout(Duration::from_millis(200)).run().unwrap_err();
        assert!(start.elapsed() < Duration::from_secs(5));
        assert!(error.to_string().ends_with("it said: busy"), "{error}");
        thread::sleep(Duration::from_millis(1200));
        assert!(!mark.exists(), "a grandchild went on");
    }

    #[test]
    fn a_background_child_does_not_hold_up_the_answer() {
        let start = Instant::now();
        let output = shell("sleep 60 & echo done").run().unwrap();
        assert_eq!(output.stdout, b"done\n");
        assert!(start.elapsed() < Duration::from_secs(5));
    }

    #[test]
    fn a_background_child_lives_on_where_it_is_wanted() {
        let directory = tempfile::tempdir().unwrap();
        let mark = directory.path().join("mark");
        let script = format!("(sleep 0.3; touch {}) >/dev/null 2>&1 & echo done", mark.display());
        let output = shell(&script).leave_children().run().unwrap();
        assert_eq!(output.stdout, b"done\n");
        let end = Instant::now() + Duration::from_secs(30);
        while !mark.exists() {
            assert!(Instant::now() < end, "the child was ended");
            thread::sleep(Duration::from_millis(10));
        }
    }

    #[test]
    fn much_output_is_cut_and_does_not_block() {
        let output = shell("head -c 5000000 /dev/zero").run().unwrap();
        assert_eq!(output.stdout.len(), 256 << 10);
        assert!(output.status.success());
    }

    #[test]
    fn a_program_that_fails_is_quoted() {
        for script in ["echo broken >&2; exit 4", "echo broken; exit 4"] {
            let error = shell(script).succeed().unwrap_err();
            assert_eq!(error.to_string(), "`sh` failed (exit status: 4): broken");
        }
        let output = shell("echo $VCLUST_TEST").env("VCLUST_TEST", "set").succeed().unwrap();
        assert_eq!(output.stdout, b"set\n");
    }

    #[test]
    fn a_missing_program_names_its_package() {
        let error = ExternalCommand::new("no-such-program", "its-package").run().unwrap_err();
        let message =
            "`no-such-program` is not installed; `apt-get install its-package` installs it";
        assert_eq!(error.to_string(), message);
    }
}
