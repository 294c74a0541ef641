//! The seam between those who learn from events and the place where events are kept.
//!
//! An estimator's state is a fold over events, so a store needs no more than an order: each event
//! gets an id when it is recorded, ids ascend, and events never change or go. A refit is then the
//! last state that was saved, a [`Snapshot`], and the events after it. Snapshots only save time:
//! whoever finds none folds all events and has the same state.

use std::ops::ControlFlow;

use serde::{Deserialize, Serialize};
use thiserror::Error;

use super::error::Rejection;
use super::event::{Event, RequestEvent};
use super::kind::EventKind;
use super::timestamp::Timestamp;

/// The place of an event in a store: the first has 1, and whatever is recorded later has more.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default, Serialize, Deserialize,
)]
pub struct EventId(u64);

impl EventId {
    /// Before the first event.
    pub const START: Self = Self(0);

    /// The id with this number.
    #[must_use]
    pub fn new(number: u64) -> Self {
        Self(number)
    }

    /// Its number.
    #[must_use]
    pub fn number(self) -> u64 {
        self.0
    }
}

/// Which events are wanted; [`EventFilter::default`] is all of them.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct EventFilter {
    /// Those recorded after this one.
    pub after: EventId,
    /// Those of this kind.
    pub kind: Option<EventKind>,
    /// Those that happened at this moment or later.
    pub since: Option<Timestamp>,
    /// Those of this site.
    pub site: Option<String>,
}

impl EventFilter {
    /// Whether an event is wanted.
    #[must_use]
    pub fn takes(&self, id: EventId, event: &Event) -> bool {
        id > self.after
            && self.kind.is_none_or(|kind| kind == event.kind())
            && self.since.is_none_or(|since| since <= event.at())
            && self.site.as_deref().is_none_or(|site| site == event.site())
    }
}

/// What became of events that were to be recorded.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize)]
pub struct Appended {
    /// So many are new.
    pub new: usize,
    /// So many were there already and were not recorded again.
    pub known: usize,
}

/// What somebody learned from all events up to one of them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Snapshot {
    /// The last event that went into it.
    pub last: EventId,
    /// What was learned, in a form that only its owner knows.
    pub state: Vec<u8>,
}

/// What became of a snapshot.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Saved {
    /// It is stored.
    Stored,
    /// One that knows later events is there, and stays.
    Outdated,
    /// Somebody else is writing just now. It was not stored, which loses nothing: the next refit
    /// folds the same events again.
    Busy,
}

/// An event that cannot be recorded.
#[derive(Debug, Error)]
#[error("event {place} of those to record is not possible")]
#[non_exhaustive]
pub struct ImpossibleEvent {
    /// Its place among those that were given, the first being 1.
    pub place: usize,
    /// What is wrong with it.
    #[source]
    pub rejection: Rejection,
}

impl ImpossibleEvent {
    /// Checks events and names the first that could not have happened.
    pub fn find(events: &[Event]) -> Result<(), Self> {
        events.iter().enumerate().try_for_each(|(place, event)| {
            event.check().map_err(|rejection| Self { place: place + 1, rejection })
        })
    }
}

/// A place where events are kept. It holds only events that pass [`Event::check`], each once.
pub trait HistoryStore {
    /// Why the store cannot answer.
    type Error: std::error::Error + 'static;

    /// Records events that are not there yet, in the order given: all of them, or with an error
    /// none. When it returns, they stay, whatever happens to the process.
    fn append(&mut self, events: &[Event]) -> Result<Appended, Self::Error>;

    /// The event recorded last, or [`EventId::START`].
    fn last_event(&self) -> Result<EventId, Self::Error>;

    /// Visits the wanted events in the order of their ids, until the visitor breaks. Answers after
    /// which event to go on: the last one visited by a visitor that broke off, else the last one
    /// in the store when the visits began, wanted or not.
    fn for_each(
        &self,
        wanted: &EventFilter,
        visit: &mut dyn FnMut(EventId, &Event) -> ControlFlow<()>,
    ) -> Result<EventId, Self::Error>;

    /// Of the wanted events the `count` that happened last, in the order in which they happened;
    /// events of one moment are in the order of their ids.
    fn recent(
        &self,
        wanted: &EventFilter,
        count: usize,
    ) -> Result<Vec<(EventId, Event)>, Self::Error>;

    /// The last `count` requests, in the order in which they were made.
    fn recent_requests(&self, count: usize) -> Result<Vec<RequestEvent>, Self::Error> {
        let wanted = EventFilter { kind: Some(EventKind::Request), ..EventFilter::default() };
        let recent = self.recent(&wanted, count)?;
        Ok(recent
            .into_iter()
            .filter_map(|(_, event)| match event {
                Event::Request(request) => Some(request),
                _ => None,
            })
            .collect())
    }

    /// The snapshot of this name whose state has the form of this version. One that claims to know
    /// more events than there are is as good as none.
    fn snapshot(&self, name: &str, version: u32) -> Result<Option<Snapshot>, Self::Error>;

    /// Stores a snapshot in place of one that knows no later event, all of it or nothing. It does
    /// not wait for other writers.
    fn save_snapshot(
        &mut self,
        name: &str,
        version: u32,
        snapshot: &Snapshot,
    ) -> Result<Saved, Self::Error>;
}
