//! From a suite's description that is believed to its indexes on disk.

use std::fs;
use std::path::Path;
use std::sync::Arc;

use bytes::Bytes;
use vclust_core::{Release, ReleaseFile};

use super::download::{Downloader, sha256};
use super::error::{MirrorError, shown};
use super::release::{ReleaseText, SuiteRelease};
use super::repository::{IndexName, Repository};
use super::store::{SuiteStore, write_file};
use super::{Updated, Wanted};
use crate::apt_configuration::SourceKind;
use crate::index_file::{self, Limits};

/// One update under way, with the suite's description known and believed.
pub(super) struct Update<'a> {
    pub(super) repository: &'a Repository,
    pub(super) downloader: Downloader<'a>,
    pub(super) store: SuiteStore,
    pub(super) fresh: SuiteRelease,
    pub(super) limits: Limits,
}

impl Update<'_> {
    /// Makes the generation that the suite's description describes the current one.
    pub(super) fn run(self, wanted: Wanted) -> Result<Updated, MirrorError> {
        let current = self.store.current();
        let old_text = current.as_deref().and_then(ReleaseText::read);
        let old = old_text.as_ref().and_then(|text| text.parse().ok());
        let wanted = self.wanted(wanted, current.as_deref())?;
        let mut updated =
            Updated { changed: false, downloaded: 0, release: Arc::clone(&self.fresh.release) };
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
        self.store.commit(stage, &self.fresh.text.generation_name())?;
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
            let plain = ["Packages", "Sources"].iter().any(|end| file.path.ends_with(end));
            let name = IndexName { component: None, architecture: None, path: file.path.clone() };
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
        Err(MirrorError::Missing { url: format!("{}{last}", shown(&uri)) })
    }

    /// Where a form of an index may be had, the name by hash first: it cannot change in between.
    fn urls(&self, uri: &str, offer: &ReleaseFile) -> Vec<String> {
        let mut urls = Vec::new();
        if self.repository.by_hash.unwrap_or(self.fresh.release.acquire_by_hash) {
            let directory = offer.path.rsplit_once('/').map_or("", |(directory, _)| directory);
            let slash = if directory.is_empty() { "" } else { "/" };
            urls.push(format!("{uri}{directory}{slash}by-hash/SHA256/{}", offer.sha256));
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
        let limits = Limits { bytes: most, ..self.limits };
        let plain = index_file::open_with(partial, limits)
            .map_err(|source| MirrorError::Unpack { url: url.to_owned(), source })?;
        let Some(promised) = promised else {
            return Ok(plain);
        };
        let url = || format!("{url} (unpacked)");
        let (expected, found) = (promised.size, plain.len() as u64);
        if expected != found {
            return Err(MirrorError::WrongSize { url: url(), expected, found });
        }
        let (expected, found) = (promised.sha256, sha256(&plain));
        if expected != found {
            return Err(MirrorError::WrongHash { url: url(), expected, found });
        }
        Ok(plain)
    }
}
