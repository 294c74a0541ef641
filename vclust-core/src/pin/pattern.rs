//! Globs and regular expressions, matched as apt matches them.

use std::fmt;

use regex::bytes::{Regex, RegexBuilder};
use thiserror::Error;

/// What a compiled expression may take; a preferences file can hold thousands of them.
const COMPILED_BYTES: usize = 1 << 17;

/// A glob (`*`, `?`, `[..]`) or, between slashes, an extended regular expression.
///
/// As in apt, both ignore case; a glob covers the whole text, an expression any part of it.
#[derive(Clone)]
pub struct Pattern {
    text: String,
    regex: Option<Regex>,
}

/// A pattern that cannot be compiled.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error("`{pattern}` is no valid pattern: {reason}")]
#[non_exhaustive]
pub struct PatternError {
    /// The pattern.
    pub pattern: String,
    /// What the regular expression compiler says.
    pub reason: String,
}

impl Pattern {
    /// Compiles a pattern.
    pub fn parse(text: &str) -> Result<Self, PatternError> {
        let inner = text.strip_prefix('/').and_then(|rest| rest.strip_suffix('/'));
        // Names are ASCII, and Unicode's classes large: each `\w` of them takes tens of kilobytes.
        let (expression, unicode) = match inner {
            Some(inner) => (inner.to_owned(), !inner.is_ascii()),
            None if text.contains(['*', '?', '[', '\\']) => (glob_to_regex(text), true),
            None => {
                return Ok(Self { text: text.to_owned(), regex: None });
            }
        };
        let regex = RegexBuilder::new(&expression)
            .unicode(unicode)
            .case_insensitive(true)
            .dot_matches_new_line(true)
            .size_limit(COMPILED_BYTES)
            .build()
            .map_err(|error| PatternError {
                pattern: text.to_owned(),
                reason: error.to_string(),
            })?;
        Ok(Self { text: text.to_owned(), regex: Some(regex) })
    }

    /// A text that matches itself only.
    pub(super) fn literal(text: &str) -> Self {
        Self { text: text.to_owned(), regex: None }
    }

    /// Whether a text matches.
    #[must_use]
    pub fn matches(&self, text: &str) -> bool {
        match &self.regex {
            Some(regex) => regex.is_match(text.as_bytes()),
            None => self.text.eq_ignore_ascii_case(text),
        }
    }

    /// The pattern as written.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.text
    }

    /// Whether the text is more than a name.
    pub(super) fn is_pattern(&self) -> bool {
        self.regex.is_some()
    }
}

impl PartialEq for Pattern {
    fn eq(&self, other: &Self) -> bool {
        self.text == other.text
    }
}

impl fmt::Debug for Pattern {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "Pattern({:?})", self.text)
    }
}

/// The regular expression that matches what fnmatch(3) would.
fn glob_to_regex(glob: &str) -> String {
    let mut regex = String::from("^");
    let mut rest = glob.chars();
    while let Some(character) = rest.next() {
        match character {
            '*' => regex.push_str(".*"),
            '?' => regex.push('.'),
            '[' => {
                let tail = rest.as_str();
                // a `]` that comes first belongs to the set
                let skip = usize::from(tail.starts_with(['!', '^']));
                let first = skip + usize::from(tail[skip..].starts_with(']'));
                match tail[first..].find(']') {
                    Some(end) => {
                        let set = &tail[skip..first + end];
                        regex.push_str(if skip == 1 { "[^" } else { "[" });
                        for member in set.chars() {
                            if matches!(member, '\\' | '[' | ']' | '^' | '&' | '~') {
                                regex.push('\\');
                            }
                            regex.push(member);
                        }
                        regex.push(']');
                        rest = tail[first + end + 1..].chars();
                    }
                    None => regex.push_str("\\["),
                }
            }
            '\\' => {
                let literal = rest.next().unwrap_or('\\');
                regex.push_str(&regex::escape(literal.encode_utf8(&mut [0; 4])));
            }
            other => regex.push_str(&regex::escape(other.encode_utf8(&mut [0; 4]))),
        }
    }
    regex.push('$');
    regex
}
