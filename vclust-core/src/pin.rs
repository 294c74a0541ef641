//! Pins, the entries of `apt_preferences(5)`, as plain data with apt's own rules of matching.
//!
//! A pin says which packages it is about ([`PackagePattern`]), which of their versions
//! ([`PinSelector`]), and the priority these get. Which pin wins is the candidate rule's affair;
//! here is only what each one matches.

mod pattern;

pub use pattern::{Pattern, PatternError};

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
        let text = Pattern::literal("*");
        Self { text, all: true, source: false, architecture: None }
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
        Ok(Self { text: Pattern::parse(word)?, all: false, source, architecture })
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
        let here = if target.architecture == "all" { target.native } else { target.architecture };
        let name = if self.source { target.source } else { target.package };
        let name_matches =
            if self.is_exact() { self.text.as_str() == name } else { self.text.matches(name) };
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

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn target(package: &str) -> PinTarget<'_> {
        PinTarget { package, source: "perl", architecture: "amd64", native: "amd64" }
    }

    #[test]
    fn an_expression_takes_little_and_a_glob_takes_characters() {
        assert!(PackagePattern::parse("/\\w{100}/").is_ok());
        assert!(PackagePattern::parse("/(\\w{100}){100}/").is_err());
        let cafe = Pattern::parse("caf?").unwrap();
        assert!(cafe.matches("Café") && !cafe.matches("Cafés"));
        assert!(Pattern::parse("/^café$/").unwrap().matches("CAFÉ"));
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
            assert_eq!(pattern.matches(&target(package)), expected, "{pattern:?} {package}");
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
        let with = |archive, origin| ReleasePattern { archive, origin, ..Default::default() };
        assert!(with(pattern("stable"), pattern("debian")).matches(&suite));
        assert!(!with(pattern("stable"), pattern("Other")).matches(&suite));
        assert!(!ReleasePattern::default().matches(&suite));
        let either =
            ReleasePattern { archive_or_codename: pattern("bookworm"), ..Default::default() };
        assert!(either.matches(&suite));
        let version = ReleasePattern { version: pattern("12*"), ..Default::default() };
        assert!(version.matches(&suite));
        let label = ReleasePattern { label: pattern("*"), ..Default::default() };
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
