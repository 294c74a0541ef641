//! Files that cannot be used, as all parts of a site tell of them.

use std::io;
use std::path::{Path, PathBuf};

use thiserror::Error;

/// A file that cannot be used.
#[derive(Debug, Error)]
#[error("cannot {action} {}", path.display())]
pub struct FileError {
    /// What was tried: `read` or `write`.
    action: &'static str,
    /// The file, or a directory.
    path: PathBuf,
    /// What the system says.
    source: io::Error,
}

impl FileError {
    /// What to make of an error from reading a file.
    pub(crate) fn read(path: &Path) -> impl FnOnce(io::Error) -> Self + use<> {
        Self::of("read", path)
    }

    /// What to make of an error from writing a file.
    pub(crate) fn write(path: &Path) -> impl FnOnce(io::Error) -> Self + use<> {
        Self::of("write", path)
    }

    fn of(action: &'static str, path: &Path) -> impl FnOnce(io::Error) -> Self + use<> {
        let path = path.to_owned();
        move |source| Self { action, path, source }
    }

    /// Whether the file is not there.
    pub(crate) fn is_missing(&self) -> bool {
        self.source.kind() == io::ErrorKind::NotFound
    }
}
