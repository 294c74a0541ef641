//! What can go wrong between a mirror and the state directory.

use std::io;
use std::path::PathBuf;

use thiserror::Error;
use vclust_core::{ReleaseError, Sha256};

use crate::index_file::IndexFileError;
use crate::signature::SignatureError;
use crate::state_directory::StateDirectoryError;

/// Why a suite could not be updated. What was there before is still there.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum MirrorError {
    /// The server cannot be reached, or breaks off, however often it is tried.
    #[error(
        "cannot fetch {url} ({attempts} attempts); check the network, or the proxy in apt.conf"
    )]
    Unreachable {
        /// What was fetched.
        url: String,
        /// How often it was tried.
        attempts: u32,
        /// What happened the last time.
        source: io::Error,
    },
    /// The server answers, but with no file.
    #[error("{url}: the server answers with status {status}")]
    Status {
        /// What was fetched.
        url: String,
        /// HTTP status.
        status: u16,
    },
    /// A URI that is neither http, https nor file.
    #[error("{url}: only http, https and file can be fetched")]
    Scheme {
        /// The URI.
        url: String,
    },
    /// A proxy that is no URI.
    #[error("the proxy `{proxy}` for {url} is no URI like `http://host:port`")]
    Proxy {
        /// The proxy.
        proxy: String,
        /// What it is for.
        url: String,
    },
    /// Neither `InRelease` nor `Release`.
    #[error("{uri} has neither InRelease nor Release; check the mirror and the name of the suite")]
    NoRelease {
        /// Directory of the suite.
        uri: String,
    },
    /// `Release` without `Release.gpg`.
    #[error(
        "{uri}Release is not signed: there is no Release.gpg; only `trusted=yes` would accept it"
    )]
    Unsigned {
        /// Directory of the suite.
        uri: String,
    },
    /// The signature does not count.
    #[error(transparent)]
    Signature(#[from] SignatureError),
    /// The `Release` file is malformed.
    #[error("{url} is malformed")]
    Release {
        /// The file.
        url: String,
        /// What is wrong with it.
        source: ReleaseError,
    },
    /// The `Release` file has no SHA-256 hashes.
    #[error("{url} lists no SHA-256 hashes, so nothing it names can be verified")]
    NoHashes {
        /// The file.
        url: String,
    },
    /// Another suite than the one that was asked for.
    #[error(
        "{url} is of the suite {found}, but {asked} was asked for; name the suite that is meant"
    )]
    WrongSuite {
        /// The file.
        url: String,
        /// What was asked for.
        asked: String,
        /// Suite and codename that it has.
        found: String,
    },
    /// `Valid-Until` is over.
    #[error(
        "{url} expired {ago} ago: the mirror is out of date; use another one, or allow it with \
         `check-valid-until=no` if this is an archive of old releases"
    )]
    Expired {
        /// The file.
        url: String,
        /// How long ago, in words.
        ago: String,
    },
    /// `Date` is in the future.
    #[error("{url} is dated {ahead} in the future; check this machine's clock")]
    Future {
        /// The file.
        url: String,
        /// How far, in words.
        ahead: String,
    },
    /// Older than the one that is there.
    #[error(
        "{url} is {older} older than the one fetched before: the mirror is behind, or somebody \
         replays an old state; remove {} to accept it", directory.display()
    )]
    Rollback {
        /// The file.
        url: String,
        /// By how much, in words.
        older: String,
        /// The suite's directory.
        directory: PathBuf,
    },
    /// The suite does not have the index.
    #[error(
        "{uri} has no {index}: it has the components {components} for the architectures \
         {architectures}"
    )]
    NotInRelease {
        /// Directory of the suite.
        uri: String,
        /// The index, such as `main/binary-amd64/Packages`.
        index: String,
        /// Components that the suite has.
        components: String,
        /// Architectures that it has.
        architectures: String,
    },
    /// `Release` names an index, but the mirror does not have it.
    #[error("{url} is listed in Release but is not there; the mirror is incomplete, try another")]
    Missing {
        /// The file.
        url: String,
    },
    /// The file is not as large as `Release` says.
    #[error(
        "{url} has {found} bytes instead of the {expected} that Release promises; the mirror may be \
         in the middle of an update, or the file was altered"
    )]
    WrongSize {
        /// The file.
        url: String,
        /// What `Release` promises.
        expected: u64,
        /// What the server sends, or more.
        found: u64,
    },
    /// The file is not the one that `Release` means.
    #[error(
        "{url} has the SHA-256 {found} instead of {expected}; the mirror may be in the middle of an \
         update, or the file was altered"
    )]
    WrongHash {
        /// The file.
        url: String,
        /// What `Release` promises.
        expected: Sha256,
        /// What it has.
        found: Sha256,
    },
    /// A file without promised size is too large.
    #[error("{url} is larger than {limit} bytes, which no Release file is")]
    TooLarge {
        /// The file.
        url: String,
        /// The most that is read.
        limit: u64,
    },
    /// The file cannot be unpacked.
    #[error("what was fetched from {url} cannot be unpacked")]
    Unpack {
        /// The file.
        url: String,
        /// Why not.
        source: IndexFileError,
    },
    /// A file that was fetched before cannot be read.
    #[error(transparent)]
    Read(#[from] IndexFileError),
    /// There is no state directory.
    #[error(transparent)]
    State(#[from] StateDirectoryError),
    /// The state directory cannot be written.
    #[error("cannot write {}", path.display())]
    Write {
        /// The file or directory.
        path: PathBuf,
        /// What the system says.
        source: io::Error,
    },
    /// Another process updates the suite and does not end.
    #[error("another vclust has held {} for {seconds} s; wait for it, or end it", path.display())]
    Locked {
        /// The lock.
        path: PathBuf,
        /// How long it was waited for.
        seconds: u64,
    },
}

impl MirrorError {
    /// An error of writing, for `map_err`.
    pub(super) fn write(path: impl Into<PathBuf>) -> impl FnOnce(io::Error) -> Self {
        let path = path.into();
        move |source| Self::Write { path, source }
    }
}

/// A URL without the password that may be in it, for messages.
pub(super) fn shown(url: &str) -> String {
    match url.split_once("://") {
        Some((scheme, rest)) => {
            let (authority, path) = rest.split_at(rest.find('/').unwrap_or(rest.len()));
            let host = authority.rsplit_once('@').map_or(authority, |(_, host)| host);
            format!("{scheme}://{host}{path}")
        }
        None => url.to_owned(),
    }
}

/// A span of time in words, from seconds.
pub(super) fn span(seconds: i64) -> String {
    let (number, unit) = match seconds.unsigned_abs() {
        seconds if seconds >= 2 * 86_400 => (seconds / 86_400, "days"),
        seconds if seconds >= 2 * 3600 => (seconds / 3600, "hours"),
        seconds if seconds >= 120 => (seconds / 60, "minutes"),
        seconds => (seconds, "seconds"),
    };
    format!("{number} {unit}")
}
