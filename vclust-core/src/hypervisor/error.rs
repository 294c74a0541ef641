//! Why a hypervisor did not do what it was asked for.

use std::error::Error as StdError;
use std::io;
use std::path::{Path, PathBuf};
use std::time::Duration;

use thiserror::Error;

use super::DomainState;
use super::name::DomainName;
use crate::units::ByteSize;

/// Why a hypervisor did not do what it was asked for.
#[derive(Debug, Error)]
#[error("cannot {action}{}", of(domain.as_ref()))]
pub struct HypervisorError {
    /// What was asked for, such as `start`.
    pub action: &'static str,
    /// The domain it was asked for, if it was one.
    pub domain: Option<DomainName>,
    /// What was in the way.
    #[source]
    pub problem: HypervisorProblem,
}

/// What was in a hypervisor's way.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum HypervisorProblem {
    /// There is no domain of that name.
    #[error("there is no such domain")]
    Unknown,
    /// There is a domain of that name with another configuration.
    #[error("there is another domain of that name; stop it and remove it first")]
    InUse,
    /// The domain is in a state in which that cannot be done.
    #[error("it is {}", state.name())]
    State {
        /// The state.
        state: DomainState,
    },
    /// The host has too little memory.
    #[error("it needs {needed} of memory, and the host has {free} left")]
    Memory {
        /// What the domain needs.
        needed: ByteSize,
        /// What the host has.
        free: ByteSize,
    },
    /// A part of the hypervisor is not installed.
    #[error("`{program}` is not installed; `apt-get install {package}` installs it")]
    Missing {
        /// The program.
        program: String,
        /// The Debian package that has it.
        package: &'static str,
    },
    /// It was not done in time.
    #[error("it was not done after {:.1} s{}", deadline.as_secs_f64(), quoted(said))]
    Late {
        /// How long it was given.
        deadline: Duration,
        /// What the hypervisor said meanwhile.
        said: String,
    },
    /// The hypervisor refused, or ended.
    #[error("the hypervisor failed{}", quoted(said))]
    Failed {
        /// What it said.
        said: String,
    },
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
    /// A file that vclust has written holds something else.
    #[error("{} is damaged", path.display())]
    Damaged {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        source: Box<dyn StdError + Send + Sync>,
    },
    /// A saved state that is of another machine.
    #[error("{} was saved from another machine: its {what} is {saved}, and this domain's is {own}", path.display())]
    Shape {
        /// The saved state.
        path: PathBuf,
        /// What differs.
        what: &'static str,
        /// What was saved.
        saved: Box<str>,
        /// What this domain has.
        own: Box<str>,
    },
    /// A memory that is gone when its domain ends.
    #[error(
        "its memory is private; only a domain that is defined with saveable memory can be saved"
    )]
    NotSaveable,
    /// A directory that a state cannot be saved in.
    #[error("{} is not empty; a state is saved into an empty directory", .0.display())]
    NotEmpty(PathBuf),
    /// A line that somebody else holds.
    #[error("another program uses its {0}; only one at a time can")]
    LineInUse(&'static str),
    /// The hypervisor works for no domain, and will not do so later: nothing is to be tried again.
    #[error(transparent)]
    Unusable(Box<dyn StdError + Send + Sync>),
    /// Something else.
    #[error(transparent)]
    Other(Box<dyn StdError + Send + Sync>),
}

fn of(domain: Option<&DomainName>) -> String {
    domain.map(|domain| format!(" the domain {domain}")).unwrap_or_default()
}

fn quoted(text: &str) -> String {
    if text.trim().is_empty() { String::new() } else { format!("; it said: {}", text.trim()) }
}

impl HypervisorProblem {
    /// What to make of the error of a file that something was tried with.
    pub fn file(action: &'static str, path: &Path) -> impl FnOnce(io::Error) -> Self {
        let path = path.to_owned();
        move |source| Self::File { action, path, source }
    }

    /// What to make of a file that vclust has written and cannot read.
    pub fn damaged<E>(path: &Path) -> impl FnOnce(E) -> Self
    where
        E: StdError + Send + Sync + 'static,
    {
        let path = path.to_owned();
        move |source| Self::Damaged { path, source: Box::new(source) }
    }

    /// What to make of two things that are the same for a saved state and for a domain that is to start
    /// from there.
    pub fn unless_same(
        path: &Path,
        what: &'static str,
        saved: &str,
        own: &str,
    ) -> Result<(), Self> {
        if saved == own {
            return Ok(());
        }
        let path = path.to_owned();
        Err(Self::Shape { path, what, saved: saved.into(), own: own.into() })
    }
}

impl HypervisorError {
    /// An error about one domain.
    #[must_use]
    pub fn of(action: &'static str, domain: &DomainName, problem: HypervisorProblem) -> Self {
        Self { action, domain: Some(domain.clone()), problem }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn errors_name_the_domain_and_what_was_tried() {
        let name: DomainName = "n1".parse().unwrap();
        let said = "no such file\n".to_owned();
        let error = HypervisorError::of("start", &name, HypervisorProblem::Failed { said });
        assert_eq!(error.to_string(), "cannot start the domain n1");
        let cause = error.source().map(ToString::to_string).unwrap();
        assert_eq!(cause, "the hypervisor failed; it said: no such file");
    }
}
