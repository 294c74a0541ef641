//! Debian packages as files: what deb(5) describes, read by this crate alone.
//!
//! A `.deb` is an `ar` container with a version member, a control archive and a data archive. The
//! container is read when a package is opened; the archives are unpacked as they are read, so that
//! memory stays at a few megabytes whatever a package holds. The rules are dpkg's: what dpkg-deb
//! refuses is refused here, with an error that names package, member and entry. Where dpkg trusts
//! the package (`..` in names, sizes, the number of entries), this reader has a rule or a limit.

use std::fs::File;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use self::compression::{Compression, decompress};
use self::container::{Container, Member, MemberReader};
use self::error::Origin;
use self::tar::{TarBounds, TarReader};

mod compression;
mod container;
mod control;
mod data;
mod entry;
mod error;
mod header;
mod limits;
mod pax;
mod tar;

pub use control::{ControlArchive, ControlFile, PackageDescription, Replaced};
pub use data::DataArchive;
pub use entry::{DataEntry, EntryKind};
pub use error::DebError;
pub use limits::DebLimits;

/// A package whose container was read and found in order.
#[derive(Debug)]
pub struct PackageFile {
    path: PathBuf,
    file: Arc<File>,
    container: Container,
    limits: DebLimits,
}

impl PackageFile {
    /// Opens a package and reads its container; its archives are looked at by the other methods.
    pub fn open(path: &Path, limits: DebLimits) -> Result<Self, DebError> {
        let opened = |source| DebError::Open { package: path.to_owned(), source };
        let file = container::open(path).map_err(opened)?;
        let size = file.metadata().map_err(opened)?.len();
        let container = Container::read(path, &file, size)?;
        Ok(Self { path: path.to_owned(), file: Arc::new(file), container, limits })
    }

    /// Where the package is.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Compressed bytes of the data archive.
    #[must_use]
    pub fn data_bytes(&self) -> u64 {
        self.container.data.size
    }

    /// The control archive, whole.
    pub fn control(&self) -> Result<ControlArchive, DebError> {
        let limits = &self.limits;
        let bounds = TarBounds {
            bytes: limits.control_bytes,
            entry_bytes: limits.control_bytes,
            entries: limits.control_entries,
            path_bytes: limits.path_bytes,
            names_bytes: limits.names_bytes,
        };
        ControlArchive::read(self.archive(&self.container.control, bounds)?)
    }

    /// The data archive, to be read entry by entry.
    pub fn data(&self) -> Result<DataArchive, DebError> {
        let limits = &self.limits;
        let bounds = TarBounds {
            bytes: limits.data_bytes,
            entry_bytes: limits.entry_bytes,
            entries: limits.entries,
            path_bytes: limits.path_bytes,
            names_bytes: limits.names_bytes,
        };
        Ok(DataArchive::new(self.archive(&self.container.data, bounds)?))
    }

    fn archive(&self, member: &Member, bounds: TarBounds) -> Result<TarReader, DebError> {
        let origin = Origin { package: self.path.clone(), member: member.name.clone() };
        let compression = Compression::of(member).ok_or_else(|| DebError::UnknownCompression {
            package: self.path.clone(),
            member: member.name.clone(),
        })?;
        let reader = MemberReader::new(Arc::clone(&self.file), member);
        let content = decompress(reader, compression, self.limits.dictionary_bytes)
            .map_err(|source| origin.damaged(source, self.limits.dictionary_bytes))?;
        Ok(TarReader::new(content, origin, bounds, self.limits.dictionary_bytes))
    }
}
