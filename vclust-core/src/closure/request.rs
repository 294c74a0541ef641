//! What a user asks for, as apt's command line takes it: `name`, `name=version`, `name/suite`,
//! `name:architecture`, and `name-` to remove.

use std::fmt;

use crate::index::{Index, PackageView, VersionId};
use crate::pin::{Pattern, Suite};
use crate::policy::Policy;

use super::error::ResolveError;

/// Whether a package is to be there or not.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Action {
    /// Install or upgrade it.
    Install,
    /// Remove it, or see that it is not installed.
    Remove,
}

/// Which version of a package is meant.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum Selector {
    /// The candidate.
    Candidate,
    /// `=version`
    Version(String),
    /// `/suite`, by archive name or codename
    Suite(String),
}

/// One package of a request.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct RequestItem {
    /// Name of a package, real or virtual.
    pub name: String,
    /// Architecture, if one was named.
    pub architecture: Option<String>,
    /// Which version.
    pub selector: Selector,
    /// What to do.
    pub action: Action,
}

impl RequestItem {
    /// Reads an item as apt does: a `-` or `+` at the end is an action, unless a package of that
    /// very name exists, as `g++` does, and has the version or suite asked for.
    #[must_use]
    pub fn parse(index: &Index, text: &str) -> Self {
        let whole = Self::without_action(text);
        let (body, action) = match (text.strip_suffix('-'), text.strip_suffix('+')) {
            (Some(body), _) => (body, Action::Remove),
            (_, Some(body)) => (body, Action::Install),
            _ => return whole,
        };
        if body.is_empty() || whole.is_found(index) {
            return whole;
        }
        Self { action, ..Self::without_action(body) }
    }

    fn without_action(text: &str) -> Self {
        let (package, selector) = match text.rfind(['/', '=']) {
            None => (text, Selector::Candidate),
            Some(at) => {
                let value = text[at + 1..].to_owned();
                let selector = if text.as_bytes()[at] == b'/' {
                    Selector::Suite(value)
                } else {
                    Selector::Version(value)
                };
                (&text[..at], selector)
            }
        };
        let (name, architecture) = match package.rsplit_once(':') {
            Some((name, architecture)) => (name, Some(architecture.to_owned())),
            None => (package, None),
        };
        Self { name: name.to_owned(), architecture, selector, action: Action::Install }
    }

    /// The version that the item means.
    pub(super) fn select(&self, index: &Index, policy: &Policy) -> Result<VersionId, ResolveError> {
        let Some(package) = self.package(index) else {
            return self.select_virtual(index, policy);
        };
        let found = match (&self.selector, self.action) {
            (Selector::Candidate, Action::Remove) => package.versions().next(),
            (Selector::Candidate, Action::Install) => {
                policy.candidate(index, package.id()).map(|id| index.version(id))
            }
            (Selector::Version(text), _) => match text.as_str() {
                "installed" => package.installed(),
                "candidate" => policy.candidate(index, package.id()).map(|id| index.version(id)),
                "newest" => package.versions().next(),
                text => {
                    package.versions().find(|version| version_matches(&version.version(), text))
                }
            },
            (Selector::Suite(suite), _) => {
                let in_suite = |version: &crate::index::VersionView<'_>| {
                    version.files().any(|file| is_called(&file.suite, suite))
                };
                package.versions().find(in_suite)
            }
        };
        match found {
            Some(version) => Ok(version.id()),
            None if self.selector == Selector::Candidate => self.select_virtual(index, policy),
            None => Err(ResolveError::NoSuchVersion {
                package: self.name.clone(),
                wanted: self.to_string(),
                available: package.versions().map(|version| version.version().into()).collect(),
            }),
        }
    }

    /// A virtual package stands for its provider, if there is just one.
    fn select_virtual(&self, index: &Index, policy: &Policy) -> Result<VersionId, ResolveError> {
        let mut providers: Vec<VersionId> = Vec::new();
        if let Some(name) = index.name_id(self.name.as_bytes()) {
            for (provider, provided) in index.native_providers(name) {
                let package = index.version_record(provider).package;
                let fits = match &self.selector {
                    Selector::Candidate => policy.candidate(index, package) == Some(provider),
                    Selector::Version(text) => provided == Some(text.as_bytes()),
                    Selector::Suite(suite) => {
                        index.version(provider).files().any(|file| is_called(&file.suite, suite))
                    }
                };
                if fits {
                    providers.push(provider);
                }
            }
        }
        let name_of = |version: VersionId| index.name_of(index.version_record(version).package);
        match providers.first() {
            Some(first) if providers.iter().all(|other| name_of(*other) == name_of(*first)) => {
                Ok(*first)
            }
            Some(_) => {
                let mut names: Vec<String> =
                    providers.iter().map(|id| index.version(*id).name().into_owned()).collect();
                names.sort();
                names.dedup();
                Err(ResolveError::Virtual { package: self.name.clone(), providers: names })
            }
            None => {
                if index.find(&self.name).is_some() && self.architecture.is_none() {
                    return Err(ResolveError::NoCandidate { package: self.name.clone() });
                }
                Err(self.unknown(index))
            }
        }
    }

    fn is_found(&self, index: &Index) -> bool {
        let Some(package) = self.package(index) else { return false };
        match &self.selector {
            Selector::Candidate => true,
            Selector::Version(text) => {
                package.versions().any(|version| version_matches(&version.version(), text))
            }
            Selector::Suite(suite) => package
                .versions()
                .any(|version| version.files().any(|file| is_called(&file.suite, suite))),
        }
    }

    fn package<'a>(&self, index: &'a Index) -> Option<PackageView<'a>> {
        match &self.architecture {
            Some(architecture) => index.find_on(&self.name, architecture),
            None => index.find(&self.name),
        }
    }

    /// Whether a package or a provider of the item's name exists.
    pub(super) fn exists(&self, index: &Index) -> bool {
        index.name_id(self.name.as_bytes()).is_some()
    }

    pub(super) fn unknown(&self, index: &Index) -> ResolveError {
        ResolveError::Unknown {
            package: self.to_string(),
            similar: index.similar_names(&self.name),
        }
    }
}

impl fmt::Display for RequestItem {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.name)?;
        if let Some(architecture) = &self.architecture {
            write!(formatter, ":{architecture}")?;
        }
        match &self.selector {
            Selector::Candidate => {}
            Selector::Version(version) => write!(formatter, "={version}")?,
            Selector::Suite(suite) => write!(formatter, "/{suite}")?,
        }
        if self.action == Action::Remove {
            formatter.write_str("-")?;
        }
        Ok(())
    }
}

/// apt's match for `=version`: equal text, or a pattern with `*` and `?`.
fn version_matches(version: &str, wanted: &str) -> bool {
    version == wanted || Pattern::parse(wanted).is_ok_and(|pattern| pattern.matches(version))
}

/// Whether a suite's archive name, codename or version is the one a request names.
pub(super) fn is_called(suite: &Suite, wanted: &str) -> bool {
    let Ok(pattern) = Pattern::parse(wanted) else { return false };
    let matches = |name: &Option<String>| name.as_deref().is_some_and(|name| pattern.matches(name));
    let by_version = wanted.starts_with(|first: char| first.is_ascii_digit());
    matches(&suite.archive) || matches(&suite.codename) || by_version && matches(&suite.version)
}

impl Index {
    /// Whether a package is, or provides, that name.
    #[must_use]
    pub fn knows(&self, name: &str) -> bool {
        self.name_id(name.as_bytes()).is_some()
    }

    /// Names close to a mistyped one, best first.
    #[must_use]
    pub fn similar_names(&self, name: &str) -> Vec<String> {
        let mut scored: Vec<(f64, String)> = self
            .packages()
            .filter_map(|package| {
                let candidate = package.name();
                // Cheap filter first: the archive has sixty thousand names.
                if candidate.len().abs_diff(name.len()) > 1 + name.len() / 3 {
                    return None;
                }
                let similarity = strsim::normalized_damerau_levenshtein(name, &candidate);
                (similarity >= 0.7).then(|| (similarity, candidate.into_owned()))
            })
            .collect();
        scored.sort_by(|a, b| b.0.total_cmp(&a.0).then_with(|| a.1.cmp(&b.1)));
        scored.dedup_by(|a, b| a.1 == b.1);
        scored.into_iter().take(5).map(|(_, name)| name).collect()
    }
}
