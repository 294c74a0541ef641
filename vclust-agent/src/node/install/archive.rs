//! The image's archive, on its way from the head node to the new root.

use std::fs::{self, File};
use std::io::{self, Read as _, Write};
use std::path::Path;
use std::process::{ChildStdin, Command};
use std::sync::Arc;
use std::thread;
use std::time::{Duration, Instant};

use super::super::error::AgentError;
use super::super::processes;
use super::chain::Chain;
use super::spool::{Read, Spool};
use super::{DATA, TARGET, fetch};
use crate::protocol::{ImageArchive, ImageSource};

/// How long an image may take to come and be unpacked.
const PATIENCE: Duration = Duration::from_secs(1800);
/// How long the one who fetches is waited for at a time.
const PAUSE: Duration = Duration::from_millis(500);
const CHUNK: usize = 256 << 10;

/// Unpacks the archive into the new root. Answers how long its bytes were waited for; in a chain, how
/// long they took to come while what had come was being unpacked.
pub(super) fn unpack(image: &ImageArchive, chain: Option<&Chain>) -> Result<Duration, AgentError> {
    match (&image.from, chain) {
        (ImageSource::Nfs { file }, _) => from_nfs(&Path::new(DATA).join(file)),
        (ImageSource::Chain { .. }, Some(chain)) => through_a_file(image, &chain.spool),
        _ => straight(image),
    }
}

/// tar(1) as our archives need it: numbers for owners, and all attributes.
fn tar() -> Command {
    let mut command = Command::new("tar");
    command
        .args(["--extract", "--use-compress-program=zstd", "--numeric-owner", "--same-owner"])
        .args(["--preserve-permissions", "--xattrs", "--xattrs-include=*"])
        .arg(format!("--directory={TARGET}"));
    command
}

/// From a file of the head node's to tar.
fn from_nfs(path: &Path) -> Result<Duration, AgentError> {
    let mut file = File::open(path).map_err(AgentError::doing("open the image's archive"))?;
    fed(|mut input| {
        let mut waited = Duration::ZERO;
        let mut buffer = vec![0; CHUNK];
        loop {
            let since = Instant::now();
            let read = file.read(&mut buffer).map_err(AgentError::doing("read the archive"))?;
            waited += since.elapsed();
            if read == 0 {
                return Ok(waited);
            }
            input.write_all(&buffer[..read]).map_err(AgentError::doing("feed tar"))?;
        }
    })
}

/// From the network to tar.
fn straight(image: &ImageArchive) -> Result<Duration, AgentError> {
    fed(|mut input| fetch::fetch(image, &mut |bytes| input.write_all(bytes)))
}

/// From the network to a file on the new root's disk, from which nodes after this one are served, and
/// which tar follows: so a slow disk here slows nobody else down.
fn through_a_file(image: &ImageArchive, spool: &Arc<Spool>) -> Result<Duration, AgentError> {
    let path = Path::new(TARGET).join(".vclust-archive");
    let mut options = File::options();
    let file = options.read(true).write(true).create_new(true).open(&path);
    let file = file.map_err(AgentError::doing("keep the archive for the next node"))?;
    // from here on it is gone when nobody has it open any more
    fs::remove_file(&path).map_err(AgentError::doing("keep the archive for the next node"))?;
    spool.keep_in(file);
    thread::scope(|scope| {
        let fetching = scope.spawn(|| {
            let fetched = fetch::fetch(image, &mut |bytes| spool.append(bytes));
            if let Err(error) = &fetched {
                fetch::say(error);
            }
            spool.end();
            fetched
        });
        let unpacked = fed(|mut input| {
            follow(spool, image.bytes, &mut input).map_err(AgentError::doing("feed tar"))
        });
        if unpacked.is_err() {
            // whoever fetches finds that nobody wants it
            spool.close(Duration::ZERO);
        }
        let fetched = fetching.join().unwrap_or_else(|_| {
            Err(AgentError::Missing("what fetches the archive has failed".to_owned()))
        });
        let waited = fetched?;
        unpacked.map(|()| waited)
    })
}

/// Writes what is received, until all is.
fn follow(spool: &Spool, bytes: u64, out: &mut impl Write) -> io::Result<()> {
    let mut buffer = vec![0; CHUNK];
    let mut offset = 0;
    while offset < bytes {
        match spool.read(offset, &mut buffer, PAUSE)? {
            Read::Bytes(read) => {
                out.write_all(&buffer[..read])?;
                offset += read as u64;
            }
            Read::Later => {}
            Read::Over => return Err(io::ErrorKind::UnexpectedEof.into()),
        }
    }
    Ok(())
}

/// Runs tar on what is written to its input. If both fail, tar has more to say.
fn fed<T: Send>(
    feed: impl FnOnce(ChildStdin) -> Result<T, AgentError> + Send,
) -> Result<T, AgentError> {
    let (ran, outcome) = processes::succeed_fed(&mut tar(), PATIENCE, feed)?;
    match (ran, outcome) {
        (Ok(_), outcome) => outcome,
        // an archive that ends too early is not tar's fault
        (Err(_), Err(error)) if !is_pipe(&error) => Err(error),
        (Err(error), _) => Err(error),
    }
}

/// Whether an error only says that somebody does not listen any more.
fn is_pipe(error: &AgentError) -> bool {
    matches!(error, AgentError::System { source, .. } if source.kind() == io::ErrorKind::BrokenPipe)
}
