//! Programs that go on when this one has ended.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Read, Seek, SeekFrom};
use std::os::unix::fs::OpenOptionsExt;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use thiserror::Error;

use crate::mark::Mark;
use crate::process::ProcessId;

/// Bytes of a log that an error quotes.
const QUOTED: i64 = 2000;

/// Why a program was not started.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum DaemonError {
    /// It is not installed.
    #[error("`{program}` is not installed; `apt-get install {package}` installs it")]
    Missing {
        /// The program.
        program: String,
        /// The Debian package that has it.
        package: &'static str,
    },
    /// It cannot be started.
    #[error("cannot start `{program}`")]
    Start {
        /// The program.
        program: String,
        /// What the system says.
        source: io::Error,
    },
    /// Its log cannot be written.
    #[error("cannot write {}", path.display())]
    Log {
        /// The log.
        path: PathBuf,
        /// What the system says.
        source: io::Error,
    },
}

/// A program that goes on when this one has ended, in a session of its own, with its output in a file.
#[derive(Debug)]
pub struct Daemon {
    child: Child,
    id: ProcessId,
    log: PathBuf,
}

impl Daemon {
    /// Starts a program. What it says goes to the end of `log`, which only its owner may read;
    /// `package` is the Debian package that has the program. Standard input is empty.
    pub fn start(
        command: Command,
        package: &'static str,
        mark: &Mark,
        log: &Path,
    ) -> Result<Self, DaemonError> {
        Self::start_with_input(command, package, mark, log, Stdio::null())
    }

    /// As [`Daemon::start`], with something as standard input.
    pub fn start_with_input(
        mut command: Command,
        package: &'static str,
        mark: &Mark,
        log: &Path,
        input: impl Into<Stdio>,
    ) -> Result<Self, DaemonError> {
        let program = command.get_program().to_string_lossy().into_owned();
        let failed = |source| DaemonError::Log { path: log.to_owned(), source };
        let mut options = OpenOptions::new();
        let output = options.create(true).append(true).mode(0o600).open(log).map_err(failed)?;
        let errors = output.try_clone().map_err(failed)?;
        command.env(Mark::VARIABLE, mark.as_str()).stdin(input).stdout(output).stderr(errors);
        own_session(&mut command);
        let child = command.spawn().map_err(|source| match source.kind() {
            io::ErrorKind::NotFound => DaemonError::Missing { program: program.clone(), package },
            _ => DaemonError::Start { program: program.clone(), source },
        })?;
        let number = child.id();
        let id = ProcessId::of(number).unwrap_or(ProcessId { number, started: 0 });
        Ok(Self { child, id, log: log.to_owned() })
    }

    /// Which process it is, for those who come later.
    #[must_use]
    pub fn id(&self) -> ProcessId {
        self.id
    }

    /// Whether it runs; if it has ended, it is reaped.
    pub fn is_alive(&mut self) -> bool {
        matches!(self.child.try_wait(), Ok(None))
    }

    /// The end of what it said.
    #[must_use]
    pub fn last_words(&self) -> String {
        last_words(&self.log)
    }

    /// Kills it, waits for it, and answers what it said last.
    #[expect(clippy::must_use_candidate, reason = "that it ended is enough for some")]
    pub fn kill(mut self) -> String {
        let _ = self.child.kill();
        let _ = self.child.wait();
        self.last_words()
    }

    /// Lets it go on by itself. Until this process ends somebody has to reap it, so a thread waits.
    #[expect(clippy::must_use_candidate, reason = "who asked for the id before has it")]
    pub fn detach(mut self) -> ProcessId {
        let id = self.id;
        std::thread::spawn(move || self.child.wait());
        id
    }
}

/// The end of a log.
fn last_words(log: &Path) -> String {
    let read = || -> io::Result<Vec<u8>> {
        let mut file = File::open(log)?;
        let length = i64::try_from(fs::metadata(log)?.len()).unwrap_or(i64::MAX);
        file.seek(SeekFrom::End(-length.min(QUOTED)))?;
        let mut text = Vec::new();
        file.take(QUOTED.unsigned_abs()).read_to_end(&mut text)?;
        Ok(text)
    };
    String::from_utf8_lossy(&read().unwrap_or_default()).trim().to_owned()
}

/// Makes the program the leader of a session, so that signals to a terminal's programs, such as Ctrl-C,
/// do not reach it.
#[expect(unsafe_code, reason = "only between fork and exec can a child ask for this")]
fn own_session(command: &mut Command) {
    let set = || rustix::process::setsid().map(drop).map_err(io::Error::from);
    // SAFETY: the closure makes one system call and touches no memory, so it is safe between fork
    // and exec.
    unsafe { command.pre_exec(set) };
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::mark::{end_marked, marked};

    #[test]
    fn a_program_and_its_children_are_found_by_their_mark_and_ended() {
        let directory = tempfile::tempdir().unwrap();
        let log = directory.path().join("log");
        let mark: Mark = format!("test-{}", std::process::id()).parse().unwrap();
        let mut command = Command::new("sh");
        command.args(["-c", "trap '' TERM; echo started; sleep 60 & sleep 60"]);
        let mut daemon = Daemon::start(command, "dash", &mark.part("a").unwrap(), &log).unwrap();
        while daemon.last_words() != "started" || marked(&mark).unwrap().len() < 3 {
            assert!(daemon.is_alive());
            std::thread::sleep(Duration::from_millis(1));
        }
        assert_eq!(end_marked(&mark, Duration::from_millis(20)).unwrap(), 3);
        assert!(marked(&mark).unwrap().is_empty());
        assert!(!daemon.id().is_alive() && !daemon.is_alive());
        assert_eq!(daemon.kill(), "started");
    }

    #[test]
    fn a_missing_program_names_its_package() {
        let directory = tempfile::tempdir().unwrap();
        let mark: Mark = "test".parse().unwrap();
        let command = Command::new("no-such-program");
        let log = directory.path().join("log");
        let error = Daemon::start(command, "its-package", &mark, &log).unwrap_err();
        let expected =
            "`no-such-program` is not installed; `apt-get install its-package` installs it";
        assert_eq!(error.to_string(), expected);
    }
}
