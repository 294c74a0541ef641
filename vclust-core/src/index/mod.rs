//! The package index: every package of some suites and of one root, in memory, by id.
//!
//! The files stay as they are; the index is tables of offsets into them. Loading is one pass that
//! finds the fields, interns names and links versions and providers. Relations are read when asked
//! for, so that a command which needs a few hundred packages does not pay for sixty thousand.

mod builder;
mod creation;
mod dependency;
mod error;
mod ids;
mod names;
mod origin;
mod record;
mod scan;
mod target;
mod view;

use std::sync::OnceLock;
use std::sync::atomic::AtomicU64;

use bytes::Bytes;
use rustc_hash::FxHashMap;

use crate::relation::RelationError;

pub use builder::IndexBuilder;
pub use error::IndexError;
pub use ids::{ArchitectureId, NameId, PackageId, VersionId};
pub use origin::FileOrigin;
pub use record::{MultiArch, Priority};
pub use scan::RelationKind;
pub use view::{PackageView, VersionView};

pub(crate) use dependency::{Constraint, Dependency, Target, groups};
pub(crate) use ids::Span;
pub(crate) use record::{PackageRecord, Selection, VersionRecord};

use names::Names;
use record::Provide;

/// One file of the index.
#[derive(Debug)]
struct IndexFile {
    bytes: Bytes,
    origin: FileOrigin,
    status: bool,
}

/// The rows of an index: the builder adds them, the index reads them.
#[derive(Debug)]
struct Tables {
    architectures: Vec<Box<str>>,
    /// How many of them archives' packages are taken for; more can occur in a status file.
    configured_architectures: usize,
    files: Vec<IndexFile>,
    names: Names,
    packages: Vec<PackageRecord>,
    by_name: Vec<PackageId>,
    versions: Vec<VersionRecord>,
    more_files: FxHashMap<VersionId, Vec<u16>>,
    /// In the order of reading, and by name in a finished index.
    provides: Vec<Provide>,
    /// Packages that the root holds; in order of their ids in a finished index.
    installed: Vec<PackageId>,
}

/// All packages of some suites and of one root.
///
/// An index is immutable and may be shared between threads; what it computes on demand it keeps.
#[derive(Debug)]
pub struct Index {
    tables: Tables,
    /// Providers of a name are `provides[provides_start[name]..provides_start[name + 1]]`.
    provides_start: Vec<u32>,
    dependencies: Vec<OnceLock<Box<[Dependency]>>>,
    creations: OnceLock<Box<[AtomicU64]>>,
}

impl Index {
    /// Starts an index of packages for roots of architecture `native`, such as `amd64`.
    #[must_use]
    pub fn builder(native: &str) -> IndexBuilder {
        IndexBuilder::new(native)
    }

    fn from_tables(mut tables: Tables) -> Self {
        // Counting sort: providers of one name together, in the order in which they were read.
        let mut start = vec![0u32; tables.names.len() + 1];
        for entry in &tables.provides {
            start[entry.name.index() + 1] += 1;
        }
        for name in 0..tables.names.len() {
            start[name + 1] += start[name];
        }
        let mut next = start.clone();
        let mut provides = tables.provides.clone();
        for entry in &tables.provides {
            let slot = &mut next[entry.name.index()];
            provides[*slot as usize] = *entry;
            *slot += 1;
        }
        tables.provides = provides;
        tables.installed.sort_unstable();
        tables.installed.dedup();
        let unread = std::iter::repeat_with(OnceLock::new).take(tables.versions.len());
        Self {
            dependencies: unread.collect(),
            tables,
            provides_start: start,
            creations: OnceLock::new(),
        }
    }

    /// Does now what closures would do on demand: reads every relation. Worth its time (some tens
    /// of milliseconds for a Debian suite) where one index answers many requests.
    pub fn prepare(&self) {
        for version in 0..self.tables.versions.len() {
            self.dependencies(VersionId(version as u32));
        }
    }

    /// Every relation field of the index that does not follow the syntax, with the package it
    /// belongs to. A closure takes such a relation for one that nothing satisfies.
    pub fn malformed_relations(
        &self,
    ) -> impl Iterator<Item = (VersionView<'_>, RelationKind, RelationError)> {
        (0..self.tables.versions.len()).map(|id| self.version(VersionId(id as u32))).flat_map(
            |version| {
                RelationKind::ALL.into_iter().filter_map(move |kind| {
                    let error = version.relations(kind).err()?;
                    Some((version, kind, error))
                })
            },
        )
    }

    /// The native architecture, such as `amd64`.
    #[must_use]
    pub fn native_architecture(&self) -> &str {
        &self.tables.architectures[0]
    }

    /// The architectures whose packages the index takes, the native one first.
    pub fn architectures(&self) -> impl Iterator<Item = &str> {
        self.tables.architectures[..self.tables.configured_architectures].iter().map(|name| &**name)
    }

    /// Number of packages, a name on each architecture counting once.
    #[must_use]
    pub fn package_count(&self) -> usize {
        self.tables.packages.len()
    }

    /// Number of versions of all packages.
    #[must_use]
    pub fn version_count(&self) -> usize {
        self.tables.versions.len()
    }

    /// Names of the files the index was made from, in order.
    pub fn files(&self) -> impl Iterator<Item = &FileOrigin> {
        self.tables.files.iter().map(|file| &file.origin)
    }

    /// All packages, in the order in which they were read.
    pub fn packages(&self) -> impl ExactSizeIterator<Item = PackageView<'_>> {
        (0..self.tables.packages.len())
            .map(|id| PackageView { index: self, id: PackageId(id as u32) })
    }

    /// The packages the root holds.
    pub fn installed(&self) -> impl Iterator<Item = VersionView<'_>> {
        self.tables.installed.iter().filter_map(|id| self.package(*id).installed())
    }

    /// The package called `name`, on the native architecture or else on the first that has it.
    #[must_use]
    pub fn find(&self, name: &str) -> Option<PackageView<'_>> {
        let name = self.tables.names.find(name.as_bytes())?;
        self.package_of(name, ArchitectureId::NATIVE)
            .or_else(|| self.siblings(name).next())
            .map(|id| self.package(id))
    }

    /// The package called `name` on `architecture`; `all` and `native` mean the native one.
    #[must_use]
    pub fn find_on(&self, name: &str, architecture: &str) -> Option<PackageView<'_>> {
        let architecture = match architecture {
            "all" | "native" => ArchitectureId::NATIVE,
            other => self.architecture(other)?,
        };
        let name = self.tables.names.find(name.as_bytes())?;
        self.package_of(name, architecture).map(|id| self.package(id))
    }

    /// Versions that provide `name` to native packages, without those called so themselves.
    pub fn providers(&self, name: &str) -> impl Iterator<Item = VersionView<'_>> {
        let found = self.tables.names.find(name.as_bytes());
        let list = found.map(|name| self.native_providers(name)).unwrap_or_default();
        list.into_iter().map(|(id, _)| self.version(id))
    }

    /// View of a package by id.
    #[must_use]
    pub fn package(&self, id: PackageId) -> PackageView<'_> {
        PackageView { index: self, id }
    }

    /// View of a version by id.
    #[must_use]
    pub fn version(&self, id: VersionId) -> VersionView<'_> {
        VersionView { index: self, id }
    }

    pub(crate) fn package_record(&self, id: PackageId) -> &PackageRecord {
        &self.tables.packages[id.index()]
    }

    pub(crate) fn version_record(&self, id: VersionId) -> &VersionRecord {
        &self.tables.versions[id.index()]
    }

    /// Packages that the root holds, in order of their ids.
    pub(crate) fn installed_ids(&self) -> &[PackageId] {
        &self.tables.installed
    }

    pub(crate) fn name_of(&self, package: PackageId) -> NameId {
        self.tables.packages[package.index()].name
    }

    pub(crate) fn name_id(&self, name: &[u8]) -> Option<NameId> {
        self.tables.names.find(name)
    }

    pub(crate) fn name_text(&self, name: NameId) -> &[u8] {
        self.tables.names.text(name)
    }

    pub(crate) fn version_text(&self, version: VersionId) -> &[u8] {
        self.tables.versions[version.index()].version.of(self.bytes(version))
    }

    pub(crate) fn architecture_of(&self, version: VersionId) -> ArchitectureId {
        self.tables.packages[self.tables.versions[version.index()].package.index()].architecture
    }

    pub(crate) fn architecture_name(&self, architecture: ArchitectureId) -> &str {
        &self.tables.architectures[usize::from(architecture.0)]
    }

    pub(crate) fn architecture(&self, name: &str) -> Option<ArchitectureId> {
        self.tables
            .architectures
            .iter()
            .position(|known| &**known == name)
            .map(|id| ArchitectureId(id as u16))
    }

    /// Bytes of the file that a version's offsets point into.
    pub(crate) fn bytes(&self, version: VersionId) -> &[u8] {
        &self.tables.files[usize::from(self.tables.versions[version.index()].file)].bytes
    }

    /// Versions of a package, highest first.
    pub(crate) fn version_ids(&self, package: PackageId) -> impl Iterator<Item = VersionId> + '_ {
        let first = self.tables.packages[package.index()].first_version.some();
        std::iter::successors(first, |id| self.tables.versions[id.index()].next.some())
    }

    /// Packages of one name, one for each architecture that has it.
    pub(crate) fn siblings(&self, name: NameId) -> impl Iterator<Item = PackageId> + '_ {
        let first = self.tables.by_name[name.index()].some();
        std::iter::successors(first, |id| self.tables.packages[id.index()].next_sibling.some())
    }

    pub(crate) fn package_of(
        &self,
        name: NameId,
        architecture: ArchitectureId,
    ) -> Option<PackageId> {
        self.siblings(name).find(|id| self.tables.packages[id.index()].architecture == architecture)
    }

    pub(crate) fn provides_of(&self, name: NameId) -> &[Provide] {
        let start = self.provides_start[name.index()] as usize;
        let end = self.provides_start[name.index() + 1] as usize;
        &self.tables.provides[start..end]
    }

    /// The files a version was seen in.
    pub(crate) fn files_of(&self, version: VersionId) -> impl Iterator<Item = u16> + '_ {
        let more = self.tables.more_files.get(&version).map_or(&[][..], Vec::as_slice);
        std::iter::once(self.tables.versions[version.index()].file).chain(more.iter().copied())
    }

    pub(crate) fn file_is_status(&self, file: u16) -> bool {
        self.tables.files[usize::from(file)].status
    }

    pub(crate) fn file_origin(&self, file: u16) -> &FileOrigin {
        &self.tables.files[usize::from(file)].origin
    }

    /// Whether some archive offers the version.
    pub(crate) fn is_downloadable(&self, version: VersionId) -> bool {
        self.files_of(version).any(|file| !self.file_is_status(file))
    }
}
