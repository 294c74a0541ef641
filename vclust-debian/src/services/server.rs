//! What all servers that are programs have in common.

use std::fs::{self, File};
use std::io::{self, Read, Seek, SeekFrom, Write};
use std::marker::PhantomData;
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;
use std::time::{Duration, Instant};

use vclust_process::{Daemon, ProcessId};

use super::error::ServiceError;

/// How long a server may take until it answers, on a machine that has much else to do.
const PATIENCE: Duration = Duration::from_secs(20);
const PAUSE: Duration = Duration::from_millis(3);
/// More than a server says until it answers.
const READ: u64 = 64 << 10;

/// A server of a cluster that is a program. It goes on when this value is dropped, and is found by the
/// cluster's mark.
#[derive(Debug)]
pub struct Server<Kind> {
    name: &'static str,
    daemon: Daemon,
    kind: PhantomData<Kind>,
}

impl<Kind> Server<Kind> {
    pub(super) fn new(name: &'static str, daemon: Daemon) -> Self {
        Self { name, daemon, kind: PhantomData }
    }

    /// Waits until the server answers; ends it if it does not.
    pub(super) fn answers(
        mut self,
        mut is_ready: impl FnMut() -> Result<bool, ServiceError>,
    ) -> Result<Self, ServiceError> {
        let end = Instant::now() + PATIENCE;
        loop {
            match is_ready() {
                Ok(true) => return Ok(self),
                Ok(false) => {}
                Err(error) => {
                    self.daemon.kill();
                    return Err(error);
                }
            }
            if !self.daemon.is_alive() {
                return Err(ServiceError::Ended { service: self.name, said: self.daemon.kill() });
            }
            if Instant::now() >= end {
                let said = self.daemon.kill();
                return Err(ServiceError::Silent { service: self.name, waited: PATIENCE, said });
            }
            std::thread::sleep(PAUSE);
        }
    }

    /// The server's process.
    #[must_use]
    pub fn process(&self) -> ProcessId {
        self.daemon.id()
    }

    /// Fails with the server's last words if it has ended.
    pub fn check(&mut self) -> Result<(), ServiceError> {
        if self.daemon.is_alive() {
            return Ok(());
        }
        Err(ServiceError::Ended { service: self.name, said: self.last_words() })
    }

    pub(super) fn last_words(&self) -> String {
        self.daemon.last_words()
    }

    /// Ends the server, at once: what nodes have been answered is the kernel's by then.
    pub fn stop(self) {
        self.daemon.kill();
    }

    /// Lets the server go on when this process ends.
    pub fn detach(self) -> ProcessId {
        self.daemon.detach()
    }
}

/// The end of a log before a server was started: what comes after it is that server's.
#[derive(Debug)]
pub(super) struct LogEnd<'a> {
    log: &'a Path,
    bytes: u64,
}

impl<'a> LogEnd<'a> {
    pub(super) fn of(log: &'a Path) -> Self {
        Self { log, bytes: fs::metadata(log).map_or(0, |data| data.len()) }
    }

    /// Whether the server has said something.
    pub(super) fn says(&self, words: &str) -> bool {
        let read = || -> io::Result<Vec<u8>> {
            let mut file = File::open(self.log)?;
            file.seek(SeekFrom::Start(self.bytes))?;
            let mut text = Vec::new();
            file.take(READ).read_to_end(&mut text)?;
            Ok(text)
        };
        String::from_utf8_lossy(&read().unwrap_or_default()).contains(words)
    }
}

/// Writes a file that only its owner may read.
pub(super) fn write_private(path: &Path, text: &str) -> Result<(), ServiceError> {
    let write = || -> io::Result<()> {
        // a file of that name may be a leftover with another mode
        match fs::remove_file(path) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
            _ => {}
        }
        let mut file = File::options().write(true).create_new(true).mode(0o600).open(path)?;
        file.write_all(text.as_bytes())
    };
    write().map_err(|source| ServiceError::Write { path: path.to_owned(), source })
}

/// A path as text for a configuration file in which it stands in quotes.
pub(super) fn quotable<'a>(service: &'static str, path: &'a Path) -> Result<&'a str, ServiceError> {
    let refused =
        |reason| ServiceError::Value { service, value: path.display().to_string(), reason };
    let text = path.to_str().ok_or_else(|| refused("the path is no UTF-8"))?;
    if !path.is_absolute() {
        return Err(refused("the path does not begin with a slash"));
    }
    if text.contains(|letter: char| letter.is_control() || letter == '"' || letter == '\\') {
        return Err(refused("its configuration has no way to write such a path"));
    }
    Ok(text)
}
