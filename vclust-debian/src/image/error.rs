use std::io;
use std::path::PathBuf;

use thiserror::Error;

use crate::sandbox::SandboxError;

/// Why a root could not be made an image.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum ImageError {
    /// A path in the root cannot be written, removed or looked at.
    #[error("cannot {step} {} in the root", path.display())]
    Access {
        /// What was tried, as a verb.
        step: &'static str,
        /// The path within the root.
        path: PathBuf,
        /// What the system says.
        source: io::Error,
    },
    /// The root cannot be entered.
    #[error(transparent)]
    Sandbox(#[from] SandboxError),
}
