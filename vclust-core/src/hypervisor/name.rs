//! Names of domains.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};
use thiserror::Error;

/// Longest name, as long as a label of a host name (RFC 1123).
const LONGEST: usize = 63;

/// The name of a domain, which is also its node's host name: a small letter, then small letters, digits and
/// hyphens, of which the last is none. Hypervisors' tools take names of digits for numbers, and names
/// with a slash for paths; neither is possible here.
///
/// ```
/// use vclust_core::DomainName;
/// assert!("node-1".parse::<DomainName>().is_ok());
/// assert!("17".parse::<DomainName>().is_err());
/// ```
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct DomainName(String);

/// A text that is no name for a domain.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error(
    "`{0}` is no name for a domain; a name has 1 to {LONGEST} small letters, digits and hyphens, \
     begins with a letter and does not end with a hyphen"
)]
pub struct DomainNameError(String);

impl DomainName {
    /// The text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for DomainName {
    type Err = DomainNameError;

    fn from_str(text: &str) -> Result<Self, DomainNameError> {
        let letter = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-';
        let fits = (1..=LONGEST).contains(&text.len())
            && text.bytes().all(letter)
            && text.starts_with(|first: char| first.is_ascii_lowercase())
            && !text.ends_with('-');
        if fits {
            Ok(Self(text.to_owned()))
        } else {
            Err(DomainNameError(text.chars().take(80).collect()))
        }
    }
}

impl fmt::Display for DomainName {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.pad(&self.0)
    }
}

impl TryFrom<String> for DomainName {
    type Error = DomainNameError;

    fn try_from(text: String) -> Result<Self, DomainNameError> {
        text.parse()
    }
}

impl From<DomainName> for String {
    fn from(name: DomainName) -> Self {
        name.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_names_that_every_tool_reads_alike_are_taken() {
        for name in ["a", "mpi-16", "n1", &"a".repeat(63)] {
            assert_eq!(name.parse::<DomainName>().expect(name).as_str(), name);
        }
        for text in
            ["", "1", "17", "1a", "-a", "a-", "a/b", "a b", "A", "a.b", "ä", &"a".repeat(64)]
        {
            let error = text.parse::<DomainName>().expect_err(text);
            assert!(error.to_string().starts_with(&format!("`{text}` ")), "{error}");
        }
    }
}
