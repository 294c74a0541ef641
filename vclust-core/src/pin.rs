//! Pins, the entries of `apt_preferences(5)`, as plain data with apt's own rules of matching.
//!
//! A pin says which packages it is about ([`PackagePattern`]), which of their versions
//! ([`PinSelector`]), and the priority these get. Which pin wins is the candidate rule's affair;
//! here is only what each one matches.

use std::fmt;

use regex::{Regex, RegexBuilder};
use thiserror::Error;

/// What `Release` files and the sources say about where a version comes from.
#[derive(Debug, Clone, Default, PartialEq, Eq, Hash)]
pub struct Suite {
    /// `Suite` of the `Release` file, such as `stable`; `now` for dpkg's status.
    pub archive: Option<String>,
    /// `Codename`, such as `bookworm`.
    pub codename: Option<String>,
    /// `Origin`, such as `Debian`.
    pub origin: Option<String>,
    /// `Label`, such as `Debian-Security`.
    pub label: Option<String>,
    /// Component, such as `main`; a flat repository has none.
    pub component: Option<String>,
    /// `Version`, such as `12.10`.
    pub version: Option<String>,
    /// Host the index came from; empty for files of this machine.
    pub site: String,
    /// Architecture of the index; `None` where the index does not say.
    pub architecture: Option<String>,
    /// `NotAutomatic: yes`: priority 1 unless pinned.
    pub not_automatic: bool,
    /// `ButAutomaticUpgrades: yes`: priority 100 rather than 1.
    pub but_automatic_upgrades: bool,
}

/// One pin.
#[derive(Debug, Clone, PartialEq)]
pub struct Pin {
    /// The packages it is about.
    pub packages: PackagePattern,
    /// Which of their versions.
    pub selector: PinSelector,
    /// Priority of these versions.
    pub priority: i32,
}

impl Pin {
    /// Whether this pin is about `version` of the package, as it is found in `suite`.
    #[must_use]
    pub fn matches(&self, package: &PinTarget<'_>, version: &str, suite: &Suite) -> bool {
        self.packages.matches(package) && self.selector.matches(version, suite)
    }
}

/// A package that pins are asked about.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PinTarget<'a> {
    /// Its name.
    pub package: &'a str,
    /// Name of its source package.
    pub source: &'a str,
    /// Its architecture.
    pub architecture: &'a str,
    /// The architecture of the system.
    pub native: &'a str,
}

/// The `Package` of a pin: one word of the field.
#[derive(Debug, Clone, PartialEq)]
pub struct PackagePattern {
    text: Pattern,
    all: bool,
    source: bool,
    architecture: Option<String>,
}

impl PackagePattern {
    /// The pattern of `Package: *`, which makes a pin the default of the versions it selects.
    #[must_use]
    pub fn all() -> Self {
        let text = Pattern {
            text: "*".into(),
            regex: None,
        };
        Self {
            text,
            all: true,
            source: false,
            architecture: None,
        }
    }

    /// Parses one word: a name, a glob, `/regex/`, each with `src:` before it or `:arch` behind it.
    pub fn parse(word: &str) -> Result<Self, PatternError> {
        let (source, word) = match word.strip_prefix("src:") {
            Some(rest) => (true, rest),
            None => (false, word),
        };
        let (word, architecture) = match word.rsplit_once(':') {
            Some((name, architecture)) if !architecture.contains(['/', ']']) => {
                (name, Some(architecture.to_owned()))
            }
            _ => (word, None),
        };
        Ok(Self {
            text: Pattern::parse(word)?,
            all: false,
            source,
            architecture,
        })
    }

    /// Whether this is `Package: *`.
    #[must_use]
    pub fn is_all(&self) -> bool {
        self.all
    }

    /// Whether this names exactly one package rather than a glob or a regular expression.
    #[must_use]
    pub fn is_exact(&self) -> bool {
        !self.all && !self.text.is_pattern()
    }

    /// Whether this is about source packages (`src:`).
    #[must_use]
    pub fn is_source(&self) -> bool {
        self.source
    }

    /// Whether a package is meant. Without an architecture, the native one is.
    #[must_use]
    pub fn matches(&self, target: &PinTarget<'_>) -> bool {
        if self.all {
            return true;
        }
        let architecture = match self.architecture.as_deref() {
            None | Some("native") => target.native,
            Some(architecture) => architecture,
        };
        let here = if target.architecture == "all" {
            target.native
        } else {
            target.architecture
        };
        let name = if self.source {
            target.source
        } else {
            target.package
        };
        let name_matches = if self.is_exact() {
            self.text.text == name
        } else {
            self.text.matches(name)
        };
        (architecture == "any" || architecture == here) && name_matches
    }
}

/// The `Pin` of a pin.
#[derive(Debug, Clone, PartialEq)]
pub enum PinSelector {
    /// `version 5.30*`: the version itself.
    Version(Pattern),
    /// `origin "deb.example"`: the host; an empty one is this machine.
    Site(Pattern),
    /// `release a=..,n=..`: all that is given must match.
    Release(Box<ReleasePattern>),
    /// `release *`.
    Everything,
}

impl PinSelector {
    /// Whether a version found in a suite is selected.
    #[must_use]
    pub fn matches(&self, version: &str, suite: &Suite) -> bool {
        match self {
            Self::Version(pattern) => pattern.matches(version),
            Self::Site(pattern) => pattern.matches(&suite.site),
            Self::Release(pattern) => pattern.matches(suite),
            Self::Everything => true,
        }
    }

    /// Whether the selector looks at the version itself rather than at where it comes from.
    #[must_use]
    pub fn is_version(&self) -> bool {
        matches!(self, Self::Version(_))
    }
}

/// The conditions of `Pin: release`; those that are given must all hold.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct ReleasePattern {
    /// `a=`: the archive.
    pub archive: Option<Pattern>,
    /// `n=`: the codename.
    pub codename: Option<Pattern>,
    /// A bare word, as in `release stable`: the archive or the codename.
    pub archive_or_codename: Option<Pattern>,
    /// `o=`: the origin.
    pub origin: Option<Pattern>,
    /// `l=`: the label.
    pub label: Option<Pattern>,
    /// `c=`: the component.
    pub component: Option<Pattern>,
    /// `v=`: the version of the release.
    pub version: Option<Pattern>,
    /// `b=`: the architecture.
    pub architecture: Option<Pattern>,
}

impl ReleasePattern {
    /// Whether a suite satisfies all that is given; a pattern that gives nothing matches nothing.
    #[must_use]
    pub fn matches(&self, suite: &Suite) -> bool {
        let holds = |pattern: &Option<Pattern>, value: &Option<String>| match pattern {
            None => true,
            Some(pattern) => value.as_deref().is_some_and(|value| pattern.matches(value)),
        };
        let either = self.archive_or_codename.is_none()
            || holds(&self.archive_or_codename, &suite.archive)
            || holds(&self.archive_or_codename, &suite.codename);
        *self != Self::default()
            && either
            && holds(&self.archive, &suite.archive)
            && holds(&self.codename, &suite.codename)
            && holds(&self.origin, &suite.origin)
            && holds(&self.label, &suite.label)
            && holds(&self.component, &suite.component)
            && holds(&self.version, &suite.version)
            && holds(&self.architecture, &suite.architecture)
    }
}

/// A glob (`*`, `?`, `[..]`) or, between slashes, an extended regular expression.
///
/// As in apt, both ignore case; a glob covers the whole text, an expression any part of it.
#[derive(Clone)]
pub struct Pattern {
    text: String,
    regex: Option<Regex>,
}

/// A pattern that cannot be compiled.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error("`{pattern}` is no valid pattern: {reason}")]
pub struct PatternError {
    /// The pattern.
    pub pattern: String,
    /// What the regular expression compiler says.
    pub reason: String,
}

impl Pattern {
    /// Compiles a pattern.
    pub fn parse(text: &str) -> Result<Self, PatternError> {
        let inner = text
            .strip_prefix('/')
            .and_then(|rest| rest.strip_suffix('/'));
        let expression = match inner {
            Some(inner) => inner.to_owned(),
            None if text.contains(['*', '?', '[', '\\']) => glob_to_regex(text),
            None => {
                return Ok(Self {
                    text: text.to_owned(),
                    regex: None,
                });
            }
        };
        let regex = RegexBuilder::new(&expression)
            .case_insensitive(true)
            .dot_matches_new_line(true)
            .size_limit(1 << 20)
            .build()
            .map_err(|error| PatternError {
                pattern: text.to_owned(),
                reason: error.to_string(),
            })?;
        Ok(Self {
            text: text.to_owned(),
            regex: Some(regex),
        })
    }

    /// Whether a text matches.
    #[must_use]
    pub fn matches(&self, text: &str) -> bool {
        match &self.regex {
            Some(regex) => regex.is_match(text),
            None => self.text.eq_ignore_ascii_case(text),
        }
    }

    /// The pattern as written.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.text
    }

    fn is_pattern(&self) -> bool {
        self.regex.is_some()
    }
}

impl PartialEq for Pattern {
    fn eq(&self, other: &Self) -> bool {
        self.text == other.text
    }
}

impl fmt::Debug for Pattern {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "Pattern({:?})", self.text)
    }
}

/// The regular expression that matches what fnmatch(3) would.
fn glob_to_regex(glob: &str) -> String {
    let mut regex = String::from("^");
    let mut rest = glob.chars();
    while let Some(character) = rest.next() {
        match character {
            '*' => regex.push_str(".*"),
            '?' => regex.push('.'),
            '[' => {
                let tail = rest.as_str();
                // a `]` that comes first belongs to the set
                let skip = usize::from(tail.starts_with(['!', '^']));
                let first = skip + usize::from(tail[skip..].starts_with(']'));
                match tail[first..].find(']') {
                    Some(end) => {
                        let set = &tail[skip..first + end];
                        regex.push_str(if skip == 1 { "[^" } else { "[" });
                        for member in set.chars() {
                            if matches!(member, '\\' | '[' | ']' | '^' | '&' | '~') {
                                regex.push('\\');
                            }
                            regex.push(member);
                        }
                        regex.push(']');
                        rest = tail[first + end + 1..].chars();
                    }
                    None => regex.push_str("\\["),
                }
            }
            '\\' => {
                let literal = rest.next().unwrap_or('\\');
                regex.push_str(&regex::escape(literal.encode_utf8(&mut [0; 4])));
            }
            other => regex.push_str(&regex::escape(other.encode_utf8(&mut [0; 4]))),
        }
    }
    regex.push('$');
    regex
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn target(package: &str) -> PinTarget<'_> {
        PinTarget {
            package,
            source: "perl",
            architecture: "amd64",
            native: "amd64",
        }
    }

    #[test]
    fn names_globs_and_expressions_match_as_in_apt() {
        for (pattern, package, expected) in [
            ("perl", "perl", true),
            ("perl", "perl-base", false),
            ("perl*", "perl-base", true),
            ("lib?", "libx", true),
            ("lib[a-c]", "libb", true),
            ("lib[!a-c]", "libb", false),
            ("/^lib.*-dev$/", "libx-dev", true),
            ("/erl/", "perl", true),
            ("g++*", "g++-12", true),
            ("src:perl", "anything", true),
            ("perl:arm64", "perl", false),
            ("perl:any", "perl", true),
        ] {
            let pattern = PackagePattern::parse(pattern).unwrap();
            assert_eq!(
                pattern.matches(&target(package)),
                expected,
                "{pattern:?} {package}"
            );
        }
        assert!(PackagePattern::all().matches(&target("x")));
        assert!(PackagePattern::parse("/(/").is_err());
    }

    #[test]
    fn release_conditions_must_all_hold() {
        let suite = Suite {
            archive: Some("stable".into()),
            codename: Some("bookworm".into()),
            origin: Some("Debian".into()),
            version: Some("12.10".into()),
            ..Suite::default()
        };
        let pattern = |text: &str| Some(Pattern::parse(text).unwrap());
        let with = |archive, origin| ReleasePattern {
            archive,
            origin,
            ..Default::default()
        };
        assert!(with(pattern("stable"), pattern("debian")).matches(&suite));
        assert!(!with(pattern("stable"), pattern("Other")).matches(&suite));
        assert!(!ReleasePattern::default().matches(&suite));
        let either = ReleasePattern {
            archive_or_codename: pattern("bookworm"),
            ..Default::default()
        };
        assert!(either.matches(&suite));
        let version = ReleasePattern {
            version: pattern("12*"),
            ..Default::default()
        };
        assert!(version.matches(&suite));
        let label = ReleasePattern {
            label: pattern("*"),
            ..Default::default()
        };
        assert!(!label.matches(&suite));
    }

    proptest! {
        #[test]
        fn any_text_makes_a_pattern_or_an_error(text in ".{0,30}", name in "[a-z+.-]{1,9}") {
            if let Ok(pattern) = PackagePattern::parse(&text) {
                let _ = pattern.matches(&target(&name));
            }
        }

        #[test]
        fn a_glob_matches_itself(text in "[a-z0-9.+*-]{1,20}") {
            prop_assert!(Pattern::parse(&text).unwrap().matches(&text));
        }
    }
}
