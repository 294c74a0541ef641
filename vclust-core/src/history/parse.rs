//! Reading and writing histories as JSON lines.

use std::collections::BTreeMap;
use std::hash::{Hash, Hasher};

use rustc_hash::{FxHashMap, FxHasher};

use super::error::{HistoryError, Rejection};
use super::event::{Event, InstallEvent, PhaseEvent, RequestEvent, TransferEvent};
use super::store::Snapshot;

/// What to do about a line that holds no possible event.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum OnError {
    /// Give up, naming the line.
    Stop,
    /// Leave the line out and go on.
    Skip,
}

/// Events that could have happened, each once, in the order in which they came.
#[derive(Debug, Clone, Default)]
pub struct History {
    events: Vec<Event>,
    /// Events by the hash of when and where they happened.
    known: FxHashMap<u64, Vec<u32>>,
    /// What was learned from them, by name and version.
    pub(super) snapshots: BTreeMap<(String, u32), Snapshot>,
}

impl History {
    /// Reads JSON lines; empty lines are nothing. With [`OnError::Skip`] the answer says which
    /// lines were left out, and why; with [`OnError::Stop`] that list is always empty.
    pub fn parse(
        text: &[u8],
        on_error: OnError,
    ) -> Result<(Self, Vec<HistoryError>), HistoryError> {
        let mut history = Self::default();
        let mut skipped = Vec::new();
        for (number, line) in text.split(|byte| *byte == b'\n').enumerate() {
            if line.trim_ascii().is_empty() {
                continue;
            }
            let result = Event::from_json_line(line).and_then(|event| history.push(event));
            if let Err(rejection) = result {
                let error = HistoryError { line: number + 1, rejection };
                match on_error {
                    OnError::Stop => return Err(error),
                    OnError::Skip => skipped.push(error),
                }
            }
        }
        Ok((history, skipped))
    }

    /// Adds an event that is possible and not there yet.
    pub fn push(&mut self, event: Event) -> Result<(), Rejection> {
        event.check()?;
        let known = self.known.entry(key(&event)).or_default();
        if known.iter().any(|place| self.events[*place as usize] == event) {
            return Err(Rejection::Duplicate { at: event.at() });
        }
        known.push(self.events.len() as u32);
        self.events.push(event);
        Ok(())
    }

    /// The events as JSON lines, each ended by a line feed.
    #[must_use]
    pub fn to_json_lines(&self) -> String {
        let mut text = String::new();
        for event in &self.events {
            text.push_str(&event.to_json_line());
            text.push('\n');
        }
        text
    }

    /// All events.
    #[must_use]
    pub fn events(&self) -> &[Event] {
        &self.events
    }

    /// The requests.
    pub fn requests(&self) -> impl Iterator<Item = &RequestEvent> {
        self.events.iter().filter_map(Event::as_request)
    }

    /// The transfers.
    pub fn transfers(&self) -> impl Iterator<Item = &TransferEvent> {
        self.events.iter().filter_map(Event::as_transfer)
    }

    /// The installs.
    pub fn installs(&self) -> impl Iterator<Item = &InstallEvent> {
        self.events.iter().filter_map(Event::as_install)
    }

    /// The other phases.
    pub fn phases(&self) -> impl Iterator<Item = &PhaseEvent> {
        self.events.iter().filter_map(Event::as_phase)
    }
}

fn key(event: &Event) -> u64 {
    let mut hasher = FxHasher::default();
    event.at().hash(&mut hasher);
    let (site, seconds) = match event {
        Event::Request(event) => (&event.site, f64::from(event.nodes)),
        Event::Transfer(event) => (&event.site, event.seconds),
        Event::Install(event) => (&event.site, event.seconds),
        Event::Phase(event) => (&event.site, event.seconds),
    };
    site.hash(&mut hasher);
    seconds.to_bits().hash(&mut hasher);
    hasher.finish()
}

#[cfg(test)]
mod tests {
    use super::*;

    const TRANSFER: &str = r#"{"event":"transfer","at":"2026-11-23T02:30:00Z","site":"a","image":"m","bytes":46000000,"nodes":4,"method":"nfs","seconds":6.52}"#;

    fn strict(text: &str) -> Result<History, String> {
        History::parse(text.as_bytes(), OnError::Stop).map(|(history, _)| history).map_err(
            |error| {
                let cause = std::error::Error::source(&error.rejection);
                let cause = cause.map(|cause| format!(": {cause}")).unwrap_or_default();
                format!("{error}: {}{cause}", error.rejection)
            },
        )
    }

    #[test]
    fn each_kind_of_event_survives_being_written_and_read() {
        let text = [
            r#"{"event":"request","at":"2026-11-23T02:30:00Z","site":"a","nodes":4,"packages":["gcc"]}"#,
            TRANSFER,
            r#"{"event":"install","at":"2026-11-23T02:31:00Z","site":"a","nodes":1,"packages":[{"package":"gcc-12","version":"12.2.0-14"}],"seconds":2.5,"steps":[{"step":"unpack","package":"gcc-12","seconds":2.0},{"step":"trigger","package":"libc-bin","seconds":0.1}]}"#,
            r#"{"event":"phase","at":"2026-11-23T02:32:00Z","site":"a","cluster":"c","strategy":"clone","phase":"boot","nodes":4,"seconds":3.0,"hypervisor":"qemu"}"#,
        ]
        .join("\n");
        let history = strict(&text).expect("possible events");
        assert_eq!(history.events().len(), 4);
        assert_eq!(history.installs().next().map(|event| event.steps.len()), Some(2));
        assert_eq!(history.requests().count() + history.phases().count(), 2);
        assert_eq!(history.to_json_lines().trim_end(), text);
    }

    #[test]
    fn an_impossible_event_is_refused_with_its_line_and_the_reason() {
        let change = |from: &str, to: &str| format!("\n{}", TRANSFER.replace(from, to));
        for (text, message) in [
            (change("6.52", "NaN"), "line 2: it holds no event: expected value at"),
            (change("6.52", "1e999"), "line 2: it holds no event: number out of range at"),
            (change("6.52", "-1"), "line 2: seconds is -1; what was done took some time"),
            (change("6.52", "0"), "line 2: seconds is 0; what was done took some time"),
            (change("6.52", "-0.0"), "line 2: seconds is -0; what was done took some time"),
            (
                change("6.52", "1e9"),
                "line 2: seconds is 1000000000, beyond the 2592000 that could be true",
            ),
            (change(":4,", ":0,"), "line 2: nodes is empty or zero"),
            (change("46000000", "0"), "line 2: bytes is empty or zero"),
            (
                format!("{TRANSFER}\n\n{TRANSFER}"),
                "line 3: the same event as of 2026-11-23T02:30:00Z is there already",
            ),
        ] {
            let error = strict(&text).map(|_| ()).expect_err(&text);
            assert!(error.starts_with(message), "{error}");
        }
    }

    #[test]
    fn skipping_keeps_the_possible_events_and_names_the_others() {
        let text = format!("nonsense\n{TRANSFER}\r\n\u{fffd}\n{TRANSFER}");
        let (history, skipped) =
            History::parse(text.as_bytes(), OnError::Skip).expect("nothing stops");
        assert_eq!(history.transfers().count(), 1);
        assert_eq!(skipped.iter().map(|error| error.line).collect::<Vec<_>>(), [1, 3, 4]);
        let (history, skipped) = History::parse(b"\xff\n", OnError::Skip).expect("nothing stops");
        assert!(history.events().is_empty() && skipped.len() == 1);
    }

    #[test]
    fn steps_must_fit_into_their_run() {
        let run = |steps: &str| {
            format!(
                r#"{{"event":"install","at":"2026-11-23T02:31:00Z","site":"a","nodes":1,"packages":[{{"package":"p","version":"1"}}],"seconds":2.5,"steps":[{steps}]}}"#
            )
        };
        for (steps, message) in [
            (
                r#"{"step":"unpack","package":"p","seconds":9}"#,
                "line 1: steps add up to 9 s, more than the whole run's 2.5 s",
            ),
            (
                r#"{"step":"unpack","package":"q","seconds":1}"#,
                "line 1: a step names q, which the run did not install",
            ),
            (
                r#"{"step":"unpack","package":"p","seconds":-1}"#,
                "line 1: steps is -1; what was done took some time",
            ),
        ] {
            assert_eq!(strict(&run(steps)).map(|_| ()).expect_err(steps), message);
        }
    }
}
