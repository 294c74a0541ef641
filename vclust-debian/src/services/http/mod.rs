//! Files for nodes over HTTP: a small server in threads of this process.
//!
//! It gives out files from a table that is fixed when it starts, whole or in parts (RFC 9110, section
//! 14), one request a connection. No path of a request is ever looked up in a file system. The bytes go
//! from the kernel's cache to the socket without coming through this process.

mod request;

use std::collections::HashMap;
use std::fs::File;
use std::io::{self, Read, Write};
use std::net::{Ipv4Addr, Shutdown, SocketAddrV4, TcpListener, TcpStream};
use std::os::fd::OwnedFd;
use std::path::PathBuf;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use rustix::event::{PollFd, PollFlags, poll};
use rustix::fs::sendfile;

use super::error::ServiceError;
use crate::network::ClusterNetwork;
use crate::pipe::pipe;
use request::{Method, Part, Request};

/// Connections at a time; whoever comes beyond that is asked to come again.
const MOST_CONNECTIONS: usize = 1100;
/// What a thread of a connection needs at most.
const STACK: usize = 128 << 10;
/// Bytes that one call sends at most.
const AT_ONCE: usize = 1 << 20;
/// How long a request may take to come in.
const REQUEST_TIME: Duration = Duration::from_secs(10);
/// How long a node may take nothing of what it is sent.
const SEND_TIME: Duration = Duration::from_secs(30);

/// A file that nodes can get.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HttpFile {
    /// Its name, which follows the slash of a request.
    pub name: String,
    /// Where it is.
    pub path: PathBuf,
}

/// An HTTP server of a cluster. It ends when it is dropped.
#[derive(Debug)]
pub struct HttpServer {
    address: SocketAddrV4,
    shared: Arc<Shared>,
    stop: Option<OwnedFd>,
    listener: Option<JoinHandle<()>>,
}

/// What all connections share.
#[derive(Debug)]
struct Shared {
    files: HashMap<String, PathBuf>,
    connections: Mutex<HashMap<u64, TcpStream>>,
    sent: AtomicU64,
}

impl HttpServer {
    /// Starts the server on the head node's address; port 0 is a free one. That every file is there is
    /// looked at first.
    pub fn start(
        network: &ClusterNetwork,
        head: Ipv4Addr,
        port: u16,
        files: Vec<HttpFile>,
    ) -> Result<Self, ServiceError> {
        for file in &files {
            let letter = |byte: u8| byte.is_ascii_alphanumeric() || b"-._/".contains(&byte);
            if file.name.is_empty() || !file.name.bytes().all(letter) {
                let reason = "a name has letters, digits, hyphens, dots and slashes";
                return Err(ServiceError::Value {
                    service: "HTTP",
                    value: file.name.clone(),
                    reason,
                });
            }
            let read = |source| ServiceError::Read { path: file.path.clone(), source };
            if !File::open(&file.path).and_then(|open| open.metadata()).map_err(read)?.is_file() {
                return Err(read(io::Error::other("it is no file")));
            }
        }
        let address = SocketAddrV4::new(head, port);
        network.enter(|| {
            let failed = |source| ServiceError::Listen { service: "HTTP", address, source };
            let listener = TcpListener::bind(address).map_err(failed)?;
            let std::net::SocketAddr::V4(address) = listener.local_addr().map_err(failed)? else {
                return Err(failed(io::ErrorKind::Unsupported.into()));
            };
            listener.set_nonblocking(true).map_err(failed)?;
            let (stopped, stop) = pipe().map_err(failed)?;
            let files = files.into_iter().map(|file| (file.name, file.path)).collect();
            let connections = Mutex::default();
            let shared = Arc::new(Shared { files, connections, sent: AtomicU64::new(0) });
            let accepting = Arc::clone(&shared);
            let thread = thread::Builder::new().name("http".to_owned()).stack_size(STACK);
            let thread = thread.spawn(move || accept(&listener, &stopped, &accepting));
            let listener = Some(thread.map_err(failed)?);
            Ok(Self { address, shared, stop: Some(stop.into()), listener })
        })?
    }

    /// Where it listens.
    #[must_use]
    pub fn address(&self) -> SocketAddrV4 {
        self.address
    }

    /// Bytes of files that were sent so far.
    #[must_use]
    pub fn sent_bytes(&self) -> u64 {
        self.shared.sent.load(Ordering::Relaxed)
    }

    /// Ends the server and the connections that it has.
    pub fn stop(self) {
        drop(self);
    }
}

impl Drop for HttpServer {
    fn drop(&mut self) {
        // the other end of the pipe wakes the thread up
        self.stop.take();
        if let Some(listener) = self.listener.take() {
            let _ = listener.join();
        }
        for stream in self.shared.lock().values() {
            let _ = stream.shutdown(Shutdown::Both);
        }
        let end = Instant::now() + Duration::from_secs(2);
        while !self.shared.lock().is_empty() && Instant::now() < end {
            thread::sleep(Duration::from_millis(1));
        }
    }
}

impl Shared {
    fn lock(&self) -> std::sync::MutexGuard<'_, HashMap<u64, TcpStream>> {
        self.connections.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Takes connections until the pipe is closed.
fn accept(listener: &TcpListener, stopped: &File, shared: &Arc<Shared>) {
    let mut number = 0;
    loop {
        let mut ready =
            [PollFd::new(listener, PollFlags::IN), PollFd::new(stopped, PollFlags::empty())];
        let polled = poll(&mut ready, None);
        let is_stopped = !ready[1].revents().is_empty();
        match polled {
            Ok(_) if is_stopped => return,
            Ok(_) | Err(rustix::io::Errno::INTR) => {}
            Err(_) => return,
        }
        match listener.accept() {
            Ok((stream, _)) => {
                number += 1;
                take(number, stream, shared);
            }
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
            // no more descriptors, perhaps: some will be free again
            Err(_) => thread::sleep(Duration::from_millis(20)),
        }
    }
}

/// Serves a connection in a thread of its own, if there are not too many.
fn take(number: u64, stream: TcpStream, shared: &Arc<Shared>) {
    let kept = stream.set_nonblocking(false).and_then(|()| stream.try_clone());
    let Ok(kept) = kept else { return };
    let is_full = {
        let mut connections = shared.lock();
        let is_full = connections.len() >= MOST_CONNECTIONS;
        if !is_full {
            connections.insert(number, kept);
        }
        is_full
    };
    if is_full {
        let _ = stream.set_write_timeout(Some(Duration::from_millis(10)));
        let _ = (&stream)
            .write_all(head("503 Service Unavailable", 0, "Retry-After: 1\r\n").as_bytes());
        return;
    }
    let serving = Served { number, shared: Arc::clone(shared) };
    let thread = thread::Builder::new().name("http".to_owned()).stack_size(STACK);
    // whether a node got all it wanted, it says itself
    let _ = thread.spawn(move || {
        let _ = serve(&stream, &serving.shared);
    });
}

/// A connection that is counted until it is dropped.
struct Served {
    number: u64,
    shared: Arc<Shared>,
}

impl Drop for Served {
    fn drop(&mut self) {
        self.shared.lock().remove(&self.number);
    }
}

/// Answers one request.
fn serve(mut stream: &TcpStream, shared: &Shared) -> io::Result<()> {
    stream.set_write_timeout(Some(SEND_TIME))?;
    stream.set_nodelay(true)?;
    let end = Instant::now() + REQUEST_TIME;
    let text = request::read(stream, end)?;
    let mut answer = |status: &str, more: &str| {
        stream.write_all(head(status, 0, more).as_bytes())?;
        // a client that still sends would be told of an error before it has read the answer
        stream.shutdown(Shutdown::Write)?;
        stream.set_read_timeout(Some(Duration::from_millis(200)))?;
        io::copy(&mut stream.take(64 << 10), &mut io::sink()).map(drop)
    };
    let request = match text.as_deref().map(Request::parse) {
        Some(Ok(request)) => request,
        Some(Err(refusal)) => return answer(refusal.status(), ""),
        None => return answer("431 Request Header Fields Too Large", ""),
    };
    let Some(path) = shared.files.get(request.name) else {
        return answer("404 Not Found", "");
    };
    let Ok((file, length)) = open(path) else {
        return answer("500 Internal Server Error", "");
    };
    let (status, first, bytes, range) = match request.part.of(length) {
        Part::Whole => ("200 OK", 0, length, String::new()),
        Part::From { first, bytes } => {
            let last = first + bytes - 1;
            let range = format!("Content-Range: bytes {first}-{last}/{length}\r\n");
            ("206 Partial Content", first, bytes, range)
        }
        Part::Nothing => {
            let range = format!("Content-Range: bytes */{length}\r\n");
            return answer("416 Range Not Satisfiable", &range);
        }
    };
    stream.write_all(head(status, bytes, &range).as_bytes())?;
    if request.method == Method::Get {
        send(&file, first, bytes, stream, &shared.sent)?;
    }
    stream.shutdown(Shutdown::Write)
}

fn open(path: &PathBuf) -> io::Result<(File, u64)> {
    let file = File::open(path)?;
    let length = file.metadata()?.len();
    Ok((file, length))
}

/// Has the kernel send a part of a file.
fn send(
    file: &File,
    first: u64,
    bytes: u64,
    stream: &TcpStream,
    sent: &AtomicU64,
) -> io::Result<()> {
    let (mut place, end) = (first, first + bytes);
    while place < end {
        let wanted = usize::try_from(end - place).unwrap_or(usize::MAX).min(AT_ONCE);
        match sendfile(stream, file, Some(&mut place), wanted) {
            // somebody made the file shorter
            Ok(0) => return Err(io::ErrorKind::UnexpectedEof.into()),
            Ok(count) => {
                sent.fetch_add(count as u64, Ordering::Relaxed);
            }
            Err(rustix::io::Errno::INTR) => {}
            Err(error) => return Err(error.into()),
        }
    }
    Ok(())
}

/// The head of an answer.
fn head(status: &str, bytes: u64, more: &str) -> String {
    format!(
        "HTTP/1.1 {status}\r\nContent-Length: {bytes}\r\nContent-Type: application/octet-stream\r\n\
         Accept-Ranges: bytes\r\nConnection: close\r\n{more}\r\n"
    )
}
