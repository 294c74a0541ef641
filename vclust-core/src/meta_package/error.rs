//! What can be wrong with a meta-package.

use std::fmt::Write as _;

use thiserror::Error;

/// Why meta-packages could not be read or expanded.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum MetaPackageError {
    /// A file is not TOML, or not in the meta-package format.
    #[error("{origin} is not a file of meta-packages")]
    Syntax {
        /// Where the text came from, in the caller's words: a path as a rule.
        origin: String,
        /// The position and the fault.
        #[source]
        source: Box<toml::de::Error>,
    },
    /// An id or an alias is not a name such as `c-development`.
    #[error(
        "`{name}` in {origin} cannot name a meta-package: a name begins with a lower-case letter \
         or a digit and goes on with these or `+`, `-` and `.`"
    )]
    InvalidName {
        /// The name as written.
        name: String,
        /// Where it was written.
        origin: String,
    },
    /// An entry of `packages` or `recommends` is not what apt would take as a package.
    #[error(
        "`{entry}` in meta-package `{id}` of {origin} does not name a package: write `NAME`, \
         `NAME:ARCHITECTURE`, `NAME=VERSION` or `NAME/SUITE`, with `|` between alternatives"
    )]
    InvalidEntry {
        /// The entry as written.
        entry: String,
        /// The meta-package it stands in.
        id: String,
        /// Where that meta-package was read.
        origin: String,
    },
    /// One name stands for two meta-packages.
    #[error("`{name}` names both meta-package `{first}` and meta-package `{second}` ({origin})")]
    Ambiguous {
        /// The id or alias.
        name: String,
        /// The meta-package that had the name.
        first: String,
        /// The one that claims it too.
        second: String,
        /// Where the second one was read.
        origin: String,
    },
    /// There is no meta-package of this name.
    #[error("there is no meta-package `{name}`{}", did_you_mean(suggestions))]
    Unknown {
        /// The name asked for.
        name: String,
        /// Known names that look like it, the nearest first.
        suggestions: Vec<String>,
    },
    /// A meta-package includes one that does not exist.
    #[error(
        "meta-package `{id}` includes `{name}`, which does not exist{}",
        did_you_mean(suggestions)
    )]
    UnknownInclude {
        /// The meta-package that includes it.
        id: String,
        /// The missing one.
        name: String,
        /// Known names that look like it, the nearest first.
        suggestions: Vec<String>,
    },
    /// No task has this name.
    #[error("Debian has no task `{name}`{}", did_you_mean(suggestions))]
    UnknownTask {
        /// The task asked for, without `task-`.
        name: String,
        /// Tasks that look like it, the nearest first.
        suggestions: Vec<String>,
    },
    /// Units that include each other in a ring.
    #[error("meta-packages include each other: {}", chain.join(" -> "))]
    Cycle {
        /// The ring; its first and last names are the same.
        chain: Vec<String>,
    },
}

/// `; did you mean ...?`, or nothing when there is nothing to suggest.
fn did_you_mean(suggestions: &[String]) -> String {
    let mut text = String::new();
    for (position, name) in suggestions.iter().enumerate() {
        let lead = match position {
            0 => "; did you mean ",
            _ if position + 1 == suggestions.len() => " or ",
            _ => ", ",
        };
        let _ = write!(text, "{lead}`{name}`");
    }
    if !text.is_empty() {
        text.push('?');
    }
    text
}

/// Up to three of `known` that a typist may have meant by `name`, the nearest first.
///
/// Nearness is the Damerau-Levenshtein distance, at most two and in short names at most
/// one; a known name that begins with `name`, or the other way round, counts as near too.
pub(super) fn near_names<'a>(name: &str, known: impl Iterator<Item = &'a str>) -> Vec<String> {
    let limit = (name.chars().count() / 3).clamp(1, 2);
    let mut near: Vec<(usize, &str)> = known
        .filter_map(|candidate| {
            let distance = strsim::damerau_levenshtein(name, candidate);
            let extends = name.len() >= 3
                && (candidate.starts_with(name)
                    || (candidate.len() >= 3 && name.starts_with(candidate)));
            (distance <= limit || extends).then_some((distance, candidate))
        })
        .collect();
    near.sort_unstable();
    near.dedup();
    near.into_iter().take(3).map(|(_, candidate)| candidate.to_owned()).collect()
}
