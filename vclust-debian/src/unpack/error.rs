//! What can stop an unpacking, and what it leaves to dpkg.

use std::fmt;
use std::io;
use std::path::PathBuf;

use thiserror::Error;

use crate::deb::DebError;

/// Why packages could not be unpacked. The root is then as it was: what had been written was removed.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum UnpackError {
    /// A package cannot be read.
    #[error(transparent)]
    Package(#[from] DebError),
    /// The root directory cannot be used.
    #[error("cannot use {} as a root to unpack into", root.display())]
    Root {
        /// The directory.
        root: PathBuf,
        /// What the system says.
        source: io::Error,
    },
    /// Something could not be written.
    #[error("cannot {action} /{path}, which `{package}` ships")]
    Write {
        /// The package.
        package: String,
        /// Path below the root; what is not UTF-8 is replaced.
        path: String,
        /// What was tried, such as `write` or `change the owner of`.
        action: &'static str,
        /// What the system says.
        source: io::Error,
    },
    /// Two packages ship one path, and none of them declares that it may replace the other's files.
    #[error(
        "`{second}` ships /{path}, which is also in `{first}`; install one of them, or versions of \
         them that fit"
    )]
    Conflict {
        /// The package that comes first.
        first: String,
        /// The package that comes later.
        second: String,
        /// The path.
        path: String,
    },
    /// A package for two architectures ships one path with two contents.
    #[error(
        "`{second}` ships /{path} with another content than `{first}`, although both say that they \
         can be installed together; install one of them"
    )]
    SharedDiffers {
        /// The package that comes first.
        first: String,
        /// The package that comes later.
        second: String,
        /// The path.
        path: String,
    },
    /// The result would depend on which of two packages is unpacked first.
    #[error(
        "`{first}` and `{second}` cannot be unpacked at the same time: /{path} {why}; unpack the \
         second of them with dpkg, after the others"
    )]
    NeedsOrder {
        /// The package that comes first.
        first: String,
        /// The package that comes later.
        second: String,
        /// Where they meet.
        path: String,
        /// How they meet.
        why: &'static str,
    },
}

/// Why a package was left to dpkg. Nothing of it is in the root.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct LeftToDpkg {
    /// Path below the root.
    pub path: Vec<u8>,
    /// What is special about it.
    pub why: LeftReason,
}

/// What this crate does not decide, because only dpkg's own answer is right.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum LeftReason {
    /// One of its conffiles was in the root before.
    ConffileExists,
    /// Something that it ships, and that is no directory, was in the root before.
    PathExists,
    /// It ships something below a path that is no directory.
    NoParent,
    /// It ships a path twice.
    Twice,
    /// It ships a path to which another package's files are diverted.
    Diverted,
    /// It ships a conffile that is no plain file with one name.
    PeculiarConffile,
    /// It ships a hard link to a file that it does not ship.
    LinkToOther,
    /// It ships something with extended attributes that is neither a file nor a directory.
    Attributes,
}

impl fmt::Display for LeftToDpkg {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let why = match self.why {
            LeftReason::ConffileExists => "is a conffile and was there before",
            LeftReason::PathExists => "was there before",
            LeftReason::NoParent => "lies below what is no directory",
            LeftReason::Twice => "is in the package twice",
            LeftReason::Diverted => "is where another package's file is diverted to",
            LeftReason::PeculiarConffile => "is a conffile and no plain file",
            LeftReason::LinkToOther => "is a link to a file of another package",
            LeftReason::Attributes => "has extended attributes and is no file",
        };
        write!(formatter, "/{} {why}", show(&self.path))
    }
}

/// A path as an error message can show it: in one line.
pub(super) fn show(path: &[u8]) -> String {
    String::from_utf8_lossy(path).escape_debug().to_string()
}

/// Why the work on one package stopped.
#[derive(Debug)]
pub(super) enum Stop {
    /// This package alone is left to dpkg.
    Left(LeftToDpkg),
    /// Nothing is unpacked.
    Failed(UnpackError),
}

impl Stop {
    pub(super) fn left(path: &[u8], why: LeftReason) -> Self {
        Self::Left(LeftToDpkg { path: path.to_vec(), why })
    }
}

impl From<DebError> for Stop {
    fn from(error: DebError) -> Self {
        Self::Failed(error.into())
    }
}

impl From<UnpackError> for Stop {
    fn from(error: UnpackError) -> Self {
        Self::Failed(error)
    }
}
