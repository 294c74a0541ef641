//! Lines to a domain: sockets in its directory.
//!
//! The path of a socket may have 107 bytes, and that of a state directory may have more. So sockets are
//! reached through the open directory, and QEMU, which works in it, knows them by their names alone.

use std::fs::File;
use std::io::{self, Read, Write};
use std::os::fd::AsRawFd;
use std::os::unix::net::UnixStream;
use std::sync::Arc;
use std::time::{Duration, Instant};

use rustix::net::{AddressFamily, SocketAddrUnix, SocketFlags, SocketType, connect as reach};
use rustix::net::{RecvFlags, recv, socket_with};
use vclust_core::{DomainLine, HypervisorProblem};

use super::directory::{Directory, lock_file};
use crate::problem::Outcome;

/// Connects to a socket in the directory, in which somebody listens.
pub(crate) fn connect(
    directory: &Directory,
    name: &str,
    patience: Duration,
) -> Outcome<UnixStream> {
    let end = Instant::now() + patience;
    loop {
        match try_connect(directory, name) {
            Ok(stream) => return Ok(stream),
            // others wait already
            Err(error) if error.kind() == io::ErrorKind::WouldBlock && Instant::now() < end => {
                std::thread::sleep(Duration::from_millis(2));
            }
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => {
                let said = format!("nothing at {name}");
                return Err(HypervisorProblem::Late { deadline: patience, said });
            }
            Err(error) => {
                return Err(HypervisorProblem::file("connect to", &directory.file(name))(error));
            }
        }
    }
}

/// Connects at once or not at all.
fn try_connect(directory: &Directory, name: &str) -> io::Result<UnixStream> {
    let flags = SocketFlags::CLOEXEC | SocketFlags::NONBLOCK;
    let socket = socket_with(AddressFamily::UNIX, SocketType::STREAM, flags, None)?;
    let path = format!("/proc/self/fd/{}/{name}", directory.handle().as_raw_fd());
    reach(&socket, &SocketAddrUnix::new(path)?)?;
    let stream = UnixStream::from(socket);
    stream.set_nonblocking(false)?;
    Ok(stream)
}

/// One direction of a line, which is free for others when both are dropped.
struct End {
    stream: UnixStream,
    _held: Arc<File>,
}

impl Read for End {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        match recv(&self.stream, &mut *buffer, RecvFlags::empty()) {
            Ok((read, _)) => Ok(read),
            // what a killed process leaves of a line is its end
            Err(rustix::io::Errno::CONNRESET) => Ok(0),
            Err(error) => Err(error.into()),
        }
    }
}

impl Write for End {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.stream.write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.stream.flush()
    }
}

/// A line to the guest. QEMU listens to one at a time, so whoever has it holds it.
pub(crate) fn line(
    directory: &Directory,
    name: &str,
    what: &'static str,
    patience: Duration,
) -> Outcome<DomainLine> {
    let held = lock_file(&directory.file(&format!("{name}.lock")))?;
    let held = Arc::new(held.ok_or(HypervisorProblem::LineInUse(what))?);
    let stream = connect(directory, name, patience)?;
    let other =
        stream.try_clone().map_err(HypervisorProblem::file("use", &directory.file(name)))?;
    Ok(DomainLine {
        reader: Box::new(End { stream, _held: Arc::clone(&held) }),
        writer: Box::new(End { stream: other, _held: held }),
    })
}
