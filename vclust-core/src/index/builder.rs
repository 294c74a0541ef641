//! Merging index files into one index.
//!
//! Files are taken in the order of apt's sources, dpkg's status last, and every rule that decides
//! which version is a candidate follows apt: equal versions with equal relations are one version
//! seen in several files; equal versions that differ stay apart, archives before the status file.

use bytes::Bytes;
use rustc_hash::FxHashMap;

use super::error::IndexError;
use super::ids::{ArchitectureId, NameId, PackageId, Span, VersionId};
use super::names::Names;
use super::origin::FileOrigin;
use super::record::{
    MultiArch, PackageRecord, Priority, Provide, ProvideQualifier, Selection, VersionRecord,
};
use super::scan::{RawStanza, RelationKind, Scanner};
use super::{Index, IndexFile, Tables};
use crate::relation::relation;
use crate::version::compare_versions;

/// Architectures that an index knows; more occur in no root. A name on each of them conflicts with
/// itself on all others, so that without a limit memory would grow with their square.
const ARCHITECTURES: usize = 256;

/// Collects index files; [`IndexBuilder::build`] turns them into an [`Index`].
///
/// ```
/// use vclust_core::{FileOrigin, Index};
/// let packages = "Package: a\nVersion: 1\nArchitecture: all\n";
/// let mut builder = Index::builder("amd64");
/// builder.packages(packages.as_bytes().to_vec(), FileOrigin::named("Packages"))?;
/// let index = builder.build()?;
/// assert_eq!(index.version_count(), 1);
/// # Ok::<(), vclust_core::IndexError>(())
/// ```
#[derive(Debug)]
pub struct IndexBuilder {
    tables: Tables,
    status: Option<(Bytes, FileOrigin)>,
}

impl IndexBuilder {
    pub(crate) fn new(native: &str) -> Self {
        let tables = Tables {
            architectures: vec![native.into()],
            configured_architectures: 1,
            files: Vec::new(),
            names: Names::default(),
            packages: Vec::new(),
            by_name: Vec::new(),
            versions: Vec::new(),
            more_files: FxHashMap::default(),
            provides: Vec::new(),
            installed: Vec::new(),
        };
        Self { tables, status: None }
    }

    /// Also takes packages of `architecture`, as `dpkg --add-architecture` would. Call it before
    /// the first file is added.
    pub fn foreign_architecture(&mut self, architecture: &str) -> &mut Self {
        if self.tables.architectures.iter().all(|known| &**known != architecture) {
            self.tables.architectures.push(architecture.into());
            self.tables.configured_architectures = self.tables.architectures.len();
        }
        self
    }

    /// Adds a `Packages` file, decompressed. Packages of architectures that were not asked for are
    /// passed over, as apt does.
    ///
    /// # Errors
    /// A stanza without name or version, or a file of 4 GiB or more; the builder must then be
    /// dropped.
    pub fn packages(
        &mut self,
        file: impl Into<Bytes>,
        origin: FileOrigin,
    ) -> Result<&mut Self, IndexError> {
        self.read(file.into(), origin, false)?;
        Ok(self)
    }

    /// Sets dpkg's status file: what the root holds. Without one the root is empty.
    pub fn status(&mut self, file: impl Into<Bytes>, origin: FileOrigin) -> &mut Self {
        self.status = Some((file.into(), origin));
        self
    }

    /// The index of everything that was added.
    pub fn build(mut self) -> Result<Index, IndexError> {
        if let Some((file, origin)) = self.status.take() {
            self.read(file, origin, true)?;
        }
        Ok(Index::from_tables(self.tables))
    }

    fn read(&mut self, bytes: Bytes, origin: FileOrigin, status: bool) -> Result<(), IndexError> {
        // Ids leave the highest value for "none"; a stanza takes at least 22 bytes.
        if u32::try_from(bytes.len()).is_err() {
            return Err(IndexError::TooLarge { file: origin.name, bytes: bytes.len() as u64 });
        }
        let file = u16::try_from(self.tables.files.len())
            .map_err(|_| IndexError::TooManyFiles { file: origin.name.clone() })?;
        self.reserve(bytes.len());
        for stanza in Scanner::new(&bytes) {
            let field = |name: &'static str| IndexError::MissingField {
                file: origin.name.clone(),
                line: memchr::memchr_iter(b'\n', &bytes[..stanza.all.start as usize]).count() + 1,
                package: String::from_utf8_lossy(stanza.package.of(&bytes)).into_owned(),
                field: name,
            };
            if stanza.package.is_empty() {
                return Err(field("Package"));
            }
            let state = Status::parse(stanza.status.of(&bytes));
            if stanza.version.is_empty() {
                if status && !state.installed {
                    continue;
                }
                return Err(field("Version"));
            }
            if status && stanza.status.is_empty() {
                return Err(field("Status"));
            }
            self.add(&bytes, file, &stanza, status.then_some(state));
        }
        self.tables.files.push(IndexFile { bytes, origin, status });
        Ok(())
    }

    /// Debian's archive has about 800 bytes a stanza.
    fn reserve(&mut self, bytes: usize) {
        let stanzas = bytes / 780;
        self.tables.names.reserve(stanzas + stanzas / 2);
        self.tables.packages.reserve(stanzas);
        self.tables.by_name.reserve(stanzas + stanzas / 2);
        self.tables.versions.reserve(stanzas);
        self.tables.provides.reserve(stanzas);
    }

    fn architecture(&mut self, text: &[u8], status: bool) -> Option<(ArchitectureId, bool)> {
        if text == b"all" || text.is_empty() {
            return Some((ArchitectureId::NATIVE, text == b"all"));
        }
        let known = if status {
            self.tables.architectures.len()
        } else {
            self.tables.configured_architectures
        };
        let found =
            self.tables.architectures[..known].iter().position(|name| name.as_bytes() == text);
        if let Some(found) = found {
            return Some((ArchitectureId(found as u16), false));
        }
        if !status || self.tables.architectures.len() >= ARCHITECTURES {
            return None;
        }
        self.tables.architectures.push(String::from_utf8_lossy(text).into());
        Some((ArchitectureId((self.tables.architectures.len() - 1) as u16), false))
    }

    fn add(&mut self, bytes: &[u8], file: u16, stanza: &RawStanza, status: Option<Status>) {
        let architecture = stanza.architecture.of(bytes);
        let Some((architecture, architecture_all)) =
            self.architecture(architecture, status.is_some())
        else {
            return;
        };
        let name = self.intern(stanza.package.of(bytes));
        let package = self.package(name, architecture);
        let record = VersionRecord {
            package,
            next: VersionId::NONE,
            file,
            multi_arch: MultiArch::parse(stanza.multi_arch.of(bytes)),
            priority: Priority::parse(stanza.priority.of(bytes)),
            architecture_all,
            size: number(stanza.size.of(bytes)),
            installed_kib: number(stanza.installed_size.of(bytes)),
            stanza: stanza.all,
            version: stanza.version,
            relations: stanza.relations,
        };
        let version = self.insert(bytes, record, status.is_some());
        // apt holds itself as dear as what says so of itself (pkgCacheGen::ForceEssential).
        let is_apt = stanza.package.of(bytes) == b"apt";
        let entry = &mut self.tables.packages[package.index()];
        entry.protected |= is_apt;
        entry.essential |= stanza.essential.of(bytes).eq_ignore_ascii_case(b"yes");
        entry.protected |= stanza.important.of(bytes).eq_ignore_ascii_case(b"yes");
        if let Some(status) = status {
            if status.installed {
                entry.current = version;
                self.tables.installed.push(package);
            }
            if status.hold {
                entry.selection = Selection::Hold;
            }
        }
    }

    fn intern(&mut self, name: &[u8]) -> NameId {
        let id = self.tables.names.intern(name);
        if id.index() == self.tables.by_name.len() {
            self.tables.by_name.push(PackageId::NONE);
        }
        id
    }

    fn package(&mut self, name: NameId, architecture: ArchitectureId) -> PackageId {
        let mut last = PackageId::NONE;
        let mut package = self.tables.by_name[name.index()];
        while let Some(found) = package.some() {
            if self.tables.packages[found.index()].architecture == architecture {
                return found;
            }
            last = found;
            package = self.tables.packages[found.index()].next_sibling;
        }
        let id = PackageId(self.tables.packages.len() as u32);
        self.tables.packages.push(PackageRecord {
            name,
            architecture,
            essential: false,
            protected: false,
            selection: Selection::Install,
            first_version: VersionId::NONE,
            current: VersionId::NONE,
            next_sibling: PackageId::NONE,
        });
        match last.some() {
            Some(last) => self.tables.packages[last.index()].next_sibling = id,
            None => self.tables.by_name[name.index()] = id,
        }
        id
    }

    /// Puts the version into its package's list, highest first, or merges it with an equal one.
    fn insert(&mut self, bytes: &[u8], mut record: VersionRecord, status: bool) -> VersionId {
        let package = record.package;
        let file = record.file;
        let mut previous = VersionId::NONE;
        let mut at = self.tables.packages[package.index()].first_version;
        while let Some(other) = at.some() {
            let existing = &self.tables.versions[other.index()];
            let existing_bytes = bytes_of(&self.tables.files, bytes, existing.file);
            let order =
                compare_versions(record.version.of(bytes), existing.version.of(existing_bytes));
            if order.is_gt() {
                break;
            }
            if order.is_eq() {
                if same_version(bytes, &record, existing_bytes, existing) {
                    self.tables.more_files.entry(other).or_default().push(file);
                    return other;
                }
                let existing_is_status = self
                    .tables
                    .files
                    .get(usize::from(existing.file))
                    .is_some_and(|file| file.status);
                if !status && existing_is_status {
                    break;
                }
            }
            previous = other;
            at = existing.next;
        }
        let id = VersionId(self.tables.versions.len() as u32);
        record.next = at;
        let provides = record.relations[RelationKind::Provides as usize];
        self.tables.versions.push(record);
        match previous.some() {
            Some(previous) => self.tables.versions[previous.index()].next = id,
            None => self.tables.packages[package.index()].first_version = id,
        }
        if !provides.is_empty() {
            self.read_provides(bytes, provides, id);
        }
        id
    }

    /// Providers must be known before anybody asks for the provided name, so `Provides` is the one
    /// relation that is read eagerly. Entries apt would not take end the field.
    fn read_provides(&mut self, bytes: &[u8], field: Span, provider: VersionId) {
        let mut rest = field.of(bytes);
        while let Ok((after, provided)) = relation(rest) {
            let version = match provided.constraint {
                None => Some(Span::default()),
                Some((crate::relation::Operator::Equal, version)) => Some(span_in(bytes, version)),
                Some(_) => None,
            };
            if let Some(version) = version {
                let qualifier = match provided.qualifier {
                    None => ProvideQualifier::None,
                    Some(b"any") => ProvideQualifier::Any,
                    Some(text) => match self.architecture(text, false) {
                        Some((architecture, _)) => ProvideQualifier::Architecture(architecture),
                        None => ProvideQualifier::None,
                    },
                };
                let name = self.intern(provided.name);
                self.tables.provides.push(Provide { name, provider, version, qualifier });
            }
            let Some(separator) = after.trim_ascii_start().strip_prefix(b",") else { break };
            rest = separator.trim_ascii_start();
        }
    }
}

fn bytes_of<'a>(files: &'a [IndexFile], current: &'a [u8], file: u16) -> &'a [u8] {
    files.get(usize::from(file)).map_or(current, |file| &file.bytes)
}

/// Whether two stanzas of equal version are the same package, as apt decides it: relations that
/// matter to dpkg, installed size, download size where known, and multi-arch class.
fn same_version(a: &[u8], left: &VersionRecord, b: &[u8], right: &VersionRecord) -> bool {
    const COMPARED: [RelationKind; 5] = [
        RelationKind::Depends,
        RelationKind::PreDepends,
        RelationKind::Conflicts,
        RelationKind::Breaks,
        RelationKind::Replaces,
    ];
    left.multi_arch == right.multi_arch
        && left.installed_kib == right.installed_kib
        && (left.size == 0 || right.size == 0 || left.size == right.size)
        && COMPARED.iter().all(|kind| {
            let left = left.relations[*kind as usize].of(a);
            let right = right.relations[*kind as usize].of(b);
            left == right || normalised(left).eq(normalised(right))
        })
}

/// A relation field without what dpkg changes when it writes its status: blanks, `=` (it turns `<`
/// into `<=`), letter case and `0:` epochs.
fn normalised(field: &[u8]) -> impl Iterator<Item = u8> + '_ {
    let mut at = 0;
    std::iter::from_fn(move || {
        while at < field.len() {
            let byte = field[at];
            if byte == b'0' && field.get(at + 1) == Some(&b':') {
                at += 2;
                continue;
            }
            at += 1;
            if !byte.is_ascii_whitespace() && byte != b'=' {
                return Some(byte.to_ascii_lowercase());
            }
        }
        None
    })
}

/// The place of `part`, a slice of `file`.
pub(crate) fn span_in(file: &[u8], part: &[u8]) -> Span {
    let start = part.as_ptr().addr() - file.as_ptr().addr();
    debug_assert!(start + part.len() <= file.len());
    Span { start: start as u32, length: part.len() as u32 }
}

/// Digits at the start, as apt reads numbers; anything else counts as 0.
fn number(text: &[u8]) -> u64 {
    text.iter()
        .take_while(|byte| byte.is_ascii_digit())
        .fold(0u64, |value, byte| value.saturating_mul(10).saturating_add(u64::from(byte - b'0')))
}

/// The three words of a `Status` field.
#[derive(Clone, Copy)]
struct Status {
    hold: bool,
    installed: bool,
}

impl Status {
    fn parse(text: &[u8]) -> Self {
        let mut words = text.split(|byte| *byte == b' ');
        let hold = words.next() == Some(b"hold");
        let installed = !matches!(words.nth(1), None | Some(b"not-installed" | b"config-files"));
        Self { hold, installed }
    }
}
