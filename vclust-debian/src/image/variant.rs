//! The kinds of minimal images.

use std::fmt;
use std::str::FromStr;

use thiserror::Error;
use vclust_core::{Index, Priority, Request};

/// What is in an image before any package is asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub enum Variant {
    /// The essential packages and apt, and what a node needs to boot, to get an address, to be
    /// logged in to and to be switched off. The kernel is not part of it: a node is given one.
    #[default]
    Minimal,
    /// The essential packages, those of priority `required`, and apt: what `mmdebstrap
    /// --variant=minbase` makes. Good for comparisons and containers; it has no init.
    Minbase,
}

/// What makes a minimal root a node. Addresses come from systemd-networkd, which is in `systemd`.
const NODE: [&str; 8] = [
    "systemd-sysv",
    "udev",
    "kmod",
    "e2fsprogs",
    "iproute2",
    "netbase",
    "procps",
    "openssh-server",
];

impl Variant {
    /// All of them.
    pub const ALL: [Self; 2] = [Self::Minimal, Self::Minbase];

    /// Its name, as on the command line.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Minimal => "minimal",
            Self::Minbase => "minbase",
        }
    }

    /// The request, onto an empty root, for an image of this variant with packages.
    ///
    /// `packages` are items as [`Request::new`] takes them.
    #[must_use]
    pub fn request(self, index: &Index, packages: &[String]) -> Request {
        let mut items: Vec<String> = Vec::new();
        if self == Self::Minimal {
            // The root is made with a merged /usr. Without this, apt would take the package that
            // merges a split one, and with it Perl.
            let marker = "usr-is-merged";
            items.extend(index.find(marker).map(|_| marker.to_owned()));
        }
        items.extend(Request::minimal_root(index).items().iter().cloned());
        match self {
            Self::Minimal => items.extend(NODE.map(str::to_owned)),
            Self::Minbase => items.extend(required(index)),
        }
        items.extend(packages.iter().cloned());
        Request::new(items)
    }
}

/// The packages of priority `required` in their newest versions, by name.
fn required(index: &Index) -> Vec<String> {
    let native = index.native_architecture();
    let required = index.packages().filter(|package| {
        package.architecture() == native
            && package.versions().any(|version| version.priority() == Priority::Required)
    });
    required.map(|package| package.name().into_owned()).collect()
}

impl fmt::Display for Variant {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(self.name())
    }
}

/// A name that no variant has.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error("there is no variant `{0}`; there are `minimal` and `minbase`")]
pub struct UnknownVariant(String);

impl FromStr for Variant {
    type Err = UnknownVariant;

    fn from_str(text: &str) -> Result<Self, UnknownVariant> {
        let found = Self::ALL.into_iter().find(|variant| variant.name() == text);
        found.ok_or_else(|| UnknownVariant(text.to_owned()))
    }
}
