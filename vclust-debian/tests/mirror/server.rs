//! A small HTTP server over a directory, with ranges, validators, a log, and faults on demand.

use std::collections::HashMap;
use std::fs;
use std::io::{BufRead, BufReader, Write};
use std::net::{TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::Duration;

use sha2::Digest;

/// What goes wrong with a request.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Fault {
    /// The connection closes after so many bytes of the body.
    CloseAfter(usize),
    /// The server answers with this status.
    Status(u16),
    /// The server says nothing for so long before it answers.
    Silence(Duration),
    /// The server claims to have so many bytes.
    Length(usize),
    /// A request for a range is answered with the whole file.
    NoRange,
}

/// One request that was answered.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Answered {
    pub(crate) path: String,
    pub(crate) range: Option<String>,
    pub(crate) status: u16,
}

#[derive(Default)]
struct Shared {
    faults: Mutex<HashMap<String, Vec<Fault>>>,
    log: Mutex<Vec<Answered>>,
}

pub(crate) struct Server {
    address: std::net::SocketAddr,
    shared: Arc<Shared>,
}

impl Server {
    pub(crate) fn new(root: &Path) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        let shared = Arc::new(Shared::default());
        let root = root.to_owned();
        let for_threads = Arc::clone(&shared);
        thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                let (root, shared) = (root.clone(), Arc::clone(&for_threads));
                thread::spawn(move || answer(&stream, &root, &shared));
            }
        });
        Self { address, shared }
    }

    pub(crate) fn uri(&self) -> String {
        format!("http://{}/", self.address)
    }

    /// Has the next requests for paths that end so go wrong, one fault each.
    pub(crate) fn fault(&self, path: &str, faults: &[Fault]) {
        self.shared.faults.lock().unwrap().insert(path.to_owned(), faults.to_vec());
    }

    /// The requests since the last call.
    pub(crate) fn take_log(&self) -> Vec<Answered> {
        std::mem::take(&mut *self.shared.log.lock().unwrap())
    }
}

fn answer(stream: &TcpStream, root: &Path, shared: &Shared) {
    let mut reader = BufReader::new(stream);
    let mut head = Vec::new();
    loop {
        let mut line = String::new();
        if reader.read_line(&mut line).unwrap_or(0) == 0 || line.trim().is_empty() {
            break;
        }
        head.push(line.trim().to_owned());
    }
    let Some(target) = head.first().and_then(|line| line.split(' ').nth(1)) else {
        return;
    };
    let header = |name: &str| {
        head.iter().skip(1).find_map(|line| {
            let (key, value) = line.split_once(':')?;
            key.eq_ignore_ascii_case(name).then(|| value.trim().to_owned())
        })
    };
    let fault = {
        let mut faults = shared.faults.lock().unwrap();
        let list =
            faults.iter_mut().find(|(path, list)| target.ends_with(*path) && !list.is_empty());
        list.map(|(_, list)| list.remove(0))
    };
    if let Some(Fault::Silence(time)) = fault {
        thread::sleep(time);
    }
    let range = header("range").filter(|_| !matches!(fault, Some(Fault::NoRange)));
    let path: PathBuf = root.join(target.trim_start_matches('/'));
    let content = fs::read(&path).ok();
    let etag = content.as_ref().map(|bytes| format!("\"{:x}\"", sha2::Sha256::digest(bytes)));
    let start = range
        .as_deref()
        .and_then(|range| range.strip_prefix("bytes=")?.strip_suffix('-')?.parse::<usize>().ok());
    let (status, body) = match (content, fault) {
        (_, Some(Fault::Status(status))) => (status, Vec::new()),
        (None, _) => (404, Vec::new()),
        (Some(_), _) if header("if-none-match") == etag => (304, Vec::new()),
        (Some(content), _) => match start {
            Some(start) if start >= content.len() => (416, Vec::new()),
            Some(start) => (206, content[start..].to_vec()),
            None => (200, content),
        },
    };
    shared.log.lock().unwrap().push(Answered { path: target.to_owned(), range, status });
    let length = match fault {
        Some(Fault::Length(length)) => length,
        _ => body.len(),
    };
    let mut text =
        format!("HTTP/1.1 {status} x\r\nConnection: close\r\nContent-Length: {length}\r\n");
    if let (200 | 206, Some(etag)) = (status, etag) {
        text.extend(["ETag: ", &etag, "\r\n"]);
    }
    if let (206, Some(start)) = (status, start) {
        let size = start + body.len();
        let range = format!("{start}-{}/{size}", size - 1);
        text.extend(["Content-Range: bytes ", &range, "\r\n"]);
    }
    let sent = match fault {
        Some(Fault::CloseAfter(bytes)) => &body[..bytes.min(body.len())],
        _ => &body,
    };
    let mut stream = stream;
    let _ = stream.write_all(format!("{text}\r\n").as_bytes());
    let _ = stream.write_all(sent);
}
