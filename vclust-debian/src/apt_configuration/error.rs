//! What can be wrong with an apt configuration.

use std::io;
use std::path::PathBuf;

use thiserror::Error;
use vclust_core::ReleaseError;

use super::source::Location;
use super::tree::AptConfSyntaxError;
use crate::index_file::IndexFileError;

/// Why the machine's apt configuration could not be read.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum AptConfigurationError {
    /// A directory cannot be listed.
    #[error("cannot list {}", path.display())]
    List {
        /// The directory.
        path: PathBuf,
        /// What the system says.
        source: io::Error,
    },
    /// A file cannot be read.
    #[error(transparent)]
    File(#[from] IndexFileError),
    /// A configuration file is malformed.
    #[error(transparent)]
    Syntax(#[from] AptConfSyntaxError),
    /// Configuration files include each other without end.
    #[error("{}: `#include` goes more than ten files deep", path.display())]
    Includes {
        /// The file at the end of the chain.
        path: PathBuf,
    },
    /// An entry of the sources is malformed.
    #[error("{location}: {reason}")]
    Source {
        /// Where it stands.
        location: Location,
        /// What is wrong with it.
        reason: String,
    },
    /// A pin is malformed.
    #[error("{location}: {reason}")]
    Preference {
        /// Where it stands.
        location: Location,
        /// What is wrong with it.
        reason: String,
    },
    /// A downloaded `Release` file is malformed.
    #[error("{} is damaged; `apt-get update` fetches it anew", path.display())]
    Release {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        source: ReleaseError,
    },
}
