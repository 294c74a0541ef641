//! Which package index files a command works on.

use std::time::Instant;

use vclust_core::Release;
use vclust_debian::{
    AptConfiguration, IndexFile, Keyring, Mirror, MirrorOptions, Repository, SignedBy, SourceKind,
    StateDirectory, Updated, Wanted,
};

use crate::arguments::Source;
use crate::failure::Failure;
use crate::progress::Bars;

/// What an update did to one suite.
pub(crate) struct SuiteUpdate {
    pub(crate) repository: Repository,
    pub(crate) updated: Updated,
    pub(crate) files: Vec<IndexFile>,
    pub(crate) seconds: f64,
}

/// The repository that `--mirror` and its companions name.
pub(crate) fn named_repository(
    source: &Source,
    apt: &AptConfiguration,
) -> Result<Option<Repository>, Failure> {
    let (Some(mirror), Some(suite)) = (&source.mirror, &source.suite) else { return Ok(None) };
    let signed_by = match &source.keyring {
        Some(path) => SignedBy::parse(&path.display().to_string()),
        None => SignedBy::Trusted,
    };
    let keyring = Keyring { signed_by, trusted: apt.trusted_keyrings()? };
    let components: Vec<&str> = if suite.ends_with('/') {
        Vec::new()
    } else if source.component.is_empty() {
        vec!["main"]
    } else {
        source.component.iter().map(String::as_str).collect()
    };
    let architecture = source.architecture.as_deref().unwrap_or_else(|| apt.architecture());
    let mut repository = Repository::new(mirror, suite, &components, architecture, keyring);
    repository.architectures.extend(source.foreign_architecture.iter().cloned());
    Ok(Some(repository))
}

/// Fetches the indexes of a repository, with progress on stderr.
pub(crate) fn update(
    repository: Repository,
    apt: &AptConfiguration,
    wanted: Wanted,
) -> Result<SuiteUpdate, Failure> {
    let start = Instant::now();
    let mirror = mirror_of(&repository, apt)?;
    let bars = Bars::new();
    let updated = mirror.update(&repository, wanted, &|progress| bars.report(progress));
    bars.clear();
    let updated = updated?;
    let files = mirror.cached(&repository, SourceKind::Binary)?;
    Ok(SuiteUpdate { repository, updated, files, seconds: start.elapsed().as_secs_f64() })
}

fn mirror_of(repository: &Repository, apt: &AptConfiguration) -> Result<Mirror, Failure> {
    let state = StateDirectory::locate()?;
    let proxy = apt.proxy_for(&repository.uri);
    Ok(Mirror::new(state, MirrorOptions { proxy, ..MirrorOptions::default() }))
}

/// The indexes of the named repository, fetched if they are not there, or those of the machine's
/// sources: of each suite vclust's own copy or apt's, whichever is newer.
pub(crate) fn index_files(
    source: &Source,
    apt: &AptConfiguration,
) -> Result<Vec<IndexFile>, Failure> {
    if let Some(repository) = named_repository(source, apt)? {
        let cached = mirror_of(&repository, apt)?.cached(&repository, SourceKind::Binary)?;
        if cached.is_empty() {
            return Ok(update(repository, apt, Wanted::Packages)?.files);
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
        let cached = match mirror_of(&repository, apt) {
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

/// The index files of source packages: those of the named repository, fetched if they are not there, or
/// those of the machine's sources.
pub(crate) fn source_index_files(
    source: &Source,
    apt: &AptConfiguration,
) -> Result<Vec<IndexFile>, Failure> {
    let Some(repository) = named_repository(source, apt)? else {
        return Ok(apt.lists(SourceKind::Source)?);
    };
    let mirror = mirror_of(&repository, apt)?;
    let cached = mirror.cached(&repository, SourceKind::Source)?;
    if cached.is_empty() {
        update(repository.clone(), apt, Wanted::PackagesAndSources)?;
        return Ok(mirror.cached(&repository, SourceKind::Source)?);
    }
    Ok(cached)
}
