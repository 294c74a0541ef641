use std::io;
use std::path::PathBuf;
use std::time::Duration;

use thiserror::Error;

/// Why a program did not run to its end in a root.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum SandboxError {
    /// Namespaces of one's own need rights that this process does not have.
    #[error(
        "cannot have namespaces of one's own ({step}); run as root, or allow user namespaces and \
         subordinate ids (`apt-get install uidmap`)"
    )]
    Namespace {
        /// What was asked of the system.
        step: &'static str,
        /// What it said.
        source: io::Error,
    },
    /// The root cannot be prepared.
    #[error("cannot {step} {}", path.display())]
    Prepare {
        /// What was tried, as a verb.
        step: &'static str,
        /// On which path.
        path: PathBuf,
        /// What the system says.
        source: io::Error,
    },
    /// A directory that something is mounted on is something else.
    #[error("{} in the root is no directory; a package put something else there", path.display())]
    NoDirectory {
        /// The path within the root.
        path: PathBuf,
    },
    /// The program cannot be started.
    #[error("cannot run `{program}` in the root")]
    Run {
        /// The program.
        program: String,
        /// What the system says.
        source: io::Error,
    },
    /// The program took too long and was killed, with all that it had started.
    #[error("`{program}` was killed after {} s; its last words: {log}", timeout.as_secs())]
    TimedOut {
        /// The program.
        program: String,
        /// How long it was given.
        timeout: Duration,
        /// The end of what it printed.
        log: String,
    },
}
