//! Fetching files completely: with retries, and for files whose size and hash are known, with
//! resumption and verification.

use std::fs::{self, File};
use std::io::{self, Read, Write};
use std::path::Path;
use std::thread;
use std::time::Duration;

use bytes::Bytes;
use sha2::Digest as _;
use vclust_core::{ReleaseFile, Sha256};

use super::error::{MirrorError, shown};
use super::fetch::{FetchError, Fetcher, Reply, Validators};
use super::{OnProgress, Progress};
use crate::index_file;

/// The most that is read of `InRelease`, `Release` and `Release.gpg`.
const RELEASE_LIMIT: u64 = 32 << 20;

/// Fetches files of one archive.
pub(crate) struct Downloader<'a> {
    pub(crate) fetcher: Fetcher,
    /// How often a request is repeated that failed for a reason that may pass.
    pub(crate) retries: u32,
    /// Pause before the first repetition; doubled for each further one.
    pub(crate) pause: Duration,
    pub(crate) on_progress: OnProgress<'a>,
}

/// What became of a small file.
pub(super) enum Small {
    Fetched(Vec<u8>, Validators),
    NotModified,
    NotFound,
}

/// How one attempt ended that did not fail for good.
enum Attempt {
    Complete,
    NotFound,
    /// Worth trying again, with the reason.
    Again(io::Error),
}

impl Downloader<'_> {
    /// Fetches a file of unknown size, unless it is still the version of `known`.
    pub(super) fn small(
        &self,
        url: &str,
        known: Option<&Validators>,
    ) -> Result<Small, MirrorError> {
        let mut attempts = 0;
        loop {
            attempts += 1;
            let error = match self.small_once(url, known) {
                Ok(small) => return Ok(small),
                Err(FetchError::Permanent(error)) => return Err(error),
                Err(FetchError::Transient(error)) => error,
            };
            self.pause_or_give_up(url, attempts, error)?;
        }
    }

    fn small_once(&self, url: &str, known: Option<&Validators>) -> Result<Small, FetchError> {
        let (reader, size, validators) = match self.fetcher.get(url, 0, known)? {
            Reply::NotModified => return Ok(Small::NotModified),
            Reply::NotFound => return Ok(Small::NotFound),
            Reply::BeyondEnd => {
                return Err(FetchError::Transient(io::Error::other("an answer to no question")));
            }
            Reply::Body { reader, size, validators, .. } => (reader, size, validators),
        };
        let mut content = Vec::new();
        reader.take(RELEASE_LIMIT + 1).read_to_end(&mut content).map_err(FetchError::Transient)?;
        let length = content.len() as u64;
        if length > RELEASE_LIMIT {
            let error = MirrorError::TooLarge { url: shown(url), limit: RELEASE_LIMIT };
            return Err(FetchError::Permanent(error));
        }
        if size.is_some_and(|size| size != length) {
            return Err(FetchError::Transient(io::ErrorKind::UnexpectedEof.into()));
        }
        (self.on_progress)(Progress { what: &shown(url), bytes: length, total: Some(length) });
        Ok(Small::Fetched(content, validators))
    }

    /// Fetches a file whose size and hash are known, from the first of `urls` that has it, and goes
    /// on where an earlier attempt at `partial` stopped. `None` if none of them has it.
    ///
    /// The file at `partial` is only ever the start of a file, or a whole one that was verified.
    pub(crate) fn verified(
        &self,
        urls: &[String],
        promised: &ReleaseFile,
        partial: &Path,
    ) -> Result<Option<Bytes>, MirrorError> {
        for url in urls {
            let mut attempts = 0;
            loop {
                attempts += 1;
                let resumed = length(partial) > 0;
                let error = match self.attempt(url, promised, partial)? {
                    Attempt::NotFound => break,
                    Attempt::Again(error) => error,
                    Attempt::Complete => {
                        let content = index_file::map(partial)?;
                        let found = sha256(&content);
                        if found == promised.sha256 {
                            return Ok(Some(content));
                        }
                        fs::remove_file(partial).map_err(MirrorError::write(partial))?;
                        if !resumed {
                            let expected = promised.sha256;
                            let url = shown(url);
                            return Err(MirrorError::WrongHash { url, expected, found });
                        }
                        io::Error::other("what was fetched before does not fit what follows it")
                    }
                };
                self.pause_or_give_up(url, attempts, error)?;
            }
        }
        Ok(None)
    }

    fn attempt(
        &self,
        url: &str,
        promised: &ReleaseFile,
        partial: &Path,
    ) -> Result<Attempt, MirrorError> {
        let have = length(partial);
        if have == promised.size && have > 0 {
            return Ok(Attempt::Complete);
        }
        if have > promised.size {
            fs::remove_file(partial).map_err(MirrorError::write(partial))?;
        }
        let have = if have > promised.size { 0 } else { have };
        let (mut reader, from, size) = match self.fetcher.get(url, have, None) {
            Err(FetchError::Permanent(error)) => return Err(error),
            Err(FetchError::Transient(error)) => return Ok(Attempt::Again(error)),
            Ok(Reply::NotFound) => return Ok(Attempt::NotFound),
            Ok(Reply::NotModified | Reply::BeyondEnd) => {
                let _ = fs::remove_file(partial);
                let error = io::Error::other("the file on the server is shorter than before");
                return Ok(Attempt::Again(error));
            }
            Ok(Reply::Body { reader, from, size, .. }) => (reader, from, size),
        };
        let wrong_size = |found| {
            let (url, expected) = (shown(url), promised.size);
            Err(MirrorError::WrongSize { url, expected, found })
        };
        if let Some(size) = size.filter(|size| *size != promised.size) {
            let _ = fs::remove_file(partial);
            return wrong_size(size);
        }
        let mut file = File::options()
            .create(true)
            .append(true)
            .open(partial)
            .map_err(MirrorError::write(partial))?;
        if from == 0 {
            file.set_len(0).map_err(MirrorError::write(partial))?;
        }
        let mut done = from;
        let mut buffer = vec![0; 64 << 10];
        let name = shown(url);
        loop {
            let count = match reader.read(&mut buffer) {
                Ok(0) => break,
                Ok(count) => count,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
                Err(error) => return Ok(Attempt::Again(error)),
            };
            done += count as u64;
            if done > promised.size {
                drop(file);
                let _ = fs::remove_file(partial);
                return wrong_size(done);
            }
            file.write_all(&buffer[..count]).map_err(MirrorError::write(partial))?;
            let progress = Progress { what: &name, bytes: done, total: Some(promised.size) };
            (self.on_progress)(progress);
        }
        if done < promised.size {
            // a server that said the size would have failed above: this one ends early in silence
            return Ok(Attempt::Again(io::ErrorKind::UnexpectedEof.into()));
        }
        Ok(Attempt::Complete)
    }

    fn pause_or_give_up(
        &self,
        url: &str,
        attempts: u32,
        error: io::Error,
    ) -> Result<(), MirrorError> {
        if attempts > self.retries {
            return Err(MirrorError::Unreachable { url: shown(url), attempts, source: error });
        }
        tracing::info!("{}: {error}; trying again", shown(url));
        thread::sleep(self.pause.saturating_mul(1 << (attempts - 1).min(6)));
        Ok(())
    }
}

fn length(path: &Path) -> u64 {
    fs::metadata(path).map_or(0, |metadata| metadata.len())
}

/// The digest of some bytes.
pub(super) fn sha256(content: &[u8]) -> Sha256 {
    Sha256(sha2::Sha256::digest(content).into())
}
