//! Why the repository does not answer, and what to do about it.

use std::io;
use std::path::{Path, PathBuf};

use rusqlite::ErrorCode;
use thiserror::Error;
use vclust_debian::StateDirectoryError;

use super::manifest::ManifestError;
use crate::sqlite::SqliteError;

/// Why the repository does not answer.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum RepositoryError {
    /// There is no state directory.
    #[error(transparent)]
    StateDirectory(#[from] StateDirectoryError),
    /// Something on disk cannot be read.
    #[error("cannot read {}", path.display())]
    Read {
        /// What it is.
        path: PathBuf,
        /// What the system says.
        source: io::Error,
    },
    /// Something on disk cannot be written.
    #[error("cannot write {}{}", path.display(), hint(source))]
    Write {
        /// What it is.
        path: PathBuf,
        /// What the system says.
        source: io::Error,
    },
    /// Something stays mounted where a build was.
    #[error(
        "{} is still mounted and cannot be unmounted; `umount {}` as root, then try again",
        path.display(), path.display()
    )]
    Mounted {
        /// Where.
        path: PathBuf,
        /// What the system says.
        source: io::Error,
    },
    /// The manifest of an image is none.
    #[error("the manifest of {} is not usable; `vclust cache build --rebuild` makes the image anew", path.display())]
    Manifest {
        /// The image's directory.
        path: PathBuf,
        /// What is wrong.
        source: ManifestError,
    },
    /// No image has a name that begins like this.
    #[error("no image has the name `{name}`{}", did_you_mean(near))]
    Unknown {
        /// What was asked for.
        name: String,
        /// Names that are close.
        near: Vec<String>,
    },
    /// Several images have names that begin like this.
    #[error("`{prefix}` is the beginning of several names: {}; give more digits", names.join(", "))]
    Ambiguous {
        /// What was asked for.
        prefix: String,
        /// The names.
        names: Vec<String>,
    },
    /// A product is not what its builder says.
    #[error("the build left {} with {found} bytes instead of {expected}", path.display())]
    ProductSize {
        /// The file.
        path: PathBuf,
        /// Its size.
        found: u64,
        /// What was said.
        expected: u64,
    },
    /// A build left a file that is no product.
    #[error("the build left {}, which is none of its products", path.display())]
    Unexpected {
        /// The file.
        path: PathBuf,
    },
    /// A layer's base is not there.
    #[error("the base {base} of the layer is not in the repository; build it first")]
    NoBase {
        /// Its name.
        base: String,
    },
    /// An image cannot be replaced.
    #[error("image {id} is in use and cannot be replaced; try again when nothing runs on it")]
    InUse {
        /// Its name.
        id: String,
    },
    /// The catalogue is another program's SQLite file.
    #[error(
        "{} is another program's SQLite file, not a catalogue: move it away, or set \
         VCLUST_STATE_DIR to another directory",
        path.display()
    )]
    Foreign {
        /// The file.
        path: PathBuf,
    },
    /// A newer vclust has written the catalogue.
    #[error(
        "the catalogue {} has form {version}, written by a newer vclust; this one knows form \
         {known}: use the newer vclust",
        path.display()
    )]
    Newer {
        /// The file.
        path: PathBuf,
        /// The form of its tables.
        version: i32,
        /// The latest form that this vclust knows.
        known: i32,
    },
    /// The catalogue is damaged.
    #[error(
        "the catalogue {} is damaged: move it away, and vclust makes a new one from the images' \
         manifests; only the counts of their uses are lost",
        path.display()
    )]
    Damaged {
        /// The file.
        path: PathBuf,
        /// What SQLite says.
        source: SqliteError,
    },
    /// The disk is full.
    #[error("no room on the disk for the catalogue {}: free some space and try again", path.display())]
    DiskFull {
        /// The file.
        path: PathBuf,
        /// What SQLite says.
        source: SqliteError,
    },
    /// The catalogue cannot be opened, read or written.
    #[error(
        "cannot open, read or write the catalogue {}: it must be a file of yours; \
         VCLUST_STATE_DIR names another directory",
        path.display()
    )]
    Catalogue {
        /// The file.
        path: PathBuf,
        /// What SQLite says.
        source: SqliteError,
    },
}

fn hint(error: &io::Error) -> &'static str {
    match error.kind() {
        io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded => {
            "; nothing was changed: free some space, for example by `vclust cache gc`, and try again"
        }
        io::ErrorKind::PermissionDenied => {
            "; run as its owner, or set VCLUST_STATE_DIR to a directory of yours"
        }
        _ => "",
    }
}

fn did_you_mean(near: &[String]) -> String {
    if near.is_empty() {
        "; `vclust cache list` lists all".to_owned()
    } else {
        format!("; did you mean {}?", near.join(" or "))
    }
}

impl RepositoryError {
    pub(super) fn read(path: &Path) -> impl FnOnce(io::Error) -> Self {
        |source| Self::Read { path: path.to_owned(), source }
    }

    pub(super) fn write(path: &Path) -> impl FnOnce(io::Error) -> Self {
        |source| Self::Write { path: path.to_owned(), source }
    }

    /// What an error of SQLite means for the catalogue.
    pub(super) fn of(path: &Path, error: rusqlite::Error) -> Self {
        let path = path.to_owned();
        let code = error.sqlite_error_code();
        let source = SqliteError(error);
        match code {
            Some(ErrorCode::NotADatabase | ErrorCode::DatabaseCorrupt) => {
                Self::Damaged { path, source }
            }
            Some(ErrorCode::DiskFull) => Self::DiskFull { path, source },
            _ => Self::Catalogue { path, source },
        }
    }
}
