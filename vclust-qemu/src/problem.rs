//! What can be in the way besides what every hypervisor knows.

use std::io;
use std::path::{Path, PathBuf};

use thiserror::Error;
use vclust_core::HypervisorProblem;
use vclust_process::DaemonError;

/// What became of something that was asked for, before the domain's name is put to it.
pub(crate) type Outcome<T> = Result<T, HypervisorProblem>;

/// What can be in the way of a domain under QEMU.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum QemuProblem {
    /// A file cannot be used.
    #[error("cannot {action} {}", path.display())]
    File {
        /// What was tried with it.
        action: &'static str,
        /// The file.
        path: PathBuf,
        /// What the system says.
        source: io::Error,
    },
    /// A file that was written by vclust holds something else.
    #[error("{} is damaged", path.display())]
    Damaged {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        source: serde_json::Error,
    },
    /// A configuration that no domain can have.
    #[error("its configuration cannot be used: {0}")]
    Configuration(String),
    /// A saved state that is of another machine.
    #[error("{} was saved from another machine: its {what} is {saved}, and this domain's is {own}", path.display())]
    Shape {
        /// The saved state.
        path: PathBuf,
        /// What differs.
        what: &'static str,
        /// What was saved.
        saved: String,
        /// What this domain has.
        own: String,
    },
    /// A memory that is gone when its domain ends.
    #[error(
        "its memory is private; only a domain that is defined with saveable memory can be saved"
    )]
    NotSaveable,
    /// A domain that shares its memory with a saved state.
    #[error(
        "it was started from a saved state; save a domain that was started from its configuration"
    )]
    Clone,
    /// A directory that a state cannot be saved in.
    #[error("{} is not empty; a state is saved into an empty directory", .0.display())]
    NotEmpty(PathBuf),
    /// A line that somebody else holds.
    #[error("another program uses its {0}; only one at a time can")]
    LineInUse(&'static str),
    /// A limit that cannot be kept.
    #[error(
        "its limits cannot be kept: {0}; give it none, or have the system's administrator delegate a \
         cgroup (version 2) with that controller"
    )]
    Limit(String),
    /// An acceleration that does not work here.
    #[error("{0} does not run guests on this machine")]
    Acceleration(&'static str),
}

impl From<QemuProblem> for HypervisorProblem {
    fn from(problem: QemuProblem) -> Self {
        Self::Other(Box::new(problem))
    }
}

/// What to make of a program that does not start.
pub(crate) fn daemon_problem(error: DaemonError) -> HypervisorProblem {
    match error {
        DaemonError::Missing { program, package } => {
            HypervisorProblem::Missing { program, package }
        }
        other => HypervisorProblem::Other(Box::new(other)),
    }
}

/// What to make of a file's error.
pub(crate) fn file(
    action: &'static str,
    path: &Path,
) -> impl FnOnce(io::Error) -> HypervisorProblem {
    let path = path.to_owned();
    move |source| QemuProblem::File { action, path, source }.into()
}
