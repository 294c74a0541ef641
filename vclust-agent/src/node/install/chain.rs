//! What the nodes of a chain say to each other.
//!
//! A node asks the one before it for the archive from an offset on, in one line of text, and gets
//! frames: a length of four bytes, the highest first, and so many bytes of the archive. A frame without
//! bytes says that there is nothing new but that there may be soon. So a node knows within seconds
//! whether its neighbour lives, even if that has nothing to pass on since *its* neighbour has died:
//! only who comes right after a dead node looks for another one.

use std::io::{self, BufRead, BufReader, Read as _, Write};
use std::net::{Ipv4Addr, SocketAddrV4, TcpListener, TcpStream};
use std::sync::Arc;
use std::thread;
use std::time::Duration;

use super::super::error::AgentError;
use super::spool::{Read, Spool};
use crate::protocol::ImageArchive;

/// How often a node says that it lives when it has nothing else to say.
const HEARTBEAT: Duration = Duration::from_millis(500);
/// How long a node may be silent.
const SILENCE: Duration = Duration::from_secs(4);
/// How long the one after it may take nothing of what it is sent.
const SEND_TIME: Duration = Duration::from_secs(30);
/// How long nodes after this one are waited for before it goes on without a chain.
const FAREWELL: Duration = Duration::from_secs(60);
/// Bytes of the longest frame.
const FRAME: usize = 256 << 10;
const LONGEST_QUESTION: u64 = 200;
/// Nodes that are served at the same time: the next one, and some whose neighbour has died.
const MOST: usize = 16;

/// A node's part in the chain for those after it.
pub(super) struct Chain {
    pub(super) spool: Arc<Spool>,
}

/// Answers nodes from now on, also before there is anything to pass on.
pub(super) fn serve(port: u16, image: &ImageArchive) -> Result<Box<Chain>, AgentError> {
    let listener = TcpListener::bind(SocketAddrV4::new(Ipv4Addr::UNSPECIFIED, port))
        .map_err(AgentError::doing("listen for the next node of the chain"))?;
    let spool = Arc::new(Spool::default());
    let (serving, question) = (Arc::clone(&spool), question(&image.sha256));
    thread::spawn(move || accept(&listener, &serving, &question));
    Ok(Box::new(Chain { spool }))
}

impl Chain {
    /// Waits until those after this node have what they need, and ends the chain here.
    pub(super) fn close(&self) {
        self.spool.close(FAREWELL);
    }
}

/// The beginning of a question, which the offset follows.
fn question(sha256: &str) -> String {
    format!("vclust-chain 1 {sha256} ")
}

fn accept(listener: &TcpListener, spool: &Arc<Spool>, question: &str) {
    for connection in listener.incoming() {
        let Ok(connection) = connection else {
            thread::sleep(Duration::from_millis(20));
            continue;
        };
        // whoever is turned away goes on to another node
        let Some(reader) = spool.reader(MOST) else { continue };
        let (spool, question) = (Arc::clone(spool), question.to_owned());
        thread::spawn(move || {
            let _ = answer(&connection, &spool, &question);
            drop(reader);
        });
    }
}

/// Passes on what there is, until nothing will come any more.
fn answer(mut connection: &TcpStream, spool: &Spool, question: &str) -> io::Result<()> {
    connection.set_read_timeout(Some(SILENCE))?;
    connection.set_write_timeout(Some(SEND_TIME))?;
    connection.set_nodelay(true)?;
    let mut line = String::new();
    BufReader::new(connection.take(LONGEST_QUESTION)).read_line(&mut line)?;
    let offset = line.strip_prefix(question).and_then(|rest| rest.strip_suffix('\n'));
    let mut offset: u64 = match offset.map(str::parse) {
        Some(Ok(offset)) => offset,
        _ => return Ok(()),
    };
    let mut buffer = vec![0; FRAME];
    loop {
        let bytes = match spool.read(offset, &mut buffer, HEARTBEAT)? {
            Read::Bytes(bytes) => bytes,
            Read::Later => 0,
            Read::Over => return Ok(()),
        };
        connection.write_all(&(bytes as u32).to_be_bytes())?;
        connection.write_all(&buffer[..bytes])?;
        offset += bytes as u64;
    }
}

/// Receives from a node what it has, until it says no more. An error says that it is not to be relied
/// upon any more; what it had sent before that was taken.
pub(super) fn receive(
    connection: &TcpStream,
    sha256: &str,
    mut wanted: std::ops::Range<u64>,
    sink: &mut dyn FnMut(&[u8]) -> io::Result<()>,
) -> io::Result<()> {
    let mut connection = connection;
    connection.set_read_timeout(Some(SILENCE))?;
    connection.set_write_timeout(Some(SILENCE))?;
    connection.write_all(format!("{}{}\n", question(sha256), wanted.start).as_bytes())?;
    let mut buffer = vec![0; FRAME];
    while !wanted.is_empty() {
        let mut length = [0; 4];
        connection.read_exact(&mut length)?;
        let length = u32::from_be_bytes(length);
        let fits = u64::from(length) <= wanted.end - wanted.start;
        let Some(frame) = buffer.get_mut(..length as usize).filter(|_| fits) else {
            return Err(io::Error::new(io::ErrorKind::InvalidData, "it sends too much"));
        };
        connection.read_exact(frame)?;
        sink(frame)?;
        wanted.start += u64::from(length);
    }
    Ok(())
}
