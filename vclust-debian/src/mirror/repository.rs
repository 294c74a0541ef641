//! What is fetched from where: one suite of one archive.

use std::path::PathBuf;

use crate::apt_configuration::{
    AptConfiguration, AptConfigurationError, AptSource, SignedBy, SourceKind, suite_uri,
    uri_to_file_name,
};
use crate::signature::Keyring;

/// Whether a suite must be signed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Trust {
    /// It must be signed by a key of its keyring.
    Signed,
    /// It is trusted as it is (`Trusted: yes`), such as a repository of this machine.
    Always,
}

/// Whether a suite that is out of date is refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Expiry {
    /// `Valid-Until` counts, and so does a `Date` in the future.
    Check,
    /// Neither counts (`Check-Valid-Until: no`), as archives of old releases need it.
    Ignore,
}

/// One suite of an archive, with the components and architectures wanted of it.
#[derive(Debug, Clone)]
pub struct Repository {
    /// Root of the archive; ends in `/`.
    pub uri: String,
    /// Name of the suite, or a path that ends in `/` where flat.
    pub suite: String,
    /// Components; none where flat.
    pub components: Vec<String>,
    /// Architectures of binary packages.
    pub architectures: Vec<String>,
    /// The keys that may sign.
    pub keyring: Keyring,
    /// Whether it must be signed.
    pub trust: Trust,
    /// Whether an expired one is refused.
    pub expiry: Expiry,
    /// Whether files are asked for by their digest; `None` leaves it to `Release`.
    pub by_hash: Option<bool>,
}

impl Repository {
    /// A suite that must be signed by a key in `keyring`.
    #[must_use]
    pub fn new(
        uri: &str,
        suite: &str,
        components: &[&str],
        architecture: &str,
        keyring: Keyring,
    ) -> Self {
        let slash = if uri.ends_with('/') { "" } else { "/" };
        Self {
            uri: format!("{uri}{slash}"),
            suite: suite.to_owned(),
            components: components.iter().map(|&name| name.to_owned()).collect(),
            architectures: vec![architecture.to_owned()],
            keyring,
            trust: Trust::Signed,
            expiry: Expiry::Check,
            by_hash: None,
        }
    }

    /// The suites of the machine's sources of binary packages, in their order; entries for the same
    /// suite are one.
    pub fn of_machine(apt: &AptConfiguration) -> Result<Vec<Self>, AptConfigurationError> {
        let trusted = apt.trusted_keyrings()?;
        let mut repositories: Vec<Self> = Vec::new();
        for source in apt.sources()? {
            if source.kind != SourceKind::Binary {
                continue;
            }
            let new = Self::from_source(&source, apt, trusted.clone());
            let known = repositories
                .iter_mut()
                .find(|known| known.uri == new.uri && known.suite == new.suite);
            match known {
                Some(known) => known.add(new),
                None => repositories.push(new),
            }
        }
        Ok(repositories)
    }

    /// The suite of one entry of the machine's sources.
    #[must_use]
    pub fn from_source(source: &AptSource, apt: &AptConfiguration, trusted: Vec<PathBuf>) -> Self {
        let conf = apt.conf();
        let check = |entry: Option<bool>, name| entry.unwrap_or_else(|| conf.boolean(name, true));
        let date = check(source.check_date, "Acquire::Check-Date");
        let valid = check(source.check_valid_until, "Acquire::Check-Valid-Until");
        Self {
            uri: source.uri.clone(),
            suite: source.suite.clone(),
            components: source.components.clone(),
            architectures: source.architectures_on(apt.architectures()),
            keyring: Keyring { signed_by: source.signed_by.clone(), trusted },
            trust: if source.trusted == Some(true) { Trust::Always } else { Trust::Signed },
            expiry: if date && valid { Expiry::Check } else { Expiry::Ignore },
            by_hash: source.by_hash,
        }
    }

    fn add(&mut self, other: Self) {
        for (mine, theirs) in [
            (&mut self.components, other.components),
            (&mut self.architectures, other.architectures),
        ] {
            for name in theirs {
                if !mine.contains(&name) {
                    mine.push(name);
                }
            }
        }
        if self.keyring.signed_by == SignedBy::Trusted {
            self.keyring = other.keyring;
        }
    }

    /// The directory of `Release`.
    #[must_use]
    pub fn suite_uri(&self) -> String {
        suite_uri(&self.uri, &self.suite)
    }

    /// Whether the indexes lie beside the packages.
    #[must_use]
    pub fn is_flat(&self) -> bool {
        self.suite.ends_with('/')
    }

    /// Name of its directory below `lists/`.
    pub(super) fn directory_name(&self) -> String {
        let name = uri_to_file_name(&self.suite_uri());
        let name = name.trim_end_matches('_').trim_start_matches(['_', '.']);
        if name.is_empty() { "root".to_owned() } else { name.to_owned() }
    }

    /// The indexes of one kind: where they are below the suite, without ending.
    pub(super) fn indexes(&self, kind: SourceKind) -> Vec<IndexName> {
        let flat = |name: &str| {
            vec![IndexName { component: None, architecture: None, path: name.to_owned() }]
        };
        match kind {
            SourceKind::Binary if self.is_flat() => flat("Packages"),
            SourceKind::Source if self.is_flat() => flat("Sources"),
            SourceKind::Source => self
                .components
                .iter()
                .map(|component| IndexName {
                    component: Some(component.clone()),
                    architecture: None,
                    path: format!("{component}/source/Sources"),
                })
                .collect(),
            SourceKind::Binary => {
                let mut architectures = self.architectures.clone();
                if !architectures.iter().any(|name| name == "all") {
                    architectures.push("all".to_owned());
                }
                let mut names = Vec::new();
                for component in &self.components {
                    for architecture in &architectures {
                        names.push(IndexName {
                            component: Some(component.clone()),
                            architecture: Some(architecture.clone()),
                            path: format!("{component}/binary-{architecture}/Packages"),
                        });
                    }
                }
                names
            }
        }
    }
}

/// One index of a suite.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct IndexName {
    pub(super) component: Option<String>,
    pub(super) architecture: Option<String>,
    /// Path below the suite, without the ending of a compression.
    pub(super) path: String,
}

impl IndexName {
    /// Name of its file among the suite's indexes.
    pub(super) fn file_name(&self) -> String {
        uri_to_file_name(&format!("x:{}", self.path))
    }
}
