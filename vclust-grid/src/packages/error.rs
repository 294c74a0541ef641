//! Why there is no index.

use std::path::PathBuf;

use thiserror::Error;
use vclust_core::{IndexError, MetaPackageError, ResolveError};
use vclust_debian::{AptConfigurationError, IndexFileError, MirrorError, StateDirectoryError};

/// Why packages cannot be loaded.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum PackagesError {
    /// A file cannot be read.
    #[error("cannot read {}", path.display())]
    Read {
        /// The file.
        path: PathBuf,
        /// What the system says.
        source: std::io::Error,
    },
    /// An index file cannot be read or unpacked.
    #[error(transparent)]
    IndexFile(#[from] IndexFileError),
    /// An index file is not one.
    #[error(transparent)]
    Index(#[from] IndexError),
    /// apt's configuration cannot be read.
    #[error("cannot read apt's configuration")]
    AptConfiguration(#[from] AptConfigurationError),
    /// An archive's indexes cannot be fetched, or are not what they should be.
    #[error(transparent)]
    Mirror(#[from] MirrorError),
    /// There is no place to keep what is fetched.
    #[error(transparent)]
    StateDirectory(#[from] StateDirectoryError),
    /// The machine has no indexes.
    #[error(
        "this machine has no package indexes; fetch them, or name Packages files or an archive"
    )]
    NoIndexes,
    /// No minimal root can be made of the index.
    #[error(transparent)]
    Resolve(#[from] ResolveError),
    /// A file of meta-packages is not one.
    #[error(transparent)]
    MetaPackage(#[from] MetaPackageError),
}
