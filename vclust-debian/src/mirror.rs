//! Mirrors: fetching the indexes of a suite, verified, into the state directory.
//!
//! Nothing is believed that is not covered by a signature: `gpgv` vouches for `InRelease` (or
//! `Release` with `Release.gpg`), that names the size and SHA-256 of each index, and every file is
//! checked against them as it came and as it was unpacked. A state that is expired, from the future,
//! older than the one that is there, or of another suite is refused. Whatever goes wrong, the
//! indexes that were there before stay as they were (apt-secure(8) has the same rules).
//!
//! Indexes are kept unpacked, so that the next start maps them into memory instead of reading them.

use std::sync::Arc;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use vclust_core::Release;

use crate::apt_configuration::{AptConfiguration, IndexFile, SourceKind};
use crate::index_file::Limits;
use crate::state_directory::StateDirectory;

pub(crate) mod download;
mod error;
pub(crate) mod fetch;
mod release;
mod repository;
mod store;
mod update;

use download::Downloader;
pub use error::MirrorError;
use fetch::Fetcher;
use release::{ReleaseText, fetch_release};
pub use repository::{Expiry, Repository, Trust};
use store::SuiteStore;
use update::Update;

/// How far the fetching of a file has come.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct Progress<'a> {
    /// The file's URL.
    pub what: &'a str,
    /// Bytes that are there, with those of earlier attempts.
    pub bytes: u64,
    /// Size of the file, where it is known.
    pub total: Option<u64>,
}

/// Called as bytes arrive.
pub type OnProgress<'a> = &'a (dyn Fn(Progress<'_>) + Sync);

/// Which indexes an update fetches.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Wanted {
    /// `Packages`.
    Packages,
    /// `Packages` and `Sources`.
    PackagesAndSources,
}

/// How patient an update is.
#[derive(Debug, Clone)]
pub struct MirrorOptions {
    /// The proxy, as [`AptConfiguration::proxy_for`] gives it.
    pub proxy: Option<String>,
    /// How often a request is repeated that failed for a reason that may pass.
    pub retries: u32,
    /// Pause before the first repetition; doubled for each further one.
    pub pause: Duration,
    /// How long a connection may be silent.
    pub silence: Duration,
    /// How long to wait for another process that updates the same suite.
    pub lock_patience: Duration,
    /// How long gpgv may take.
    pub gpgv_timeout: Duration,
    /// What a compressed index may unpack to, at most.
    pub limits: Limits,
    /// The time that dates are compared with; `None` for the clock's.
    pub now: Option<SystemTime>,
}

impl Default for MirrorOptions {
    fn default() -> Self {
        Self {
            proxy: None,
            retries: 3,
            pause: Duration::from_millis(500),
            silence: Duration::from_secs(30),
            lock_patience: Duration::from_secs(300),
            gpgv_timeout: Duration::from_secs(30),
            limits: Limits::default(),
            now: None,
        }
    }
}

/// What an update did.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct Updated {
    /// Whether any index is new.
    pub changed: bool,
    /// Bytes of indexes that were fetched, as they came.
    pub downloaded: u64,
    /// The suite's description.
    pub release: Arc<Release>,
}

/// The indexes of mirrors, in a state directory.
#[derive(Debug, Clone)]
pub struct Mirror {
    state: StateDirectory,
    options: MirrorOptions,
}

impl Mirror {
    /// The mirrors of a state directory.
    #[must_use]
    pub fn new(state: StateDirectory, options: MirrorOptions) -> Self {
        Self { state, options }
    }

    /// As [`Mirror::new`], with the proxy that the machine's apt uses for a repository.
    #[must_use]
    pub fn for_repository(
        state: StateDirectory,
        repository: &Repository,
        apt: &AptConfiguration,
    ) -> Self {
        let proxy = apt.proxy_for(&repository.uri);
        Self { state, options: MirrorOptions { proxy, ..MirrorOptions::default() } }
    }

    /// The indexes of a suite that an earlier update left, without asking the mirror; none if there
    /// was no update, or not of these components and architectures.
    pub fn cached(
        &self,
        repository: &Repository,
        kind: SourceKind,
    ) -> Result<Vec<IndexFile>, MirrorError> {
        let store = self.store(repository);
        let Some(generation) = store.current() else {
            return Ok(Vec::new());
        };
        let Some(text) = ReleaseText::read(&generation) else {
            return Ok(Vec::new());
        };
        let url = generation.display().to_string();
        let release = text.parse().map_err(|source| MirrorError::Release { url, source })?;
        let release = Arc::new(release);
        let mut files = Vec::new();
        for index in repository.indexes(kind) {
            let path = generation.join(index.file_name());
            if path.is_file() {
                files.push(IndexFile {
                    path,
                    archive_uri: repository.uri.clone(),
                    suite_name: repository.suite.clone(),
                    component: index.component,
                    architecture: index.architecture,
                    release: Arc::clone(&release),
                    trusted: true,
                });
            }
        }
        Ok(files)
    }

    /// Brings the indexes of a suite up to date. If it fails, what was there before is still there.
    pub fn update(
        &self,
        repository: &Repository,
        wanted: Wanted,
        on_progress: OnProgress<'_>,
    ) -> Result<Updated, MirrorError> {
        self.state.make("lists")?;
        let store = self.store(repository);
        let _lock = store.lock(self.options.lock_patience)?;
        let options = &self.options;
        let uri = repository.suite_uri();
        let downloader = Downloader {
            fetcher: Fetcher::new(&uri, options.proxy.as_deref(), options.silence)?,
            retries: options.retries,
            pause: options.pause,
            on_progress,
        };
        let now = self.now();
        let fresh = fetch_release(&downloader, repository, &store, now, options.gpgv_timeout)?;
        let update = Update { repository, downloader, store, fresh, limits: options.limits };
        update.run(wanted)
    }

    fn store(&self, repository: &Repository) -> SuiteStore {
        SuiteStore::new(self.state.path().join("lists").join(repository.directory_name()))
    }

    fn now(&self) -> i64 {
        let now = self.options.now.unwrap_or_else(SystemTime::now);
        let since = now.duration_since(UNIX_EPOCH).unwrap_or_default();
        i64::try_from(since.as_secs()).unwrap_or(i64::MAX)
    }
}
