//! The line to a guest: its first console, a terminal that xenconsoled keeps.
//!
//! Console and agent share it, because every kernel for Xen has this console from its first moment on,
//! and a second one would take a device model for each domain. The agent's lines are JSON objects, so
//! whoever reads the channel is given these lines alone.

use std::collections::VecDeque;
use std::fs::File;
use std::io::{self, Read, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::sync::Arc;
use std::time::Duration;

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::fs::OFlags;
use rustix::io::Errno;
use rustix::termios::{OptionalActions, tcgetattr, tcsetattr};
use vclust_core::{DomainLine, DomainName, HypervisorProblem};

use super::{Xen, state};
use crate::parse::Listed;
use crate::problem::Outcome;

/// How long xenconsoled may take to make the terminal.
const TERMINAL: Duration = Duration::from_secs(10);
/// How long a guest may be silent before it is asked about.
const SILENCE: Timespec = Timespec { tv_sec: 5, tv_nsec: 0 };
/// What nobody else may use meanwhile.
const LINE: &str = "console, which is its channel, too";
/// What a line of an agent begins with.
const BEGIN: &[u8] = b"{\"";
/// Bytes of the longest line of an agent.
const LONGEST: usize = 256 << 10;

/// What a line is used for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Use {
    /// To see and say everything.
    Console,
    /// To hear the agent alone.
    Channel,
}

impl Xen {
    pub(super) fn line_of(&self, name: &DomainName, purpose: Use) -> Outcome<DomainLine> {
        let (record, found) = self.active(name)?;
        let held = Arc::new(record.hold_line()?.ok_or(HypervisorProblem::LineInUse(LINE))?);
        let path = format!("/local/domain/{}/console/tty", found.id);
        let terminal = self.tools.wait_for(&path, |tty| !tty.is_empty(), TERMINAL)?;
        let failed = HypervisorProblem::file("use", terminal.as_ref());
        let open = || -> io::Result<(File, File)> {
            let mut options = File::options();
            // it is no terminal to be ended by
            let flags = i32::try_from(OFlags::NOCTTY.bits()).unwrap_or(0);
            let reading = options.read(true).write(true).custom_flags(flags).open(&terminal)?;
            let mut settings = tcgetattr(&reading)?;
            settings.make_raw();
            tcsetattr(&reading, OptionalActions::Now, &settings)?;
            let writing = reading.try_clone()?;
            Ok((reading, writing))
        };
        let (reading, writing) = open().map_err(failed)?;
        let end = |file| End { file, _held: Arc::clone(&held), has_ended: None };
        // a domain that has crashed is kept, and its terminal with it
        let (tools, uuid, id) = (self.tools.clone(), record.uuid(), found.id);
        let has_ended = move || {
            let goes_on = |found: Listed| found.id == id && state::of(&found).is_active();
            tools.find(uuid).is_ok_and(|found| !found.is_some_and(goes_on))
        };
        let listening =
            End { file: reading, _held: Arc::clone(&held), has_ended: Some(Box::new(has_ended)) };
        let reader: Box<dyn Read + Send> = match purpose {
            Use::Console => Box::new(listening),
            Use::Channel => Box::new(Reports::of(listening)),
        };
        Ok(DomainLine { reader, writer: Box::new(end(writing)) })
    }
}

/// One direction of a line, which is free for others when both are dropped.
struct End {
    file: File,
    _held: Arc<File>,
    /// Whether the domain has ended, asked for when it has said nothing for a while.
    has_ended: Option<Box<dyn Fn() -> bool + Send>>,
}

impl Read for End {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        while let Some(has_ended) = &self.has_ended {
            match poll(&mut [PollFd::new(&self.file, PollFlags::IN)], Some(&SILENCE)) {
                Ok(0) if has_ended() => return Ok(0),
                Ok(0) | Err(Errno::INTR) => {}
                Ok(_) => break,
                Err(error) => return Err(error.into()),
            }
        }
        match self.file.read(buffer) {
            // xenconsoled has closed its end, as it does when the domain is gone
            Err(error) if error.raw_os_error() == Some(Errno::IO.raw_os_error()) => Ok(0),
            other => other,
        }
    }
}

impl Write for End {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.file.write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.file.flush()
    }
}

/// What an agent says, without what its kernel says on the same line.
struct Reports<R> {
    inner: R,
    /// The line that is being read; none once it is too long.
    line: Option<Vec<u8>>,
    /// What is to be given to the reader.
    ready: VecDeque<u8>,
}

impl<R> Reports<R> {
    fn of(inner: R) -> Self {
        Self { inner, line: Some(Vec::new()), ready: VecDeque::new() }
    }

    fn take(&mut self, bytes: &[u8]) {
        for byte in bytes {
            if *byte == b'\n' {
                let line = self.line.replace(Vec::new()).unwrap_or_default();
                // the kernel may have begun the line
                let begin = line.windows(BEGIN.len()).position(|window| window == BEGIN);
                if let Some(begin) = begin {
                    self.ready.extend(&line[begin..]);
                    self.ready.push_back(b'\n');
                }
            } else if let Some(line) = &mut self.line {
                line.push(*byte);
                if line.len() > LONGEST {
                    self.line = None;
                }
            }
        }
    }
}

impl<R: Read> Read for Reports<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let mut bytes = [0; 4096];
        while self.ready.is_empty() {
            match self.inner.read(&mut bytes) {
                Ok(0) => return Ok(0),
                Ok(read) => self.take(&bytes[..read]),
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(error),
            }
        }
        self.ready.read(buffer)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_kernels_words_are_no_reports() {
        let said = b"[ 0.1] Linux\r\nvclust: 0.2 s: the agent runs\r\n{\"report\":\"hello\"}\n\
                     [ 0.3] warning {\"report\":\"done\"}\r\n{x}\n\n";
        let mut heard = String::new();
        Reports::of(&said[..]).read_to_string(&mut heard).unwrap();
        assert_eq!(heard, "{\"report\":\"hello\"}\n{\"report\":\"done\"}\r\n");
    }

    #[test]
    fn a_line_without_end_takes_no_more_memory_than_the_longest() {
        let noise = io::repeat(b'x').take(10 * LONGEST as u64);
        let mut reports = Reports::of(noise.chain(&b"\n{\"a\":1}\n"[..]));
        let mut heard = String::new();
        reports.read_to_string(&mut heard).unwrap();
        assert_eq!(heard, "{\"a\":1}\n");
        assert!(reports.line.is_some_and(|line| line.capacity() <= 4 * LONGEST));
    }
}
