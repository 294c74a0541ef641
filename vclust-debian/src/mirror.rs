//! Mirrors: fetching the indexes of a suite, verified, into the state directory.
//!
//! Nothing is believed that is not covered by a signature: `gpgv` vouches for `InRelease` (or
//! `Release` with `Release.gpg`), that names the size and SHA-256 of each index, and every file is
//! checked against them as it came and as it was unpacked. A state that is expired, from the future,
//! older than the one that is there, or of another suite is refused. Whatever goes wrong, the
//! indexes that were there before stay as they were (apt-secure(8) has the same rules).
//!
//! Indexes are kept unpacked, so that the next start maps them into memory instead of reading them.

use std::fs;
use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use bytes::Bytes;
use vclust_core::{Release, ReleaseFile};

use crate::apt_configuration::{AptConfiguration, IndexFile, SourceKind};
use crate::index_file::{self, Limits};
use crate::state_directory::StateDirectory;

mod download;
mod error;
mod fetch;
mod release;
mod repository;
mod store;

use download::{Downloader, sha256};
pub use error::MirrorError;
use error::shown;
use fetch::Fetcher;
use release::{ReleaseText, SuiteRelease, fetch_release};
use repository::IndexName;
pub use repository::{Expiry, Repository, Trust};
use store::{SuiteStore, write_file};

/// How far the fetching of a file has come.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
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
        Self {
            state,
            options: MirrorOptions {
                proxy,
                ..MirrorOptions::default()
            },
        }
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
        let release = text
            .parse()
            .map_err(|source| MirrorError::Release { url, source })?;
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
        let update = Update {
            repository,
            downloader,
            store,
            fresh,
            limits: options.limits,
        };
        update.run(wanted)
    }

    fn store(&self, repository: &Repository) -> SuiteStore {
        SuiteStore::new(
            self.state
                .path()
                .join("lists")
                .join(repository.directory_name()),
        )
    }

    fn now(&self) -> i64 {
        let now = self.options.now.unwrap_or_else(SystemTime::now);
        let since = now.duration_since(UNIX_EPOCH).unwrap_or_default();
        i64::try_from(since.as_secs()).unwrap_or(i64::MAX)
    }
}

/// One update under way, with the suite's description known and believed.
struct Update<'a> {
    repository: &'a Repository,
    downloader: Downloader<'a>,
    store: SuiteStore,
    fresh: SuiteRelease,
    limits: Limits,
}

impl Update<'_> {
    fn run(self, wanted: Wanted) -> Result<Updated, MirrorError> {
        let current = self.store.current();
        let old_text = current.as_deref().and_then(ReleaseText::read);
        let old = old_text.as_ref().and_then(|text| text.parse().ok());
        let wanted = self.wanted(wanted, current.as_deref())?;
        let mut updated = Updated {
            changed: false,
            downloaded: 0,
            release: Arc::clone(&self.fresh.release),
        };
        if let (Some(current), true) = (&current, old_text.as_ref() == Some(&self.fresh.text)) {
            // the same state of the suite: only what is not there yet is added to it
            for index in &wanted {
                if !current.join(index.file_name()).is_file() {
                    updated.downloaded += self.fetch_into(index, current)?;
                    updated.changed = true;
                }
            }
            return Ok(updated);
        }
        let stage = self.store.stage()?;
        for index in &wanted {
            let reused = match (&current, &old) {
                (Some(current), Some(old)) => self.reuse(index, current, old, stage.path()),
                _ => false,
            };
            if !reused {
                updated.downloaded += self.fetch_into(index, stage.path())?;
                updated.changed = true;
            }
        }
        self.fresh.write(stage.path())?;
        self.store
            .commit(stage, &self.fresh.text.generation_name())?;
        Ok(updated)
    }

    /// The indexes to have in the end: those asked for, and those that are there already.
    fn wanted(
        &self,
        wanted: Wanted,
        current: Option<&Path>,
    ) -> Result<Vec<IndexName>, MirrorError> {
        let release = &self.fresh.release;
        let mut names = self.repository.indexes(SourceKind::Binary);
        if wanted == Wanted::PackagesAndSources {
            names.extend(self.repository.indexes(SourceKind::Source));
        }
        let mut kept = Vec::new();
        for name in names {
            if name.architecture.as_deref() == Some("all") {
                let has_all = release.architectures.iter().any(|other| other == "all");
                let counts = has_all && !release.no_support_for_architecture_all;
                if !counts || self.offers(&name).is_empty() {
                    continue;
                }
            } else if self.offers(&name).is_empty() {
                return Err(MirrorError::NotInRelease {
                    uri: shown(&self.repository.suite_uri()),
                    index: name.path,
                    components: release.components.join(", "),
                    architectures: release.architectures.join(", "),
                });
            }
            kept.push(name);
        }
        if let Some(current) = current {
            self.add_present(current, &mut kept);
        }
        Ok(kept)
    }

    /// Adds the indexes that other uses of this suite have fetched, so that they stay up to date.
    fn add_present(&self, current: &Path, names: &mut Vec<IndexName>) {
        for file in self.fresh.release.files() {
            let plain = ["Packages", "Sources"]
                .iter()
                .any(|end| file.path.ends_with(end));
            let name = IndexName {
                component: None,
                architecture: None,
                path: file.path.clone(),
            };
            let known = names.iter().any(|known| known.path == name.path);
            if plain && !known && current.join(name.file_name()).is_file() {
                names.push(name);
            }
        }
    }

    /// The forms that a suite offers an index in, smallest first.
    fn offers(&self, name: &IndexName) -> Vec<&ReleaseFile> {
        let endings = ["", ".xz", ".zst", ".gz", ".lz4"];
        let mut offers: Vec<_> = endings
            .iter()
            .filter_map(|end| self.fresh.release.file(&format!("{}{end}", name.path)))
            .collect();
        offers.sort_by_key(|offer| offer.size);
        offers
    }

    /// Takes an index over from the generation before, if it is the same; both then share the file.
    fn reuse(&self, name: &IndexName, current: &Path, old: &Release, stage: &Path) -> bool {
        let promised = self.fresh.release.file(&name.path);
        let same = promised.is_some() && promised == old.file(&name.path);
        let file = current.join(name.file_name());
        let whole = fs::metadata(&file)
            .is_ok_and(|metadata| promised.is_some_and(|file| file.size == metadata.len()));
        same && whole && fs::hard_link(&file, stage.join(name.file_name())).is_ok()
    }

    /// Fetches an index, and puts it unpacked into a directory; bytes as they came.
    fn fetch_into(&self, name: &IndexName, directory: &Path) -> Result<u64, MirrorError> {
        let uri = self.repository.suite_uri();
        let mut last = String::new();
        for offer in self.offers(name) {
            let partial = self.store.partial()?.join(offer.sha256.to_string());
            let urls = self.urls(&uri, offer);
            if let Some(content) = self.downloader.verified(&urls, offer, &partial)? {
                let url = format!("{}{}", shown(&uri), offer.path);
                let packed = content.len() as u64;
                let plain = self.unpack(name, offer, content, &partial, &url);
                // a file that does not hold what was promised is of no use the next time
                let _ = fs::remove_file(&partial);
                write_file(&directory.join(name.file_name()), &plain?)?;
                return Ok(packed);
            }
            last.clone_from(&offer.path);
        }
        Err(MirrorError::Missing {
            url: format!("{}{last}", shown(&uri)),
        })
    }

    /// Where a form of an index may be had, the name by hash first: it cannot change in between.
    fn urls(&self, uri: &str, offer: &ReleaseFile) -> Vec<String> {
        let mut urls = Vec::new();
        if self
            .repository
            .by_hash
            .unwrap_or(self.fresh.release.acquire_by_hash)
        {
            let directory = offer
                .path
                .rsplit_once('/')
                .map_or("", |(directory, _)| directory);
            let slash = if directory.is_empty() { "" } else { "/" };
            urls.push(format!(
                "{uri}{directory}{slash}by-hash/SHA256/{}",
                offer.sha256
            ));
        }
        urls.push(format!("{uri}{}", offer.path));
        urls
    }

    /// The plain index, verified once more where `Release` lists its plain form.
    fn unpack(
        &self,
        name: &IndexName,
        offer: &ReleaseFile,
        content: Bytes,
        partial: &Path,
        url: &str,
    ) -> Result<Bytes, MirrorError> {
        if offer.path == name.path {
            return Ok(content);
        }
        let promised = self.fresh.release.file(&name.path);
        let most = promised.map_or(self.limits.bytes, |file| file.size.min(self.limits.bytes));
        let limits = Limits {
            bytes: most,
            ..self.limits
        };
        let plain =
            index_file::open_with(partial, limits).map_err(|source| MirrorError::Unpack {
                url: url.to_owned(),
                source,
            })?;
        let Some(promised) = promised else {
            return Ok(plain);
        };
        let url = || format!("{url} (unpacked)");
        let (expected, found) = (promised.size, plain.len() as u64);
        if expected != found {
            return Err(MirrorError::WrongSize {
                url: url(),
                expected,
                found,
            });
        }
        let (expected, found) = (promised.sha256, sha256(&plain));
        if expected != found {
            return Err(MirrorError::WrongHash {
                url: url(),
                expected,
                found,
            });
        }
        Ok(plain)
    }
}
