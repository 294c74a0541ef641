//! Which process is meant, for good.

use std::fmt;
use std::fs;
use std::time::{Duration, Instant};

use rustix::process::{Pid, PidfdFlags, Signal, pidfd_open, pidfd_send_signal};
use serde::{Deserialize, Serialize};

/// A process, told from others that get its number later by when it was started.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct ProcessId {
    /// Its number.
    pub number: u32,
    /// When it was started, in the kernel's clock ticks after the machine was.
    pub started: u64,
}

impl ProcessId {
    /// The process that has a number now, unless it has ended and only waits to be reaped.
    #[must_use]
    pub fn of(number: u32) -> Option<Self> {
        let stat = fs::read_to_string(format!("/proc/{number}/stat")).ok()?;
        // the program's name, in parentheses, may hold anything
        let mut fields = stat.rsplit_once(") ")?.1.split(' ');
        if matches!(fields.next()?, "Z" | "X") {
            return None;
        }
        // after the state, the third field, comes up to the twenty-second of proc_pid_stat(5)
        let started = fields.nth(18)?.parse().ok()?;
        Some(Self { number, started })
    }

    /// Whether it has not ended.
    #[must_use]
    pub fn is_alive(&self) -> bool {
        Self::of(self.number).as_ref() == Some(self)
    }

    /// Asks it to end. A process that has ended is left alone, whoever has its number now.
    pub fn terminate(&self) {
        self.send(Signal::TERM);
    }

    /// Kills it.
    pub fn kill(&self) {
        self.send(Signal::KILL);
    }

    fn send(&self, signal: Signal) {
        let pid = i32::try_from(self.number).ok().and_then(Pid::from_raw);
        let Some(Ok(descriptor)) = pid.map(|pid| pidfd_open(pid, PidfdFlags::empty())) else {
            return;
        };
        // from here on the descriptor means one process; is it still the one?
        if self.is_alive() {
            let _ = pidfd_send_signal(descriptor, signal);
        }
    }

    /// Waits until it has ended; false if it has not by the deadline.
    #[must_use]
    pub fn ends_within(&self, time: Duration) -> bool {
        let end = Instant::now() + time;
        let mut pause = Duration::from_micros(500);
        while self.is_alive() {
            if Instant::now() >= end {
                return false;
            }
            std::thread::sleep(pause);
            pause = (pause * 2).min(Duration::from_millis(10));
        }
        true
    }
}

impl fmt::Display for ProcessId {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "process {}", self.number)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_number_that_came_again_is_another_process() {
        let this = ProcessId::of(std::process::id()).unwrap();
        assert!(this.is_alive());
        let other = ProcessId { started: this.started + 1, ..this };
        assert!(!other.is_alive());
        // would end this test if it were taken for this process
        other.kill();
        assert!(!this.ends_within(Duration::from_millis(2)));
    }
}
