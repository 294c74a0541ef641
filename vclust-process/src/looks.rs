//! Waiting for what tells nobody that it has happened: looks at it that become rarer.

use std::thread;
use std::time::{Duration, Instant};

/// Looks at something until a deadline, each after twice the time of the one before.
#[derive(Debug, Clone, Copy)]
pub struct Looks {
    end: Instant,
    pause: Duration,
    longest: Duration,
}

impl Looks {
    /// Looks for so long, the first two `first` apart, and in the end `longest`.
    #[must_use]
    pub fn within(deadline: Duration, first: Duration, longest: Duration) -> Self {
        Self { end: Instant::now() + deadline, pause: first, longest }
    }

    /// How much time is left.
    #[must_use]
    pub fn left(&self) -> Duration {
        self.end.saturating_duration_since(Instant::now())
    }

    /// Waits until it is time for the next look; false, at once, if there is none any more.
    pub fn again(&mut self) -> bool {
        self.again_with(thread::sleep)
    }

    /// As [`Looks::again`], waiting by other means, which may be over sooner.
    pub fn again_with(&mut self, wait: impl FnOnce(Duration)) -> bool {
        let left = self.left();
        if left.is_zero() {
            return false;
        }
        wait(self.pause.min(left));
        self.pause = (self.pause * 2).min(self.longest);
        true
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn looks_become_rarer_and_end_at_the_deadline() {
        let milliseconds = Duration::from_millis;
        let mut looks = Looks::within(milliseconds(60), milliseconds(4), milliseconds(16));
        let mut pauses = Vec::new();
        let start = Instant::now();
        while looks.again_with(|pause| {
            pauses.push(pause);
            thread::sleep(pause);
        }) {}
        assert!(start.elapsed() >= milliseconds(60));
        assert_eq!(pauses[..3], [4, 8, 16].map(milliseconds));
        assert!(pauses.iter().all(|pause| *pause <= milliseconds(16)), "{pauses:?}");
        assert!(!looks.again() && looks.left().is_zero());
    }
}
