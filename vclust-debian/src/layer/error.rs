use std::io;
use std::path::{Path, PathBuf};

use thiserror::Error;

use crate::sandbox::SandboxError;

/// Why a layer could not be built.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum LayerError {
    /// There is no mount namespace of one's own.
    #[error(transparent)]
    Sandbox(#[from] SandboxError),
    /// No image to build over.
    #[error("a layer needs an image to be built over")]
    NothingBelow,
    /// A path that the mount options of an overlay cannot name.
    #[error(
        "{} has a colon, comma or backslash in its name; use another state directory",
        path.display()
    )]
    Path {
        /// The path.
        path: PathBuf,
    },
    /// An image cannot be mounted.
    #[error(
        "cannot mount {} as erofs; the kernel must know that file system (`modprobe erofs`), and \
         root must be root, not of a user namespace",
        path.display()
    )]
    Attach {
        /// The image.
        path: PathBuf,
        /// What the system says.
        source: io::Error,
    },
    /// An overlay cannot be mounted.
    #[error("cannot mount an overlay on {}", path.display())]
    Overlay {
        /// Where.
        path: PathBuf,
        /// What the system says.
        source: io::Error,
    },
    /// A file or directory of the build cannot be used.
    #[error("cannot {step} {}", path.display())]
    Access {
        /// What was tried, as a verb.
        step: &'static str,
        /// Where.
        path: PathBuf,
        /// What the system says.
        source: io::Error,
    },
}

impl LayerError {
    pub(super) fn access(
        step: &'static str,
        path: &Path,
    ) -> impl FnOnce(io::Error) -> Self + use<> {
        let path = path.to_owned();
        move |source| Self::Access { step, path, source }
    }
}
