//! What can be in the way besides what every hypervisor knows.

use thiserror::Error;
use vclust_core::HypervisorProblem;
use vclust_process::DaemonError;

/// What became of something that was asked for, before the domain's name is put to it.
pub(crate) type Outcome<T> = Result<T, HypervisorProblem>;

/// What can be in the way of a domain under QEMU.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum QemuProblem {
    /// A configuration that no domain can have.
    #[error("its configuration cannot be used: {0}")]
    Configuration(String),
    /// A domain that shares its memory with a saved state.
    #[error(
        "it was started from a saved state; save a domain that was started from its configuration"
    )]
    Clone,
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
