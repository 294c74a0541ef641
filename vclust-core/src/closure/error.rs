//! Why a request has no closure.

use thiserror::Error;

/// A request that cannot be fulfilled.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum ResolveError {
    /// No package and no provider is called so.
    #[error("no package is called `{package}`{}", hint(similar))]
    Unknown {
        /// What was asked for.
        package: String,
        /// Names close to it.
        similar: Vec<String>,
    },
    /// Several packages provide the name.
    #[error("`{package}` is a virtual package; name one that provides it: {}", providers.join(", "))]
    Virtual {
        /// What was asked for.
        package: String,
        /// The packages that provide it.
        providers: Vec<String>,
    },
    /// The package exists, but no version of it may be installed.
    #[error(
        "package `{package}` has no candidate: no archive offers it, or its priority forbids it"
    )]
    NoCandidate {
        /// What was asked for.
        package: String,
    },
    /// The package does not have the version asked for.
    #[error("`{wanted}` does not exist; versions of `{package}`: {}", available.join(", "))]
    NoSuchVersion {
        /// The package.
        package: String,
        /// The item of the request.
        wanted: String,
        /// The versions there are.
        available: Vec<String>,
    },
    /// The root already lacks something that its packages need.
    #[error("the root is broken already: {}; mend it with `apt-get --fix-broken install`", explanation.join("; "))]
    BrokenRoot {
        /// The unfulfilled relations.
        explanation: Vec<String>,
    },
    /// Relations contradict each other or name what does not exist.
    #[error("the request cannot be fulfilled: {}", explanation.join("; "))]
    Unsatisfiable {
        /// The chain that fails, a step each, from the request to the reason.
        explanation: Vec<String>,
    },
}

impl ResolveError {
    /// The steps of the chain that fails; one step for the simpler errors.
    #[must_use]
    pub fn explanation(&self) -> Vec<String> {
        match self {
            Self::BrokenRoot { explanation } | Self::Unsatisfiable { explanation } => {
                explanation.clone()
            }
            other => vec![other.to_string()],
        }
    }
}

fn hint(similar: &[String]) -> String {
    if similar.is_empty() {
        return String::new();
    }
    format!("; did you mean {}?", similar.join(", "))
}
