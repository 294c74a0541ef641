//! Getting the archive's bytes, from whoever has them.
//!
//! Sources are tried in their order, and one that fails is passed over for good; the last is the head
//! node, which is tried again and again. Each goes on where the one before it ended. What came together
//! must have the archive's digest.

use std::fmt::Write as _;
use std::io::{self, BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::ops::Range;
use std::thread;
use std::time::{Duration, Instant};

use sha2::{Digest, Sha256};

use super::super::console;
use super::super::error::AgentError;
use super::chain;
use crate::protocol::{HttpSource, ImageArchive, ImageSource, with_causes};

/// How long a machine may take to answer a connection.
const CONNECTING: Duration = Duration::from_secs(2);
/// How long the head node may be silent: it has much to do for others.
const SILENCE: Duration = Duration::from_secs(20);
/// How long the nearest node may take to come up: all nodes of a chain start at the same time.
const NEIGHBOUR: Duration = Duration::from_secs(15);
/// How often the head node is asked anew without sending anything.
const ATTEMPTS: u32 = 10;
const PAUSE: Duration = Duration::from_millis(300);
const LONGEST_HEAD: u64 = 8 << 10;

/// Whom bytes are asked of.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Source<'a> {
    /// A node of the chain, as `ADDRESS:PORT`.
    Node(String),
    /// The head node.
    Head(&'a HttpSource),
}

impl std::fmt::Display for Source<'_> {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Node(server) => write!(formatter, "the node {server}"),
            Self::Head(source) => write!(formatter, "the head node ({})", source.server),
        }
    }
}

/// Fetches an archive: calls `sink` with all its bytes in their order. Answers how long it waited for
/// them, without the time that `sink` took.
pub(super) fn fetch(
    image: &ImageArchive,
    sink: &mut dyn FnMut(&[u8]) -> io::Result<()>,
) -> Result<Duration, AgentError> {
    let sources: Vec<Source<'_>> = match &image.from {
        ImageSource::Nfs { .. } => Vec::new(),
        ImageSource::Http(head) => vec![Source::Head(head)],
        ImageSource::Chain { port, before, head } => {
            let nodes = before.iter().map(|address| Source::Node(format!("{address}:{port}")));
            nodes.chain([Source::Head(head)]).collect()
        }
    };
    let mut digest = Sha256::new();
    let mut offset = 0;
    let mut place = 0;
    let mut attempts = 0;
    let mut sinking = Duration::ZERO;
    let start = Instant::now();
    while offset < image.bytes {
        let Some(source) = sources.get(place) else {
            return Err(AgentError::Missing("nobody has the archive".to_owned()));
        };
        let before = offset;
        let mut failure = None;
        let mut take = |bytes: &[u8]| -> io::Result<()> {
            let since = Instant::now();
            sink(bytes).inspect_err(|error| failure = Some(io::Error::from(error.kind())))?;
            sinking += since.elapsed();
            digest.update(bytes);
            offset += bytes.len() as u64;
            Ok(())
        };
        let mut connected = false;
        let wanted = before..image.bytes;
        let received = connect(source).and_then(|connection| {
            connected = true;
            from_source(&connection, source, image, wanted, &mut take)
        });
        if let Some(error) = failure {
            return Err(AgentError::doing("pass on the archive's bytes")(error));
        }
        let Err(error) = received else { continue };
        let is_last = place + 1 == sources.len();
        let is_coming_up = place == 0 && offset == 0 && !connected;
        attempts = if offset > before { 0 } else { attempts + 1 };
        if is_last {
            if attempts >= ATTEMPTS {
                let doing = format!("get the archive from {source}");
                return Err(AgentError::doing(doing)(error));
            }
        } else if !is_coming_up || start.elapsed() > NEIGHBOUR {
            console::say(&format!("{source} is passed over at byte {offset}: {error}"));
            place += 1;
            attempts = 0;
            continue;
        }
        thread::sleep(PAUSE);
    }
    let found = hexadecimal(&digest.finalize());
    if found == image.sha256 {
        return Ok(start.elapsed().saturating_sub(sinking));
    }
    let expected = &image.sha256;
    Err(AgentError::Missing(format!("the archive has the digest {found} instead of {expected}")))
}

fn from_source(
    connection: &TcpStream,
    source: &Source<'_>,
    image: &ImageArchive,
    wanted: Range<u64>,
    sink: &mut dyn FnMut(&[u8]) -> io::Result<()>,
) -> io::Result<()> {
    match source {
        Source::Node(_) => chain::receive(connection, &image.sha256, wanted, sink),
        Source::Head(source) => over_http(connection, source, wanted, sink),
    }
}

fn connect(source: &Source<'_>) -> io::Result<TcpStream> {
    let server = match source {
        Source::Node(server) => server,
        Source::Head(source) => &source.server,
    };
    let address: SocketAddr = server
        .parse()
        .map_err(|_| io::Error::new(io::ErrorKind::InvalidInput, "its address is none"))?;
    TcpStream::connect_timeout(&address, CONNECTING)
}

/// One request for the rest of a file (RFC 9110, section 14).
fn over_http(
    mut connection: &TcpStream,
    source: &HttpSource,
    wanted: Range<u64>,
    sink: &mut dyn FnMut(&[u8]) -> io::Result<()>,
) -> io::Result<()> {
    connection.set_read_timeout(Some(SILENCE))?;
    connection.set_write_timeout(Some(SILENCE))?;
    let HttpSource { server, path } = source;
    let range = format!("bytes={}-{}", wanted.start, wanted.end - 1);
    let request = format!(
        "GET {path} HTTP/1.1\r\nHost: {server}\r\nRange: {range}\r\nConnection: close\r\n\r\n"
    );
    connection.write_all(request.as_bytes())?;
    let mut reader = BufReader::with_capacity(64 << 10, connection);
    check_head(&mut reader, &wanted)?;
    let mut left = wanted.end - wanted.start;
    while left > 0 {
        let bytes = reader.fill_buf()?;
        if bytes.is_empty() {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        let taken = usize::try_from(left).unwrap_or(usize::MAX).min(bytes.len());
        sink(&bytes[..taken])?;
        reader.consume(taken);
        left -= taken as u64;
    }
    Ok(())
}

/// Reads an answer's head, which must promise the part of the file that was asked for.
fn check_head(reader: &mut impl BufRead, wanted: &Range<u64>) -> io::Result<()> {
    let wrong = |what: &str| io::Error::new(io::ErrorKind::InvalidData, what.to_owned());
    let mut head = reader.take(LONGEST_HEAD);
    let mut line = String::new();
    head.read_line(&mut line)?;
    let status = line.split_ascii_whitespace().nth(1).unwrap_or_default().to_owned();
    let mut range = None;
    loop {
        line.clear();
        if head.read_line(&mut line)? == 0 {
            return Err(wrong("its answer has no end"));
        }
        if line.trim_end().is_empty() {
            break;
        }
        if let Some((name, value)) = line.split_once(':') {
            if name.trim().eq_ignore_ascii_case("content-range") {
                range = Some(value.trim().to_owned());
            }
        }
    }
    let expected = format!("bytes {}-{}/", wanted.start, wanted.end - 1);
    match status.as_str() {
        "206" if range.is_some_and(|range| range.starts_with(&expected)) => Ok(()),
        "206" => Err(wrong("it sends another part than it was asked for")),
        "200" if wanted.start == 0 => Ok(()),
        _ => Err(wrong(&format!("it answers with status {status}"))),
    }
}

fn hexadecimal(bytes: &[u8]) -> String {
    bytes.iter().fold(String::new(), |mut text, byte| {
        // writing to a string does not fail
        let _ = write!(text, "{byte:02x}");
        text
    })
}

/// What a thread that fetches says to those who wait for its bytes.
pub(super) fn say(error: &AgentError) {
    console::say(&with_causes(error));
}

#[cfg(test)]
mod tests;
