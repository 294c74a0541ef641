use std::io;

use thiserror::Error;

/// Why a node cannot go on.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum AgentError {
    /// Something about the system failed.
    #[error("cannot {doing}")]
    System {
        /// What the agent was doing.
        doing: String,
        /// What the system says.
        source: io::Error,
    },
    /// The machine has not what is needed.
    #[error("{0}")]
    Missing(String),
    /// A part of an installation failed.
    #[error("cannot install this node: the step {step} failed")]
    Step {
        /// Its name.
        step: &'static str,
        /// What was in the way.
        source: Box<AgentError>,
    },
    /// A program failed.
    #[error("`{command}` failed ({status}): {said}")]
    Command {
        /// The program with its arguments.
        command: String,
        /// How it ended.
        status: String,
        /// What it said.
        said: String,
    },
}

impl AgentError {
    /// Makes a function that adds what was being done to an error of the system.
    pub(super) fn doing<E: Into<io::Error>>(doing: impl Into<String>) -> impl FnOnce(E) -> Self {
        move |source| Self::System { doing: doing.into(), source: source.into() }
    }
}
