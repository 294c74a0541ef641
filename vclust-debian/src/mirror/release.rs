//! Getting a suite's `Release` file, and deciding whether to believe it.

use std::fs;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use vclust_core::{Release, ReleaseError, clearsigned_payload};

use super::download::{Downloader, Small, sha256};
use super::error::{MirrorError, shown, span};
use super::fetch::Validators;
use super::repository::{Expiry, Repository, Trust};
use super::store::{SuiteStore, write_file};
use crate::signature::{Signed, verify};

/// How far ahead of this machine's clock a `Release` may be dated, in seconds.
const FUTURE_TOLERANCE: i64 = 3600;

/// Name of the file that keeps what recognises the version of the release file.
const VALIDATORS: &str = "validators";

/// The files that describe a suite, as they came.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum ReleaseText {
    /// `InRelease`.
    Inline(Vec<u8>),
    /// `Release`, and `Release.gpg` where there is one.
    Plain(Vec<u8>, Option<Vec<u8>>),
}

/// A suite's description, believed.
pub(super) struct SuiteRelease {
    pub(super) text: ReleaseText,
    pub(super) validators: Validators,
    pub(super) release: Arc<Release>,
}

impl ReleaseText {
    /// The files that a generation keeps.
    pub(super) fn read(generation: &Path) -> Option<Self> {
        if let Ok(text) = fs::read(generation.join("InRelease")) {
            return Some(Self::Inline(text));
        }
        let text = fs::read(generation.join("Release")).ok()?;
        Some(Self::Plain(text, fs::read(generation.join("Release.gpg")).ok()))
    }

    /// What was signed, as it is written in the file; nothing is verified.
    pub(super) fn parse(&self) -> Result<Release, ReleaseError> {
        match self {
            Self::Inline(text) | Self::Plain(text, _) => Release::parse(text),
        }
    }

    fn name(&self) -> &'static str {
        match self {
            Self::Inline(_) => "InRelease",
            Self::Plain(..) => "Release",
        }
    }

    /// A name for the generation that this describes.
    pub(super) fn generation_name(&self) -> String {
        let (Self::Inline(text) | Self::Plain(text, _)) = self;
        sha256(text).to_string()[..32].to_owned()
    }
}

impl SuiteRelease {
    /// Writes the files of the description into a generation.
    pub(super) fn write(&self, generation: &Path) -> Result<(), MirrorError> {
        match &self.text {
            ReleaseText::Inline(text) => write_file(&generation.join("InRelease"), text)?,
            ReleaseText::Plain(text, signature) => {
                write_file(&generation.join("Release"), text)?;
                if let Some(signature) = signature {
                    write_file(&generation.join("Release.gpg"), signature)?;
                }
            }
        }
        write_file(&generation.join(VALIDATORS), self.validators.to_text().as_bytes())
    }
}

/// Fetches the suite's description, verifies it, and checks that it is the suite that was asked for,
/// of an acceptable date, and no older than the one of the current generation.
pub(super) fn fetch_release(
    downloader: &Downloader<'_>,
    repository: &Repository,
    store: &SuiteStore,
    now: i64,
    timeout: Duration,
) -> Result<SuiteRelease, MirrorError> {
    let uri = repository.suite_uri();
    let current = store.current();
    let known = current.as_deref().and_then(ReleaseText::read);
    let (text, validators) = fetch_text(downloader, &uri, current.as_deref(), known.as_ref())?;
    let url = format!("{}{}", shown(&uri), text.name());
    let release = believed(&text, repository, &url, timeout)?;
    let old = known.as_ref().and_then(|known| known.parse().ok());
    check(&release, old.as_ref(), repository, &url, now, store)?;
    Ok(SuiteRelease { text, validators, release: Arc::new(release) })
}

/// The files of the description: the known ones if the server says that they are unchanged.
fn fetch_text(
    downloader: &Downloader<'_>,
    uri: &str,
    current: Option<&Path>,
    known: Option<&ReleaseText>,
) -> Result<(ReleaseText, Validators), MirrorError> {
    let validators = current
        .and_then(|path| fs::read_to_string(path.join(VALIDATORS)).ok())
        .map(|text| Validators::from_text(&text))
        .unwrap_or_default();
    let inline = matches!(known, Some(ReleaseText::Inline(_)));
    let plain = matches!(known, Some(ReleaseText::Plain(..)));
    match (downloader.small(&format!("{uri}InRelease"), inline.then_some(&validators))?, known) {
        (Small::Fetched(text, validators), _) => {
            return Ok((ReleaseText::Inline(text), validators));
        }
        (Small::NotModified, Some(known)) => return Ok((known.clone(), validators)),
        (Small::NotModified, None) | (Small::NotFound, _) => {}
    }
    let (text, new) =
        match (downloader.small(&format!("{uri}Release"), plain.then_some(&validators))?, known) {
            (Small::Fetched(text, validators), _) => (text, validators),
            (Small::NotModified, Some(known)) => return Ok((known.clone(), validators)),
            (Small::NotModified, None) | (Small::NotFound, _) => {
                return Err(MirrorError::NoRelease { uri: shown(uri) });
            }
        };
    let signature = match downloader.small(&format!("{uri}Release.gpg"), None)? {
        Small::Fetched(signature, _) => Some(signature),
        Small::NotModified | Small::NotFound => None,
    };
    Ok((ReleaseText::Plain(text, signature), new))
}

/// Verifies the signature, and parses what was signed.
fn believed(
    text: &ReleaseText,
    repository: &Repository,
    url: &str,
    timeout: Duration,
) -> Result<Release, MirrorError> {
    let malformed = |source| MirrorError::Release { url: url.to_owned(), source };
    let payload = match (repository.trust, text) {
        (Trust::Always, ReleaseText::Inline(text)) => {
            let payload = clearsigned_payload(text).map_err(|error| malformed(error.into()))?;
            payload.text.into_owned()
        }
        (Trust::Always, ReleaseText::Plain(text, _)) => text.clone(),
        (Trust::Signed, ReleaseText::Inline(text)) => {
            verify(Signed::Inline(text), &repository.keyring, url, timeout)?
        }
        (Trust::Signed, ReleaseText::Plain(text, Some(signature))) => {
            verify(Signed::Detached(text, signature), &repository.keyring, url, timeout)?
        }
        (Trust::Signed, ReleaseText::Plain(_, None)) => {
            return Err(MirrorError::Unsigned { uri: shown(&repository.suite_uri()) });
        }
    };
    let release = Release::parse(&payload).map_err(malformed)?;
    if release.files().is_empty() {
        return Err(MirrorError::NoHashes { url: url.to_owned() });
    }
    Ok(release)
}

fn check(
    release: &Release,
    old: Option<&Release>,
    repository: &Repository,
    url: &str,
    now: i64,
    store: &SuiteStore,
) -> Result<(), MirrorError> {
    let url = || url.to_owned();
    if !names_suite(release, repository) {
        let names = [&release.suite, &release.codename];
        let names: Vec<_> = names.into_iter().flatten().map(String::as_str).collect();
        let (asked, found) = (repository.suite.clone(), names.join("/"));
        return Err(MirrorError::WrongSuite { url: url(), asked, found });
    }
    if repository.expiry == Expiry::Check {
        if let Some(ahead) = release.date.map(|date| date - now).filter(|s| *s > FUTURE_TOLERANCE) {
            return Err(MirrorError::Future { url: url(), ahead: span(ahead) });
        }
        if let Some(ago) = release.valid_until.map(|until| now - until).filter(|s| *s > 0) {
            return Err(MirrorError::Expired { url: url(), ago: span(ago) });
        }
    }
    // a release that lost its date would otherwise pass as younger than any
    let old_date = old.and_then(|old| old.date);
    let date = release.date.unwrap_or(i64::MIN);
    if let Some(old_date) = old_date.filter(|old_date| date < *old_date) {
        return Err(MirrorError::Rollback {
            url: url(),
            older: span(old_date.saturating_sub(date.max(0))),
            directory: store.directory().to_owned(),
        });
    }
    Ok(())
}

/// Whether a release is of the suite that was asked for, under its suite's name or its codename.
fn names_suite(release: &Release, repository: &Repository) -> bool {
    let unnamed = release.suite.is_none() && release.codename.is_none();
    if repository.is_flat() || unnamed {
        return true;
    }
    let asked = repository.suite.as_str();
    let names = [release.suite.as_deref(), release.codename.as_deref()];
    // `buster/updates` called itself `buster`
    let short = asked.split_once('/').map_or(asked, |(first, _)| first);
    names.into_iter().flatten().any(|name| name == asked || name == short)
}
