//! What an estimator has learned, brought up to date by the events since it was last asked.
//!
//! To learn from a million events takes seconds, and most of them were there the last time. So
//! the state of an estimator is kept beside the events, and only newer events are folded into it.
//! Whoever must answer at once, as selection must, takes the state as it was last kept.

use std::ops::ControlFlow;

use serde::Serialize;
use serde::de::DeserializeOwned;
use vclust_core::{Event, EventFilter, EventId, EventKind, HistoryStore, Saved, Snapshot};

/// Events that are folded at once: estimators refit once for all of them.
const BATCH: usize = 1000;

/// Whose state it is, and which events go into it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Learner<'a> {
    /// Its name; states of the same name are of the same estimator.
    pub name: &'a str,
    /// The form of its state and the way it learns: what another version kept is not used.
    pub version: u32,
    /// The only kind of events it learns from, if there is one: others are not even read.
    pub kind: Option<EventKind>,
    /// So many events are folded again and again before the state is worth writing: fewer where to fold
    /// one takes as long as to write it all.
    pub worth_writing: usize,
}

impl Learner<'_> {
    /// What states are written for, where events are folded in microseconds.
    pub const USUALLY_WORTH_WRITING: usize = 200;
}

/// The state of an estimator after all events of a store.
///
/// The state last kept is loaded, or [`Default`] where there is none that can be read; events
/// recorded since are folded into it, up to a thousand at once in their order, and when they were
/// many, the state is kept. Failing to keep it is told to `tracing` and is no error, as the answer
/// is right all the same.
pub fn learned<S, H>(
    store: &mut H,
    learner: Learner<'_>,
    mut fold: impl FnMut(&mut S, &[Event]),
) -> Result<S, H::Error>
where
    S: Serialize + DeserializeOwned + Default,
    H: HistoryStore,
{
    let before = load(store, learner)?;
    let is_first = before.is_none();
    let (after, mut state) = before.unwrap_or_default();
    let mut folded = 0;
    let mut batch: Vec<Event> = Vec::new();
    let wanted = EventFilter { after, kind: learner.kind, ..EventFilter::default() };
    let last = store.for_each(&wanted, &mut |_, event| {
        batch.push(event.clone());
        folded += 1;
        if batch.len() == BATCH {
            fold(&mut state, &batch);
            batch.clear();
        }
        ControlFlow::Continue(())
    })?;
    if !batch.is_empty() {
        fold(&mut state, &batch);
    }
    if folded >= learner.worth_writing || (is_first && folded > 0) {
        keep(store, learner, last, &state);
    }
    Ok(state)
}

/// The state of an estimator as it was last kept, without reading any event; `None` where none is
/// kept, or none that can be read.
pub fn last_learned<S, H>(store: &H, learner: Learner<'_>) -> Result<Option<S>, H::Error>
where
    S: DeserializeOwned,
    H: HistoryStore,
{
    Ok(load(store, learner)?.map(|(_, state)| state))
}

fn load<S, H>(store: &H, learner: Learner<'_>) -> Result<Option<(EventId, S)>, H::Error>
where
    S: DeserializeOwned,
    H: HistoryStore,
{
    let Learner { name, version, .. } = learner;
    let Some(snapshot) = store.snapshot(name, version)? else { return Ok(None) };
    match serde_json::from_slice(&snapshot.state) {
        Ok(state) => Ok(Some((snapshot.last, state))),
        Err(error) => {
            tracing::debug!("what {name} {version} has kept cannot be read: {error}");
            Ok(None)
        }
    }
}

fn keep<S: Serialize, H: HistoryStore>(
    store: &mut H,
    learner: Learner<'_>,
    last: EventId,
    state: &S,
) {
    let Learner { name, version, .. } = learner;
    let state = match serde_json::to_vec(state) {
        Ok(state) => state,
        Err(error) => {
            tracing::warn!("what {name} has learned cannot be written: {error}");
            return;
        }
    };
    match store.save_snapshot(name, version, &Snapshot { last, state }) {
        Ok(Saved::Stored | Saved::Outdated) => {}
        Ok(Saved::Busy) => tracing::debug!("what {name} has learned is kept another time"),
        Err(error) => tracing::warn!("what {name} has learned is not kept: {error}"),
    }
}
