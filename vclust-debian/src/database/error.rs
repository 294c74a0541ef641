use std::io;
use std::path::{Path, PathBuf};

use thiserror::Error;
use vclust_core::SyntaxError;

/// What is wrong with dpkg's database in a root.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum DatabaseError {
    /// A file cannot be read or written.
    #[error("cannot {step} {}", path.display())]
    Access {
        /// What was tried, as a verb.
        step: &'static str,
        /// The file.
        path: PathBuf,
        /// What the system says.
        source: io::Error,
    },
    /// The status file is no control file.
    #[error("{} is damaged; take a root that dpkg still understands", path.display())]
    Syntax {
        /// The file.
        path: PathBuf,
        /// Where and how.
        source: SyntaxError,
    },
    /// A line of another file means nothing.
    #[error("{} is damaged in line {line}: `{text}`", path.display())]
    Line {
        /// The file.
        path: PathBuf,
        /// The line, counted from 1.
        line: usize,
        /// What it says.
        text: String,
    },
}

/// Says what was tried on which path.
pub(super) fn on_path(
    step: &'static str,
    path: &Path,
) -> impl FnOnce(io::Error) -> DatabaseError + use<> {
    let path = path.to_owned();
    move |source| DatabaseError::Access { step, path, source }
}
