//! A package that is to be unpacked, with what it says of itself.

use std::path::{Path, PathBuf};

use vclust_core::compare_versions;

use crate::deb::{ControlArchive, DebError, DebLimits, EntryKind, PackageDescription, PackageFile};

/// A package file whose control archive was read.
#[derive(Debug, Clone)]
pub struct PackageToUnpack {
    path: PathBuf,
    data_bytes: u64,
    control: ControlArchive,
    description: PackageDescription,
    conffiles: Vec<Vec<u8>>,
}

/// What is in a package's data archive.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PackageContents {
    /// When the newest of its files was modified, in seconds since 1970; directories do not count.
    pub newest: i64,
    /// Whether it ships directories and nothing else.
    pub only_directories: bool,
}

impl PackageToUnpack {
    /// Reads a package's control archive.
    pub fn read(path: &Path, limits: DebLimits) -> Result<Self, DebError> {
        let file = PackageFile::open(path, limits)?;
        let control = file.control()?;
        Ok(Self {
            path: path.to_owned(),
            data_bytes: file.data_bytes(),
            description: control.description()?,
            conffiles: control.conffiles()?,
            control,
        })
    }

    /// Looks through the data archive.
    pub fn contents(&self, limits: DebLimits) -> Result<PackageContents, DebError> {
        let mut data = PackageFile::open(&self.path, limits)?.data()?;
        let mut contents = PackageContents { newest: 0, only_directories: true };
        while let Some(entry) = data.next_entry()? {
            if entry.kind != EntryKind::Directory {
                contents.newest = contents.newest.max(entry.modified);
                contents.only_directories = false;
            }
        }
        Ok(contents)
    }

    /// Where the package is.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Its control archive.
    #[must_use]
    pub fn control(&self) -> &ControlArchive {
        &self.control
    }

    /// What its control paragraph says.
    #[must_use]
    pub fn description(&self) -> &PackageDescription {
        &self.description
    }

    /// Compressed bytes of its data archive.
    #[must_use]
    pub fn data_bytes(&self) -> u64 {
        self.data_bytes
    }

    /// Its conffiles, as paths below the root.
    #[must_use]
    pub fn conffiles(&self) -> &[Vec<u8>] {
        &self.conffiles
    }

    /// Name and architecture, for messages.
    pub(super) fn name(&self) -> String {
        format!("{}:{}", self.description.name, self.description.architecture)
    }

    /// Whether this package may overwrite files of another: dpkg's `does_replace`. Names that the
    /// other one provides do not count.
    pub(super) fn replaces(&self, other: &Self) -> bool {
        self.description.replaces.iter().any(|replaced| {
            replaced.package == other.description.name
                && replaced.versions.as_ref().is_none_or(|(operator, version)| {
                    operator.accepts(compare_versions(
                        other.description.version.as_bytes(),
                        version.as_bytes(),
                    ))
                })
        })
    }

    /// Whether both are the same package for different architectures, and may share files.
    pub(super) fn shares_with(&self, other: &Self) -> bool {
        let (this, other) = (&self.description, &other.description);
        this.is_multi_arch_same
            && other.is_multi_arch_same
            && this.name == other.name
            && this.architecture != other.architecture
    }
}
