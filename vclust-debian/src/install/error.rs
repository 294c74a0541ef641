use std::io;
use std::path::PathBuf;

use thiserror::Error;

use crate::database::DatabaseError;
use crate::deb::DebError;
use crate::sandbox::SandboxError;
use crate::unpack::UnpackError;

/// Why packages are not installed. What is in the root then is no use any more.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum InstallError {
    /// A package cannot be read.
    #[error(transparent)]
    Package(#[from] DebError),
    /// A package cannot be unpacked.
    #[error(transparent)]
    Unpack(#[from] UnpackError),
    /// The root's database cannot be used.
    #[error(transparent)]
    Database(#[from] DatabaseError),
    /// dpkg or a script did not come to its end.
    #[error("installing failed {during}")]
    Sandbox {
        /// When, such as `while dpkg configured libc6`.
        during: String,
        /// What happened.
        source: SandboxError,
    },
    /// A maintainer script failed.
    #[error("the {script} script of {package} failed with {status}; it said:\n{log}")]
    Script {
        /// The package.
        package: String,
        /// Which script.
        script: &'static str,
        /// How it ended.
        status: String,
        /// The end of what was printed.
        log: String,
    },
    /// dpkg failed.
    #[error("dpkg failed {during} ({status}); it said:\n{log}")]
    Dpkg {
        /// When, such as `while it configured libc6`.
        during: String,
        /// How it ended.
        status: String,
        /// The end of what was printed.
        log: String,
    },
    /// dpkg is content, but a package is not installed.
    #[error("{package} is {state} after dpkg ended without an error; it said:\n{log}")]
    Unfinished {
        /// The package.
        package: String,
        /// Its state according to dpkg's database.
        state: String,
        /// The end of what was printed.
        log: String,
    },
    /// The same package is given twice.
    #[error("{package} is to be installed in two versions at once")]
    Twice {
        /// The package.
        package: String,
    },
    /// A root that has files but no dpkg.
    #[error("{} is neither empty nor a root of Debian; name another directory", path.display())]
    NoRoot {
        /// The root.
        path: PathBuf,
    },
    /// The root cannot be read or written.
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
