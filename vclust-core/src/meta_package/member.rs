//! Names of meta-packages and the members they expand to.

use std::fmt;

/// The id of a meta-package: lower-case letters, digits, `+`, `-` and `.`, as in a package name.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct MetaPackageId(String);

impl MetaPackageId {
    /// The id that `text` is, or nothing if it cannot be one.
    #[must_use]
    pub fn new(text: &str) -> Option<Self> {
        is_name(text).then(|| Self(text.to_owned()))
    }

    /// The id as text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for MetaPackageId {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.0)
    }
}

impl std::borrow::Borrow<str> for MetaPackageId {
    fn borrow(&self) -> &str {
        &self.0
    }
}

/// How much a meta-package needs a member.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Need {
    /// The unit is not itself without it.
    Required,
    /// Wanted where a user asks for recommended packages too.
    Recommended,
}

/// One thing that a meta-package installs: a package, or the first available of several.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Member {
    alternatives: Vec<String>,
    need: Need,
    origin: MetaPackageId,
}

impl Member {
    pub(super) fn new(alternatives: Vec<String>, need: Need, origin: MetaPackageId) -> Self {
        debug_assert!(!alternatives.is_empty(), "a member is at least one package");
        Self { alternatives, need, origin }
    }

    /// What apt would take as a package, the preferred one first; never empty.
    pub fn alternatives(&self) -> impl ExactSizeIterator<Item = &str> {
        self.alternatives.iter().map(String::as_str)
    }

    /// Whether the unit needs this member or merely recommends it.
    #[must_use]
    pub fn need(&self) -> Need {
        self.need
    }

    /// The meta-package that lists this member: an included one, perhaps.
    #[must_use]
    pub fn origin(&self) -> &MetaPackageId {
        &self.origin
    }

    /// The first alternative whose package exists.
    ///
    /// `exists` is asked for bare package names, without `:ARCHITECTURE`, `=VERSION` or `/SUITE`;
    /// the answer has them. Where no alternative exists the first one is the answer, so that the
    /// resolver can say in its own words what is missing.
    pub fn choose(&self, mut exists: impl FnMut(&str) -> bool) -> &str {
        self.alternatives
            .iter()
            .find(|alternative| exists(bare_name(alternative)))
            .unwrap_or(&self.alternatives[0])
    }
}

/// Whether `text` is formed as a package or meta-package name is.
pub(super) fn is_name(text: &str) -> bool {
    let mut bytes = text.bytes();
    bytes.next().is_some_and(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit())
        && bytes.all(|byte| {
            byte.is_ascii_lowercase() || byte.is_ascii_digit() || matches!(byte, b'+' | b'-' | b'.')
        })
}

/// The package name in `NAME[:ARCHITECTURE][=VERSION|/SUITE]`.
pub(super) fn bare_name(request: &str) -> &str {
    request.split([':', '=', '/']).next().unwrap_or(request)
}

/// The alternatives in `entry`, or nothing if one of them is not what apt takes as a package.
pub(super) fn parse_entry(entry: &str) -> Option<Vec<String>> {
    let alternatives: Vec<String> = entry.split('|').map(|part| part.trim().to_owned()).collect();
    alternatives.iter().all(|alternative| is_package_request(alternative)).then_some(alternatives)
}

/// Whether `text` is `NAME[:ARCHITECTURE][=VERSION|/SUITE]`, nothing more.
fn is_package_request(text: &str) -> bool {
    let (selected, pinned) = match text.find(['=', '/']) {
        Some(at) => (&text[..at], Some(&text[at + 1..])),
        None => (text, None),
    };
    let (name, architecture) = match selected.split_once(':') {
        Some((name, architecture)) => (name, Some(architecture)),
        None => (selected, None),
    };
    is_name(name)
        && architecture.is_none_or(is_name)
        && pinned.is_none_or(|pin| {
            !pin.is_empty()
                && pin.bytes().all(|byte| byte.is_ascii_graphic() && !matches!(byte, b'=' | b'/'))
        })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn entries_are_what_apt_takes_as_a_package() {
        for good in ["gcc", "g++", "libc6:amd64", "gcc=4:12.2.0-3", "gcc:amd64/stable", "a1 | b2"] {
            assert!(parse_entry(good).is_some(), "{good}");
        }
        for bad in ["", "Gcc", "-gcc", "gcc |", "gcc=", "gcc/", "gcc:", "gcc gdb", "gcc=1=2"] {
            assert!(parse_entry(bad).is_none(), "{bad}");
        }
    }

    #[test]
    fn the_first_existing_alternative_is_chosen() {
        let id = MetaPackageId::new("unit").expect("a valid id");
        let entry = parse_entry("new:amd64=2 | old").expect("a valid entry");
        let member = Member::new(entry, Need::Required, id);
        assert_eq!(member.choose(|name| name == "new"), "new:amd64=2");
        assert_eq!(member.choose(|name| name == "old"), "old");
        assert_eq!(member.choose(|_| false), "new:amd64=2");
    }
}
