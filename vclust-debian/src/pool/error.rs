use std::io;
use std::path::{Path, PathBuf};

use thiserror::Error;

use crate::mirror::MirrorError;
use crate::state_directory::StateDirectoryError;

/// Why a package is not in the pool. Those that were there before still are.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum PoolError {
    /// The package cannot be fetched, or is not what the index promises.
    #[error("cannot fetch the package {package}")]
    Fetch {
        /// The package.
        package: String,
        /// What happened.
        source: Box<MirrorError>,
    },
    /// The archive does not have it any more.
    #[error(
        "the archive has no {url} ({package}) any more; bring the package lists up to date \
         (`apt-get update`, or `vclust packages update`)"
    )]
    Gone {
        /// The package.
        package: String,
        /// Where it was to be.
        url: String,
    },
    /// Another process fetches the same package, and does not come to an end.
    #[error("{} has been locked for {seconds} s by another process", path.display())]
    Locked {
        /// The lock.
        path: PathBuf,
        /// How long was waited for it.
        seconds: u64,
    },
    /// There is no place for packages.
    #[error(transparent)]
    State(#[from] StateDirectoryError),
    /// A file of the pool cannot be used.
    #[error("cannot {step} {}", path.display())]
    Access {
        /// What was tried, as a verb.
        step: &'static str,
        /// The file.
        path: PathBuf,
        /// What the system says.
        source: io::Error,
    },
}

impl PoolError {
    pub(super) fn access(
        step: &'static str,
        path: &Path,
    ) -> impl FnOnce(io::Error) -> Self + use<> {
        let path = path.to_owned();
        move |source| Self::Access { step, path, source }
    }
}
