//! `xl list` and `xl list -v`, the only places where `xl` says what a domain does.
//!
//! Names come first and may hold blanks, so lines are read from their ends. A domain that is being removed
//! has the name `(null)`. The flags are six places: `r` runs, `b` blocked, `p` paused, `s` shut down, then
//! the reason of that, and `d` dying.

use super::{Unreadable, Uuid};

/// Why a guest has ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
#[non_exhaustive]
pub enum ShutdownReason {
    /// It has switched itself off, or it has not ended.
    #[default]
    Off,
    /// It starts again.
    Restart,
    /// It was saved.
    Suspend,
    /// It has crashed, or nobody has fed its watchdog.
    Crash,
    /// For a reason that this Xen has no letter for.
    Other,
}

/// What the flags of a domain say.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[expect(clippy::struct_excessive_bools, reason = "they are flags, of which several may be set")]
pub struct RunState {
    /// It is on a processor.
    pub running: bool,
    /// It waits for something.
    pub blocked: bool,
    /// It is held.
    pub paused: bool,
    /// Its guest has ended.
    pub shut_down: bool,
    /// Why, if it has.
    pub reason: ShutdownReason,
    /// It is being removed.
    pub dying: bool,
}

/// A line of `xl list`.
#[derive(Debug, Clone, PartialEq)]
pub struct Listed {
    /// Its name.
    pub name: String,
    /// Its number, which a reboot changes.
    pub id: u32,
    /// Its memory in MiB; 0 while it is being made.
    pub memory_mib: u64,
    /// Its virtual processors; 0 while it is being made.
    pub processors: u32,
    /// Its flags.
    pub state: RunState,
    /// Seconds of processor time that it has had.
    pub seconds: f64,
    /// Its UUID, which `xl list -v` tells.
    pub uuid: Option<Uuid>,
    /// Why it has shut down, by Xen's numbers, which `xl list -v` tells.
    pub reason: Option<u32>,
}

/// Reads `xl list` or `xl list -v`.
pub fn listed(text: &str) -> Result<Vec<Listed>, Unreadable> {
    let mut domains = Vec::new();
    let mut has_head = false;
    for (number, line) in text.lines().enumerate() {
        if line.trim().is_empty() {
            continue;
        }
        if !has_head {
            let mut words = line.split_whitespace();
            let is_head = words.next() == Some("Name") && words.next() == Some("ID");
            if !is_head {
                return Err(Unreadable::line(number, "head of a list of domains", line));
            }
            has_head = true;
            continue;
        }
        let domain = domain(line);
        domains.push(domain.ok_or_else(|| Unreadable::line(number, "domain", line))?);
    }
    if has_head { Ok(domains) } else { Err(Unreadable::Missing("Name")) }
}

fn domain(line: &str) -> Option<Listed> {
    let mut rest = line.trim_end();
    let mut last = || {
        let (before, word) = rest.rsplit_once([' ', '\t'])?;
        rest = before.trim_end();
        Some(word)
    };
    let mut word = last()?;
    let (mut uuid, mut reason) = (None, None);
    if word.parse::<f64>().is_err() || !word.contains('.') {
        // the label, the reason and the UUID of the long form
        let code = last()?;
        reason = match code {
            "-" => None,
            code => Some(code.parse().ok()?),
        };
        uuid = Some(last()?.parse().ok()?);
        word = last()?;
    }
    let seconds: f64 = word.parse().ok()?;
    let state = flags(last()?)?;
    let processors = last()?.parse().ok()?;
    let memory_mib = last()?.parse().ok()?;
    let id = last()?.parse().ok()?;
    let name = rest.to_owned();
    if name.is_empty() || !seconds.is_finite() {
        return None;
    }
    Some(Listed { name, id, memory_mib, processors, state, seconds, uuid, reason })
}

fn flags(word: &str) -> Option<RunState> {
    let [running, blocked, paused, shut_down, reason, dying] = *word.as_bytes() else {
        return None;
    };
    let set = |letter: u8, flag: u8| match letter {
        b'-' => Some(false),
        letter if letter == flag => Some(true),
        _ => None,
    };
    Some(RunState {
        running: set(running, b'r')?,
        blocked: set(blocked, b'b')?,
        paused: set(paused, b'p')?,
        shut_down: set(shut_down, b's')?,
        reason: match reason {
            b'-' => ShutdownReason::Off,
            b'r' => ShutdownReason::Restart,
            b's' => ShutdownReason::Suspend,
            b'c' | b'w' => ShutdownReason::Crash,
            b'?' => ShutdownReason::Other,
            _ => return None,
        },
        dying: set(dying, b'd')?,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_may_hold_blanks_and_columns_may_be_wide() {
        let text = "Name  ID Mem VCPUs\tState\tTime(s)\na b/c;é   11    96     1     --p---       0.0\n\
                    x 1 2 70000 1048576 128 -----d 123456789.0\n";
        let domains = listed(text).unwrap();
        assert_eq!((domains[0].name.as_str(), domains[0].id), ("a b/c;é", 11));
        assert!(domains[0].state.paused && domains[1].state.dying);
        assert_eq!((domains[1].name.as_str(), domains[1].id), ("x 1 2", 70000));
    }

    #[test]
    fn a_domain_that_restarts_loses_its_name_and_tells_why_it_has_ended() {
        let text = "Name  ID Mem VCPUs\tState\tTime(s)   UUID Reason-Code\tSecurity Label\n\
                    (null) 1 96 1 --psr- 6.3 12345678-1234-4234-8234-1234567890ab 1 -\n";
        let domain = listed(text).unwrap().remove(0);
        assert_eq!((domain.name.as_str(), domain.reason), ("(null)", Some(1)));
        assert_eq!(domain.state.reason, ShutdownReason::Restart);
        assert!(domain.state.shut_down && domain.state.paused && domain.uuid.is_some());
    }

    #[test]
    fn what_is_no_list_is_refused_with_the_line() {
        let error = listed("Name ID\nx 1 2 3 r--x-- 1.0\n").unwrap_err().to_string();
        assert_eq!(error, "line 2 is no domain: x 1 2 3 r--x-- 1.0");
        assert!(listed("").is_err() && listed("usage: xl\n").is_err());
        assert!(listed("Name ID\n1 2 3 r----- inf\n").is_err());
        assert!(listed("Name ID\n").unwrap().is_empty());
    }
}
