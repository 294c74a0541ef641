//! Debian version numbers, ordered exactly as dpkg orders them.
//!
//! A version is `[epoch:]upstream[-revision]` (deb-version(7)). Upstream version and revision are
//! compared by the same rule: alternating runs of non-digits and of digits, digits by value, and
//! characters by a modified alphabet in which `~` sorts before the end of the string, letters
//! before everything else. Comparison works on the text itself and never allocates.

use std::cmp::Ordering;
use std::fmt;
use std::hash::{Hash, Hasher};
use std::str::FromStr;

use serde::{Deserialize, Serialize};
use thiserror::Error;

/// A text that dpkg would not accept as a version.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error("`{version}` is not a Debian version: {reason}")]
#[non_exhaustive]
pub struct VersionError {
    /// The text that was given.
    pub version: String,
    /// What is wrong with it.
    pub reason: &'static str,
}

/// A valid Debian version.
///
/// Two versions are equal if dpkg says so: `1.0` and `1.00` are, and so are `1` and `0:1-0`.
///
/// ```
/// use vclust_core::Version;
/// let old: Version = "1.0~rc1-1".parse()?;
/// let new: Version = "1.0-1".parse()?;
/// assert!(old < new);
/// # Ok::<(), vclust_core::VersionError>(())
/// ```
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Version(Box<str>);

impl Version {
    /// The version as it was written.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for Version {
    type Err = VersionError;

    fn from_str(text: &str) -> Result<Self, VersionError> {
        match check(text) {
            Ok(()) => Ok(Self(text.into())),
            Err(reason) => Err(VersionError { version: text.to_owned(), reason }),
        }
    }
}

impl TryFrom<String> for Version {
    type Error = VersionError;

    fn try_from(text: String) -> Result<Self, VersionError> {
        text.parse()
    }
}

impl From<Version> for String {
    fn from(version: Version) -> Self {
        version.0.into()
    }
}

impl fmt::Display for Version {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.0)
    }
}

impl Ord for Version {
    fn cmp(&self, other: &Self) -> Ordering {
        compare_versions(self.0.as_bytes(), other.0.as_bytes())
    }
}

impl PartialOrd for Version {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl PartialEq for Version {
    fn eq(&self, other: &Self) -> bool {
        self.cmp(other).is_eq()
    }
}

impl Eq for Version {}

impl Hash for Version {
    fn hash<H: Hasher>(&self, state: &mut H) {
        let (epoch, rest) = split_epoch(self.0.as_bytes());
        let (upstream, revision) = split_revision(rest);
        significant(epoch).hash(state);
        hash_part(upstream, state);
        hash_part(revision, state);
    }
}

/// Hashes what comparing looks at: turns of other characters and of numbers, to the last that counts.
fn hash_part<H: Hasher>(mut text: &[u8], state: &mut H) {
    while !text.is_empty() {
        let letters = text.iter().take_while(|byte| !byte.is_ascii_digit()).count();
        let (letters, rest) = text.split_at(letters);
        let digits = rest.iter().take_while(|byte| byte.is_ascii_digit()).count();
        let (digits, rest) = rest.split_at(digits);
        // only the first turn can be without either: `0` is as good as nothing there
        if !(letters.is_empty() && significant(digits).is_empty()) {
            (letters, significant(digits)).hash(state);
        }
        text = rest;
    }
    state.write_u8(u8::MAX);
}

/// A number without its leading zeros.
fn significant(digits: &[u8]) -> &[u8] {
    &digits[digits.iter().take_while(|byte| **byte == b'0').count()..]
}

fn check(text: &str) -> Result<(), &'static str> {
    let (epoch, rest) = match text.split_once(':') {
        Some((epoch, rest)) => (Some(epoch), rest),
        None => (None, text),
    };
    if let Some(epoch) = epoch {
        if epoch.is_empty() || !epoch.bytes().all(|byte| byte.is_ascii_digit()) {
            return Err("the epoch before the colon is not a number");
        }
        if epoch.parse::<i32>().is_err() {
            return Err("the epoch is too large");
        }
    }
    let (upstream, revision) = match rest.rsplit_once('-') {
        Some((upstream, revision)) => (upstream, Some(revision)),
        None => (rest, None),
    };
    if upstream.is_empty() {
        return Err("the upstream version is empty");
    }
    if !upstream.as_bytes()[0].is_ascii_digit() {
        return Err("the upstream version does not start with a digit");
    }
    if revision == Some("") {
        return Err("the revision after the hyphen is empty");
    }
    let allowed = |byte: u8, extra: &[u8]| byte.is_ascii_alphanumeric() || extra.contains(&byte);
    if !upstream.bytes().all(|byte| allowed(byte, b".-+~:")) {
        return Err("the upstream version has a character other than letters, digits and .-+~:");
    }
    if !revision.unwrap_or("0").bytes().all(|byte| allowed(byte, b".+~")) {
        return Err("the revision has a character other than letters, digits and .+~");
    }
    Ok(())
}

/// Compares two versions, given as text, in dpkg's order.
///
/// Text that is no valid version is compared by the same rule, so that an index with a faulty
/// version still has a total order.
#[must_use]
pub fn compare_versions(a: &[u8], b: &[u8]) -> Ordering {
    if a == b {
        return Ordering::Equal;
    }
    let (epoch_a, a) = split_epoch(a);
    let (epoch_b, b) = split_epoch(b);
    let (upstream_a, revision_a) = split_revision(a);
    let (upstream_b, revision_b) = split_revision(b);
    compare_digits(epoch_a, epoch_b)
        .then_with(|| compare_part(upstream_a, upstream_b))
        .then_with(|| compare_part(revision_a, revision_b))
}

fn split_epoch(version: &[u8]) -> (&[u8], &[u8]) {
    match memchr::memchr(b':', version) {
        Some(colon) if version[..colon].iter().all(u8::is_ascii_digit) => {
            (&version[..colon], &version[colon + 1..])
        }
        _ => (&[], version),
    }
}

fn split_revision(version: &[u8]) -> (&[u8], &[u8]) {
    match memchr::memrchr(b'-', version) {
        Some(hyphen) => (&version[..hyphen], &version[hyphen + 1..]),
        None => (version, &[]),
    }
}

/// Rank of one character in dpkg's modified alphabet; digits and the end of the text rank alike.
fn rank(byte: Option<&u8>) -> i32 {
    match byte {
        None => 0,
        Some(byte) if byte.is_ascii_digit() => 0,
        Some(b'~') => -1,
        Some(byte) if byte.is_ascii_alphabetic() => i32::from(*byte),
        Some(byte) => i32::from(*byte) + 256,
    }
}

fn compare_part(mut a: &[u8], mut b: &[u8]) -> Ordering {
    while !a.is_empty() || !b.is_empty() {
        loop {
            let digit_or_end = |text: &[u8]| text.first().is_none_or(u8::is_ascii_digit);
            if digit_or_end(a) && digit_or_end(b) {
                break;
            }
            let order = rank(a.first()).cmp(&rank(b.first()));
            if order.is_ne() {
                return order;
            }
            a = &a[1.min(a.len())..];
            b = &b[1.min(b.len())..];
        }
        let digits = |text: &[u8]| text.iter().take_while(|byte| byte.is_ascii_digit()).count();
        let (digits_a, rest_a) = a.split_at(digits(a));
        let (digits_b, rest_b) = b.split_at(digits(b));
        let order = compare_digits(digits_a, digits_b);
        if order.is_ne() {
            return order;
        }
        a = rest_a;
        b = rest_b;
    }
    Ordering::Equal
}

/// Compares runs of digits by value, whatever their length.
fn compare_digits(a: &[u8], b: &[u8]) -> Ordering {
    let (a, b) = (significant(a), significant(b));
    // Numbers in versions are a digit or two: a call of memcmp costs more than looking at them.
    a.len().cmp(&b.len()).then_with(|| {
        let differing = a.iter().zip(b).find(|(a, b)| a != b);
        differing.map_or(Ordering::Equal, |(a, b)| a.cmp(b))
    })
}

#[cfg(test)]
mod tests {
    use std::hash::DefaultHasher;

    use super::*;

    #[test]
    fn order_follows_the_manual() {
        let ascending = [
            "1.0~~", "1.0~~a", "1.0~", "1.0", "1.0a", "1.0+b", "1.1-1", "1.1-1+b1", "1.1-2",
            "1.1-10", "1.1.0-1", "2", "1:0",
        ];
        for pair in ascending.windows(2) {
            assert_eq!(
                compare_versions(pair[0].as_bytes(), pair[1].as_bytes()),
                Ordering::Less,
                "{pair:?}"
            );
        }
    }

    #[test]
    fn leading_zeros_and_default_parts_do_not_count() {
        for (a, b) in [("1.0", "1.00"), ("0:1", "1"), ("1-0", "1"), ("1.", "1.0"), ("00:1", "1")] {
            assert_eq!(a.parse::<Version>(), b.parse::<Version>(), "{a} {b}");
        }
    }

    #[test]
    fn equal_versions_have_equal_hashes() {
        let hash = |text: &str| {
            let mut hasher = DefaultHasher::new();
            text.parse::<Version>().expect(text).hash(&mut hasher);
            hasher.finish()
        };
        let parts = ["", "0", "00", "1", "01", "a", "a0", ".", ".0", "+0.a00", "~", "0~0"];
        let mut all = Vec::new();
        for upstream in parts {
            for revision in parts {
                all.push(format!("1{upstream}-0{revision}"));
                all.push(format!("0:01{upstream}"));
                all.push(format!("0{upstream}-{revision}1"));
            }
        }
        let mut equal = 0;
        for a in &all {
            for b in &all {
                if compare_versions(a.as_bytes(), b.as_bytes()).is_eq() {
                    assert_eq!(hash(a), hash(b), "{a} {b}");
                    equal += usize::from(a != b);
                }
            }
        }
        assert!(equal > 100, "only {equal} pairs are equal");
        assert_ne!(hash("1.0"), hash("1.1"));
        assert_ne!(hash("1-2"), hash("1.2"));
    }

    #[test]
    fn numbers_of_any_length_compare_by_value() {
        let long = "1.99999999999999999999999999999999999998";
        let longer = "1.99999999999999999999999999999999999999";
        assert_eq!(compare_versions(long.as_bytes(), longer.as_bytes()), Ordering::Less);
    }

    #[test]
    fn invalid_versions_say_why() {
        for text in ["", "a", ":1", "x:1", "1-", "1_2", "1-a_b", "-1", "99999999999:1", "1 2"] {
            assert!(text.parse::<Version>().is_err(), "{text}");
        }
    }
}
