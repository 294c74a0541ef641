//! Where vclust keeps what must survive it: indexes, images, layers, history.

use std::io;
use std::path::{Path, PathBuf};

use thiserror::Error;

/// Why there is no state directory.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum StateDirectoryError {
    /// Neither a home directory nor a variable that names one.
    #[error("there is no place for vclust's state: set VCLUST_STATE_DIR to a directory")]
    Nowhere,
    /// The directory cannot be made.
    #[error("cannot make {}; set VCLUST_STATE_DIR to a directory of yours", path.display())]
    Make {
        /// The directory.
        path: PathBuf,
        /// What the system says.
        source: io::Error,
    },
}

/// vclust's state directory.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StateDirectory(PathBuf);

impl StateDirectory {
    /// `$VCLUST_STATE_DIR`, else `/var/lib/vclust` for root, else `$XDG_DATA_HOME/vclust`, which is
    /// `~/.local/share/vclust` by default. Nothing is made yet.
    pub fn locate() -> Result<Self, StateDirectoryError> {
        let variable = |name| std::env::var_os(name).filter(|value| !value.is_empty());
        if let Some(path) = variable("VCLUST_STATE_DIR") {
            return Ok(Self(PathBuf::from(path)));
        }
        if rustix::process::geteuid().is_root() {
            return Ok(Self(PathBuf::from("/var/lib/vclust")));
        }
        let data = variable("XDG_DATA_HOME")
            .map(PathBuf::from)
            .filter(|path| path.is_absolute())
            .or_else(|| variable("HOME").map(|home| PathBuf::from(home).join(".local/share")))
            .ok_or(StateDirectoryError::Nowhere)?;
        Ok(Self(data.join("vclust")))
    }

    /// A directory of the caller's choice.
    #[must_use]
    pub fn at(path: impl Into<PathBuf>) -> Self {
        Self(path.into())
    }

    /// The directory.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.0
    }

    /// A directory below it, made if it is not there.
    pub fn make(&self, name: &str) -> Result<PathBuf, StateDirectoryError> {
        let path = self.0.join(name);
        match std::fs::create_dir_all(&path) {
            Ok(()) => Ok(path),
            Err(source) => Err(StateDirectoryError::Make { path, source }),
        }
    }
}
