//! The index's tables, one row type each.

use serde::{Deserialize, Serialize};

use super::ids::{ArchitectureId, NameId, PackageId, Span, VersionId};

/// How a package relates to other architectures (Debian's multi-arch specification).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum MultiArch {
    /// Serves its own architecture only.
    #[default]
    No,
    /// May be installed for several architectures at once, in the same version.
    Same,
    /// Satisfies relations of any architecture.
    Foreign,
    /// Satisfies relations of any architecture that ask for `:any`.
    Allowed,
}

impl MultiArch {
    pub(crate) fn parse(text: &[u8]) -> Self {
        match text {
            b"same" => Self::Same,
            b"foreign" => Self::Foreign,
            b"allowed" => Self::Allowed,
            _ => Self::No,
        }
    }
}

/// A package's priority (Debian Policy 2.5).
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Default, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Priority {
    /// The index does not say; apt ranks it before every other, and so do we.
    #[default]
    Unknown,
    /// Needed for dpkg to work.
    Required,
    /// Expected on any Unix-like system.
    Important,
    /// In a default text-mode system.
    Standard,
    /// Everything else.
    Optional,
    /// The obsolete name for what conflicts with others.
    Extra,
}

impl Priority {
    pub(crate) fn parse(text: &[u8]) -> Self {
        match text {
            b"" => Self::Unknown,
            b"required" => Self::Required,
            b"important" => Self::Important,
            b"standard" => Self::Standard,
            b"optional" => Self::Optional,
            _ => Self::Extra,
        }
    }
}

/// What dpkg's status file says of an installed package.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) enum Selection {
    #[default]
    Install,
    Hold,
}

#[derive(Debug, Clone)]
pub(crate) struct PackageRecord {
    pub(crate) name: NameId,
    pub(crate) architecture: ArchitectureId,
    pub(crate) essential: bool,
    /// `Important: yes` or `Protected: yes`.
    pub(crate) protected: bool,
    pub(crate) selection: Selection,
    /// Versions as a list, highest first.
    pub(crate) first_version: VersionId,
    pub(crate) current: VersionId,
    /// The package of the same name on the next architecture.
    pub(crate) next_sibling: PackageId,
}

#[derive(Debug, Clone)]
pub(crate) struct VersionRecord {
    pub(crate) package: PackageId,
    /// The next lower version of the same package.
    pub(crate) next: VersionId,
    pub(crate) file: u16,
    pub(crate) multi_arch: MultiArch,
    pub(crate) priority: Priority,
    pub(crate) architecture_all: bool,
    /// 0 where the file does not say, as in dpkg's status.
    pub(crate) size: u64,
    /// In KiB, as the field says.
    pub(crate) installed_kib: u64,
    pub(crate) stanza: Span,
    pub(crate) version: Span,
    pub(crate) relations: [Span; 9],
}

/// One `Provides` entry.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Provide {
    pub(crate) name: NameId,
    pub(crate) provider: VersionId,
    /// Empty if the provider names no version.
    pub(crate) version: Span,
    pub(crate) qualifier: ProvideQualifier,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum ProvideQualifier {
    None,
    Any,
    Architecture(ArchitectureId),
}
