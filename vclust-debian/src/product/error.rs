//! Why a product cannot be made or unpacked.

use std::io;
use std::path::{Path, PathBuf};

use thiserror::Error;
use vclust_core::Sha256;

use crate::command::CommandError;

/// Why a product cannot be made or unpacked.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum ProductError {
    /// Something in the root directory cannot be read.
    #[error("cannot read {} of the root directory", path.display())]
    Read {
        /// What it is.
        path: PathBuf,
        /// What the system says.
        source: io::Error,
    },
    /// A file had another size when it was read than when the tree was.
    #[error(
        "{} changed while it was read; nothing may write to a root directory while products are \
         made of it",
        path.display()
    )]
    Changed {
        /// The file.
        path: PathBuf,
    },
    /// Something is mounted in the root directory.
    #[error("{} is on another file system than the root directory; unmount it first", path.display())]
    Mounted {
        /// Where.
        path: PathBuf,
    },
    /// A file that an erofs image cannot hold.
    #[error("{} does not fit into an erofs image: {reason}", path.display())]
    DoesNotFit {
        /// The file.
        path: PathBuf,
        /// What is too much.
        reason: &'static str,
    },
    /// A product cannot be written.
    #[error("cannot write {}", path.display())]
    Write {
        /// The product.
        path: PathBuf,
        /// What the system says.
        source: io::Error,
    },
    /// An archive cannot be read.
    #[error("cannot read the archive {}", path.display())]
    Archive {
        /// The archive.
        path: PathBuf,
        /// What is wrong with it.
        source: io::Error,
    },
    /// An erofs image cannot be used.
    #[error("the image {} cannot be read: {reason}", path.display())]
    Image {
        /// The image.
        path: PathBuf,
        /// What is wrong with it.
        reason: &'static str,
    },
    /// An archive has an entry that no archive of ours has.
    #[error("the archive {} has the entry `{entry}`, {reason}; it was not made by vclust", path.display())]
    Entry {
        /// The archive.
        path: PathBuf,
        /// The entry.
        entry: String,
        /// What is wrong with it.
        reason: &'static str,
    },
    /// Something of an archive cannot be made.
    #[error("cannot make {}{}", path.display(), hint(source))]
    Make {
        /// What it is.
        path: PathBuf,
        /// What the system says.
        source: io::Error,
    },
    /// An archive or image holds something else than it should.
    #[error("{} is damaged: its content has the digest {found}, not {expected}", path.display())]
    Digest {
        /// The archive or image.
        path: PathBuf,
        /// The digest that it was made with.
        expected: Sha256,
        /// That of what is in it.
        found: Sha256,
    },
    /// The file system of a disk would not hold the content.
    #[error("a disk of {asked} bytes is too small; this content needs {needed}")]
    TooSmall {
        /// What was asked for.
        asked: u64,
        /// What it takes.
        needed: u64,
    },
    /// A mount needs root.
    #[error("{what} needs root, as it mounts the image; run it as root, for example through sudo")]
    NeedsRoot {
        /// What was to be made.
        what: &'static str,
    },
    /// A program that makes the product failed.
    #[error("cannot make {}", path.display())]
    Command {
        /// The product.
        path: PathBuf,
        /// Which program, and why.
        source: CommandError,
    },
}

/// What to do where the system refused owners, devices or attributes.
fn hint(error: &io::Error) -> &'static str {
    match error.kind() {
        io::ErrorKind::PermissionDenied => {
            "; owners, devices and capabilities take root: run it as root, for example through sudo"
        }
        _ => "",
    }
}

impl ProductError {
    pub(super) fn read(path: &Path) -> impl FnOnce(io::Error) -> Self {
        |source| Self::Read { path: path.to_owned(), source }
    }

    pub(super) fn write(path: &Path) -> impl FnOnce(io::Error) -> Self {
        |source| Self::Write { path: path.to_owned(), source }
    }

    pub(super) fn archive(path: &Path) -> impl FnOnce(io::Error) -> Self {
        |source| Self::Archive { path: path.to_owned(), source }
    }

    pub(super) fn make(path: &Path) -> impl FnOnce(io::Error) -> Self {
        |source| Self::Make { path: path.to_owned(), source }
    }
}
