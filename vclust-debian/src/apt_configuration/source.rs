//! Where packages come from: the entries of sources.list(5), in either format.

use std::fmt;
use std::path::PathBuf;

use super::AptConfigurationError;

/// The kind of an entry.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum SourceKind {
    /// `deb`: binary packages.
    Binary,
    /// `deb-src`: source packages.
    Source,
}

/// Where an entry was read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Location {
    /// The file.
    pub path: PathBuf,
    /// Line number, from 1.
    pub line: usize,
}

impl fmt::Display for Location {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{}:{}", self.path.display(), self.line)
    }
}

/// The keys that may sign a source (`Signed-By`).
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub enum SignedBy {
    /// The machine's trusted keyrings.
    #[default]
    Trusted,
    /// Keyring files, and fingerprints of keys (hexadecimal, upper case) in the trusted keyrings
    /// or in these files; with fingerprints, no other key will do.
    Keys {
        /// Keyring files; empty for the machine's trusted ones.
        files: Vec<PathBuf>,
        /// Fingerprints of keys or subkeys.
        fingerprints: Vec<String>,
    },
    /// A block of armored keys in the source itself.
    Embedded(String),
}

impl SignedBy {
    /// Reads the value of `Signed-By`: paths and fingerprints, or an armored block.
    #[must_use]
    pub fn parse(value: &str) -> Self {
        if value.contains("-----BEGIN PGP PUBLIC KEY BLOCK-----") {
            // within deb822, an empty line is written as a dot
            let lines =
                value.lines().map(str::trim).map(|line| if line == "." { "" } else { line });
            return Self::Embedded(lines.fold(String::new(), |text, line| text + line + "\n"));
        }
        let mut files = Vec::new();
        let mut fingerprints = Vec::new();
        for word in value.split([',', ' ', '\t', '\n']).filter(|word| !word.is_empty()) {
            if word.starts_with('/') {
                files.push(PathBuf::from(word));
            } else {
                fingerprints.push(word.trim_end_matches('!').to_ascii_uppercase());
            }
        }
        if files.is_empty() && fingerprints.is_empty() {
            return Self::Trusted;
        }
        Self::Keys { files, fingerprints }
    }
}

/// One source: an archive, a suite in it, and components.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AptSource {
    /// Binary or source packages.
    pub kind: SourceKind,
    /// Root of the archive; ends in `/`.
    pub uri: String,
    /// Name of the suite, or, in a flat repository, a path that ends in `/`.
    pub suite: String,
    /// Components; none in a flat repository.
    pub components: Vec<String>,
    /// Architectures of the entry; `None` stands for those of the machine.
    pub architectures: Option<Vec<String>>,
    /// Architectures added to the entry's or the machine's (`arch+=`).
    pub architectures_added: Vec<String>,
    /// Architectures taken out (`arch-=`).
    pub architectures_removed: Vec<String>,
    /// Keys that may sign.
    pub signed_by: SignedBy,
    /// `Trusted`: `Some(true)` needs no signature, `Some(false)` is untrusted in spite of one.
    pub trusted: Option<bool>,
    /// `Check-Valid-Until`; `None` leaves it to the configuration.
    pub check_valid_until: Option<bool>,
    /// `Check-Date`; `None` leaves it to the configuration.
    pub check_date: Option<bool>,
    /// `By-Hash`; `None` leaves it to the `Release` file.
    pub by_hash: Option<bool>,
    /// Where the entry was read.
    pub location: Location,
}

impl AptSource {
    /// Whether the indexes lie beside the packages, without `dists/` and components.
    #[must_use]
    pub fn is_flat(&self) -> bool {
        self.suite.ends_with('/')
    }

    /// The directory of `Release`: `URI/dists/SUITE/`, or `URI/SUITE` where flat.
    #[must_use]
    pub fn suite_uri(&self) -> String {
        suite_uri(&self.uri, &self.suite)
    }

    /// The architectures of the entry on a machine that has these.
    #[must_use]
    pub fn architectures_on(&self, machine: &[String]) -> Vec<String> {
        let mut names = self.architectures.clone().unwrap_or_else(|| machine.to_vec());
        for added in &self.architectures_added {
            if !names.contains(added) {
                names.push(added.clone());
            }
        }
        names.retain(|name| !self.architectures_removed.contains(name));
        names
    }
}

/// As [`AptSource::suite_uri`], for an archive's root that ends in `/`.
pub(crate) fn suite_uri(uri: &str, suite: &str) -> String {
    match suite {
        "/" => uri.to_owned(),
        flat if flat.ends_with('/') => format!("{uri}{}", flat.trim_start_matches('/')),
        suite => format!("{uri}dists/{suite}/"),
    }
}

/// What both formats say about an entry, before it is spread over URIs and suites.
#[derive(Debug, Clone)]
pub(super) struct Draft {
    pub(super) kinds: Vec<SourceKind>,
    pub(super) uris: Vec<String>,
    pub(super) suites: Vec<String>,
    pub(super) components: Vec<String>,
    pub(super) options: Vec<(String, OptionOperator, String)>,
    pub(super) location: Location,
}

/// How an option's value relates to the default: `=`, `+=` or `-=`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum OptionOperator {
    Set,
    Add,
    Remove,
}

/// Entries that one line or stanza may stand for: many times what anybody writes, and few enough
/// that a file takes memory in proportion to its length.
const ENTRIES: usize = 256;

impl Draft {
    /// The entries, one for each kind, URI and suite; at most [`ENTRIES`].
    pub(super) fn finish(
        self,
        architecture: &str,
    ) -> Result<Vec<AptSource>, AptConfigurationError> {
        let invalid = |reason: String| AptConfigurationError::Source {
            location: self.location.clone(),
            reason,
        };
        let each = [self.kinds.len(), self.uris.len(), self.suites.len()];
        let entries = each.into_iter().fold(1, usize::saturating_mul);
        if entries > ENTRIES {
            let reason = format!("it stands for {entries} entries; {ENTRIES} are the most");
            return Err(invalid(reason + ": write several stanzas"));
        }
        let mut sources = Vec::new();
        for kind in &self.kinds {
            for uri in &self.uris {
                if !uri.contains(':') {
                    return Err(invalid(format!("`{uri}` is no URI")));
                }
                for suite in &self.suites {
                    let mut source = AptSource {
                        kind: *kind,
                        uri: with_slash(uri),
                        suite: suite.replace("$(ARCH)", architecture),
                        components: self.components.clone(),
                        architectures: None,
                        architectures_added: Vec::new(),
                        architectures_removed: Vec::new(),
                        signed_by: SignedBy::Trusted,
                        trusted: None,
                        check_valid_until: None,
                        check_date: None,
                        by_hash: None,
                        location: self.location.clone(),
                    };
                    match (source.is_flat(), source.components.is_empty()) {
                        (true, false) => {
                            let reason = "a suite that ends in `/` is flat and has no components";
                            return Err(invalid(reason.into()));
                        }
                        (false, true) => {
                            let reason = format!("the suite `{suite}` needs a component");
                            return Err(invalid(reason + ", such as `main`"));
                        }
                        _ => {}
                    }
                    for (name, operator, value) in &self.options {
                        source.apply(name, *operator, value);
                    }
                    sources.push(source);
                }
            }
        }
        Ok(sources)
    }
}

impl AptSource {
    fn apply(&mut self, name: &str, operator: OptionOperator, value: &str) {
        let words = || {
            let words = value.split([',', ' ', '\t', '\n']);
            words.filter(|word| !word.is_empty()).map(str::to_owned).collect::<Vec<_>>()
        };
        match (name, operator) {
            ("arch" | "architectures", OptionOperator::Set) => self.architectures = Some(words()),
            ("arch" | "architectures", OptionOperator::Add) => self.architectures_added = words(),
            ("arch" | "architectures", OptionOperator::Remove) => {
                self.architectures_removed = words();
            }
            ("signed-by", OptionOperator::Set) => self.signed_by = SignedBy::parse(value),
            ("trusted", _) => self.trusted = boolean(value),
            ("check-valid-until", _) => self.check_valid_until = boolean(value),
            ("check-date", _) => self.check_date = boolean(value),
            // `force` tries names by hash even where Release does not promise them
            ("by-hash", _) if value.eq_ignore_ascii_case("force") => self.by_hash = Some(true),
            ("by-hash", _) => self.by_hash = boolean(value),
            _ => {}
        }
    }
}

fn with_slash(uri: &str) -> String {
    let mut uri = uri.to_owned();
    if !uri.ends_with('/') {
        uri.push('/');
    }
    uri
}

pub(super) fn boolean(value: &str) -> Option<bool> {
    match value.to_ascii_lowercase().as_str() {
        "yes" | "true" | "with" | "on" | "enable" | "1" => Some(true),
        "no" | "false" | "without" | "off" | "disable" | "0" => Some(false),
        _ => None,
    }
}

pub(super) fn kind(word: &str) -> Option<SourceKind> {
    match word {
        "deb" => Some(SourceKind::Binary),
        "deb-src" => Some(SourceKind::Source),
        _ => None,
    }
}
