//! Marks in the environments of processes.

use std::collections::BTreeSet;
use std::fmt;
use std::fs;
use std::io;
use std::str::FromStr;
use std::time::{Duration, Instant};

use serde::{Deserialize, Serialize};
use thiserror::Error;

use crate::process::ProcessId;

const LONGEST: usize = 128;

/// What tells the programs of one purpose, such as one cluster, from all others.
///
/// A mark may have parts, divided by slashes: whoever looks for `a` finds the programs that are marked
/// `a` and `a/b`.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Mark(String);

/// A text that is no mark.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error("`{0}` is no mark; one has 1 to {LONGEST} letters, digits, hyphens, dots and slashes")]
pub struct MarkError(String);

impl Mark {
    /// The variable that holds a mark in an environment.
    pub const VARIABLE: &str = "VCLUST_MARK";

    /// The text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// A mark below this one.
    pub fn part(&self, part: &str) -> Result<Self, MarkError> {
        format!("{}/{part}", self.0).parse()
    }

    /// Whether a process with the environment is marked so.
    #[cfg(test)]
    fn is_in(&self, environment: &[u8]) -> bool {
        self.found_in(environment).is_some()
    }

    /// This mark, or the part of it, that is in an environment.
    fn found_in<'a>(&self, environment: &'a [u8]) -> Option<&'a [u8]> {
        let mut marks = environment.split(|byte| *byte == 0).filter_map(|variable| {
            variable.strip_prefix(Self::VARIABLE.as_bytes())?.strip_prefix(b"=")
        });
        marks.find(|mark| {
            let rest = mark.strip_prefix(self.0.as_bytes());
            rest.is_some_and(|rest| rest.is_empty() || rest[0] == b'/')
        })
    }
}

impl FromStr for Mark {
    type Err = MarkError;

    fn from_str(text: &str) -> Result<Self, MarkError> {
        let letter = |byte: u8| byte.is_ascii_alphanumeric() || b"-./_".contains(&byte);
        if (1..=LONGEST).contains(&text.len()) && text.bytes().all(letter) {
            Ok(Self(text.to_owned()))
        } else {
            Err(MarkError(text.chars().take(LONGEST).collect()))
        }
    }
}

impl fmt::Display for Mark {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.0)
    }
}

impl TryFrom<String> for Mark {
    type Error = MarkError;

    fn try_from(text: String) -> Result<Self, MarkError> {
        text.parse()
    }
}

impl From<Mark> for String {
    fn from(mark: Mark) -> Self {
        mark.0
    }
}

/// The processes that carry a mark and have not ended. Processes of other users, whose environment this
/// one may not read, are not found.
pub fn marked(mark: &Mark) -> io::Result<Vec<ProcessId>> {
    let mut found = Vec::new();
    look(mark, |process, _| found.push(process))?;
    Ok(found)
}

/// The marks below one that processes carry which have not ended, each once.
pub fn marks_below(mark: &Mark) -> io::Result<BTreeSet<Mark>> {
    let mut found = BTreeSet::new();
    look(mark, |_, text| {
        found.extend(std::str::from_utf8(text).ok().and_then(|text| text.parse().ok()));
    })?;
    found.remove(mark);
    Ok(found)
}

/// Calls `found` with every process that carries a mark, and its mark.
fn look(mark: &Mark, mut found: impl FnMut(ProcessId, &[u8])) -> io::Result<()> {
    for entry in fs::read_dir("/proc")? {
        let Some(number) = entry?.file_name().to_str().and_then(|name| name.parse().ok()) else {
            continue;
        };
        // whoever ends meanwhile, or is somebody else's, is none of ours
        let Ok(environment) = fs::read(format!("/proc/{number}/environ")) else { continue };
        if let Some(text) = mark.found_in(&environment) {
            if let Some(process) = ProcessId::of(number) {
                found(process, text);
            }
        }
    }
    Ok(())
}

/// Ends the processes that carry a mark: asks them to, and kills those that are there after the grace.
/// Answers how many there were.
pub fn end_marked(mark: &Mark, grace: Duration) -> io::Result<usize> {
    let first = marked(mark)?;
    for process in &first {
        process.terminate();
    }
    let end = Instant::now() + grace;
    while Instant::now() < end && first.iter().any(ProcessId::is_alive) {
        std::thread::sleep(Duration::from_millis(5));
    }
    // children may have come up while their parents went down
    let patience = Instant::now() + Duration::from_secs(10);
    loop {
        let left = marked(mark)?;
        if left.is_empty() {
            return Ok(first.len());
        }
        if Instant::now() > patience {
            let text = format!("{} processes cannot be killed, among them {}", left.len(), left[0]);
            return Err(io::Error::other(text));
        }
        for process in &left {
            process.kill();
        }
        std::thread::sleep(Duration::from_millis(5));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_mark_finds_itself_and_its_parts() {
        let mark: Mark = "c1".parse().unwrap();
        assert!(mark.is_in(b"A=1\0VCLUST_MARK=c1\0"));
        assert!(mark.is_in(b"VCLUST_MARK=c1/n1"));
        for other in [&b"VCLUST_MARK=c11"[..], b"XVCLUST_MARK=c1", b"A=VCLUST_MARK=c1", b""] {
            assert!(!mark.is_in(other), "{}", String::from_utf8_lossy(other));
        }
        assert_eq!(mark.part("n1").unwrap().as_str(), "c1/n1");
        assert!("a b".parse::<Mark>().is_err() && "".parse::<Mark>().is_err());
    }
}
