//! Which index files there are, and fetching those that are not there.

use std::time::Instant;

use vclust_core::Release;
use vclust_debian::{
    AptConfiguration, IndexFile, Keyring, Mirror, MirrorOptions, OnProgress, Repository, SignedBy,
    SourceKind, Updated, Wanted,
};

use super::error::PackagesError;
use super::source::PackageSource;

/// What an update did to one suite.
#[derive(Debug)]
#[non_exhaustive]
pub struct SuiteUpdate {
    /// The suite.
    pub repository: Repository,
    /// What was fetched.
    pub updated: Updated,
    /// The index files of binary packages that there are now.
    pub files: Vec<IndexFile>,
    /// Seconds it took.
    pub seconds: f64,
}

impl PackageSource {
    /// The archive that is named, if one is.
    pub fn repository(&self, apt: &AptConfiguration) -> Result<Option<Repository>, PackagesError> {
        let (Some(mirror), Some(suite)) = (&self.mirror, &self.suite) else { return Ok(None) };
        let signed_by = match &self.keyring {
            Some(path) => SignedBy::parse(&path.display().to_string()),
            None => SignedBy::Trusted,
        };
        let keyring = Keyring { signed_by, trusted: apt.trusted_keyrings()? };
        let components: Vec<&str> = if suite.ends_with('/') {
            Vec::new()
        } else if self.components.is_empty() {
            vec!["main"]
        } else {
            self.components.iter().map(String::as_str).collect()
        };
        let architecture = self.architecture.as_deref().unwrap_or_else(|| apt.architecture());
        let mut repository = Repository::new(mirror, suite, &components, architecture, keyring);
        repository.architectures.extend(self.foreign_architectures.iter().cloned());
        Ok(Some(repository))
    }

    /// Fetches and verifies the indexes of a suite. If anything about it is wrong - its signature, its
    /// date, a hash, a size - the indexes of before stay.
    pub fn update(
        &self,
        repository: Repository,
        apt: &AptConfiguration,
        wanted: Wanted,
        on_progress: OnProgress<'_>,
    ) -> Result<SuiteUpdate, PackagesError> {
        let start = Instant::now();
        let mirror = self.mirror_of(&repository, apt)?;
        let updated = mirror.update(&repository, wanted, on_progress)?;
        let files = mirror.cached(&repository, SourceKind::Binary)?;
        Ok(SuiteUpdate { repository, updated, files, seconds: start.elapsed().as_secs_f64() })
    }

    fn mirror_of(
        &self,
        repository: &Repository,
        apt: &AptConfiguration,
    ) -> Result<Mirror, PackagesError> {
        let proxy = apt.proxy_for(&repository.uri);
        Ok(Mirror::new(self.state()?, MirrorOptions { proxy, ..MirrorOptions::default() }))
    }

    /// The index files of binary packages: those of the named archive, fetched if they are not there, or
    /// those of the machine's sources, of each suite vclust's own copy or apt's, whichever is newer.
    /// `packages_files` do not count here.
    pub fn index_files(
        &self,
        apt: &AptConfiguration,
        on_progress: OnProgress<'_>,
    ) -> Result<Vec<IndexFile>, PackagesError> {
        if let Some(repository) = self.repository(apt)? {
            let cached =
                self.mirror_of(&repository, apt)?.cached(&repository, SourceKind::Binary)?;
            if cached.is_empty() {
                return Ok(self.update(repository, apt, Wanted::Packages, on_progress)?.files);
            }
            return Ok(cached);
        }
        let of_apt = apt.lists(SourceKind::Binary)?;
        let mut files = Vec::new();
        for repository in Repository::of_machine(apt)? {
            let apts: Vec<&IndexFile> = of_apt
                .iter()
                .filter(|file| {
                    file.archive_uri == repository.uri && file.suite_name == repository.suite
                })
                .collect();
            let cached = match self.mirror_of(&repository, apt) {
                Ok(mirror) => mirror.cached(&repository, SourceKind::Binary).unwrap_or_default(),
                // Without a state directory there is nothing cached; apt's lists will do.
                Err(_) => Vec::new(),
            };
            let date = |release: &Release| release.date;
            let newer = match (cached.first(), apts.first()) {
                (Some(cached), Some(apts)) => date(&cached.release) >= date(&apts.release),
                (Some(_), None) => true,
                (None, _) => false,
            };
            if newer {
                files.extend(cached);
            } else {
                files.extend(apts.into_iter().cloned());
            }
        }
        Ok(files)
    }

    /// The index files of source packages: those of the named archive, fetched if they are not there, or
    /// those of the machine's sources.
    pub fn source_index_files(
        &self,
        apt: &AptConfiguration,
        on_progress: OnProgress<'_>,
    ) -> Result<Vec<IndexFile>, PackagesError> {
        let Some(repository) = self.repository(apt)? else {
            return Ok(apt.lists(SourceKind::Source)?);
        };
        let mirror = self.mirror_of(&repository, apt)?;
        let cached = mirror.cached(&repository, SourceKind::Source)?;
        if cached.is_empty() {
            self.update(repository.clone(), apt, Wanted::PackagesAndSources, on_progress)?;
            return Ok(mirror.cached(&repository, SourceKind::Source)?);
        }
        Ok(cached)
    }
}
