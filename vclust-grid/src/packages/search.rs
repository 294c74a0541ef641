//! Finding packages by what they are called and what their descriptions say.

use regex::{Regex, RegexBuilder};
use thiserror::Error;
use vclust_core::VersionView;

use super::load::LoadedIndex;

/// A text that is no pattern.
#[derive(Debug, Clone, PartialEq, Error)]
#[error("`{pattern}` is not a regular expression")]
#[non_exhaustive]
pub struct SearchError {
    /// The text.
    pub pattern: String,
    /// What is wrong with it.
    pub source: regex::Error,
}

/// Regular expressions that packages are to match, all of them, without regard to letter case.
#[derive(Debug, Clone)]
pub struct PackageSearch {
    patterns: Vec<Regex>,
    names_only: bool,
}

impl PackageSearch {
    /// A search in names and descriptions.
    pub fn new<'p>(patterns: impl IntoIterator<Item = &'p str>) -> Result<Self, SearchError> {
        let compile = |text: &str| {
            RegexBuilder::new(text)
                .case_insensitive(true)
                .build()
                .map_err(|source| SearchError { pattern: text.to_owned(), source })
        };
        let patterns = patterns.into_iter().map(compile).collect::<Result<_, _>>()?;
        Ok(Self { patterns, names_only: false })
    }

    /// Whether descriptions are left out.
    #[must_use]
    pub fn names_only(mut self, names_only: bool) -> Self {
        self.names_only = names_only;
        self
    }

    /// The candidates that match, ordered by name.
    #[must_use]
    pub fn find<'a>(&self, loaded: &'a LoadedIndex) -> Vec<VersionView<'a>> {
        let mut found: Vec<_> = loaded.candidates().filter(|found| self.matches(found)).collect();
        found.sort_by(|a, b| a.name().cmp(&b.name()));
        found
    }

    fn matches(&self, version: &VersionView<'_>) -> bool {
        let name = version.name();
        if self.patterns.iter().all(|pattern| pattern.is_match(&name)) {
            return true;
        }
        !self.names_only
            && version.field("Description").is_some_and(|text| {
                self.patterns
                    .iter()
                    .all(|pattern| pattern.is_match(&name) || pattern.is_match(&text))
            })
    }
}
