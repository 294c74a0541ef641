//! Why a hypervisor did not do what it was asked for.

use std::error::Error as StdError;
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
