//! Packages and versions as users of the library see them.

use std::borrow::Cow;

use super::Index;
use super::ids::{PackageId, VersionId};
use super::origin::FileOrigin;
use super::record::{MultiArch, Priority};
use super::scan::RelationKind;
use crate::deb822::Stanza;
use crate::relation::{Groups, RelationError, parse_relations};

/// A package of an index.
#[derive(Debug, Clone, Copy)]
pub struct PackageView<'a> {
    pub(crate) index: &'a Index,
    pub(crate) id: PackageId,
}

impl<'a> PackageView<'a> {
    /// The package's id.
    #[must_use]
    pub fn id(&self) -> PackageId {
        self.id
    }

    /// Its name.
    #[must_use]
    pub fn name(&self) -> Cow<'a, str> {
        String::from_utf8_lossy(self.index.name_text(self.index.name_of(self.id)))
    }

    /// The architecture it is installed for; packages of architecture `all` are native ones.
    #[must_use]
    pub fn architecture(&self) -> &'a str {
        self.index.architecture_name(self.index.package_record(self.id).architecture)
    }

    /// Its versions, highest first.
    pub fn versions(&self) -> impl Iterator<Item = VersionView<'a>> + use<'a> {
        let index = self.index;
        index.version_ids(self.id).map(move |id| VersionView { index, id })
    }

    /// The version the root holds.
    #[must_use]
    pub fn installed(&self) -> Option<VersionView<'a>> {
        let id = self.index.package_record(self.id).current.some()?;
        Some(VersionView { index: self.index, id })
    }

    /// Whether dpkg refuses to work without it.
    #[must_use]
    pub fn is_essential(&self) -> bool {
        self.index.package_record(self.id).essential
    }
}

/// One version of a package.
#[derive(Debug, Clone, Copy)]
pub struct VersionView<'a> {
    pub(crate) index: &'a Index,
    pub(crate) id: VersionId,
}

impl<'a> VersionView<'a> {
    /// The version's id.
    #[must_use]
    pub fn id(&self) -> VersionId {
        self.id
    }

    /// The package it is a version of.
    #[must_use]
    pub fn package(&self) -> PackageView<'a> {
        PackageView { index: self.index, id: self.index.version_record(self.id).package }
    }

    /// The package's name.
    #[must_use]
    pub fn name(&self) -> Cow<'a, str> {
        self.package().name()
    }

    /// The version number.
    #[must_use]
    pub fn version(&self) -> Cow<'a, str> {
        String::from_utf8_lossy(self.index.version_text(self.id))
    }

    /// Its architecture as the stanza says it: `all` for packages that fit every one.
    #[must_use]
    pub fn architecture(&self) -> &'a str {
        if self.index.version_record(self.id).architecture_all {
            "all"
        } else {
            self.package().architecture()
        }
    }

    /// Size of the .deb in bytes; 0 if no archive has it.
    #[must_use]
    pub fn size(&self) -> u64 {
        self.index.version_record(self.id).size
    }

    /// Size after installation in bytes, as the package's maintainer states it.
    #[must_use]
    pub fn installed_size(&self) -> u64 {
        self.index.version_record(self.id).installed_kib.saturating_mul(1024)
    }

    /// Its multi-arch class.
    #[must_use]
    pub fn multi_arch(&self) -> MultiArch {
        self.index.version_record(self.id).multi_arch
    }

    /// Its priority.
    #[must_use]
    pub fn priority(&self) -> Priority {
        self.index.version_record(self.id).priority
    }

    /// Its stanza, with every field.
    #[must_use]
    pub fn stanza(&self) -> Stanza<'a> {
        Stanza::from_bytes(self.index.version_record(self.id).stanza.of(self.index.bytes(self.id)))
    }

    /// The value of any field of its stanza.
    #[must_use]
    pub fn field(&self, name: &str) -> Option<Cow<'a, str>> {
        self.stanza().value(name).map(String::from_utf8_lossy)
    }

    /// The relations of one kind, parsed.
    pub fn relations(&self, kind: RelationKind) -> Result<Groups<'a>, RelationError> {
        let record = self.index.version_record(self.id);
        parse_relations(record.relations[kind as usize].of(self.index.bytes(self.id)))
    }

    /// Name of the source package, without its version.
    #[must_use]
    pub fn source(&self) -> Cow<'a, str> {
        self.source_parts().0
    }

    /// Version of the source package; differs from the binary's after a rebuild.
    #[must_use]
    pub fn source_version(&self) -> Cow<'a, str> {
        self.source_parts().1
    }

    fn source_parts(&self) -> (Cow<'a, str>, Cow<'a, str>) {
        let Some(field) = self.stanza().value("Source") else {
            return (self.name(), self.version());
        };
        match field.iter().position(|byte| *byte == b' ') {
            None => (String::from_utf8_lossy(field), self.version()),
            Some(space) => {
                let version = field[space..].trim_ascii();
                let version = version.strip_prefix(b"(").unwrap_or(version);
                let version = version.strip_suffix(b")").unwrap_or(version);
                (String::from_utf8_lossy(&field[..space]), String::from_utf8_lossy(version))
            }
        }
    }

    /// Whether the root holds this very version.
    #[must_use]
    pub fn is_installed(&self) -> bool {
        let package = self.index.version_record(self.id).package;
        self.index.package_record(package).current == self.id
    }

    /// The files that offer it.
    pub fn files(&self) -> impl Iterator<Item = &'a FileOrigin> + use<'a> {
        let index = self.index;
        let files: Vec<u16> = index.files_of(self.id).collect();
        files.into_iter().map(move |file| index.file_origin(file))
    }
}
