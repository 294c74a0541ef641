//! The history: what was asked for and how long each phase of each build took.
//!
//! Estimators learn from it, so nothing enters it that would poison a fit: a [`History`] holds only
//! events whose numbers are possible, each once. The exchange format is JSON lines, one event each;
//! where events are stored is the business of whoever embeds this crate and implements
//! [`HistoryStore`].

mod check;
mod error;
mod event;
mod kind;
mod line;
mod memory;
mod parse;
mod store;
mod timestamp;

pub use error::{HistoryError, Rejection};
pub use event::{
    Event, InstallEvent, PackageVersion, Phase, PhaseEvent, RequestEvent, Step, StepKind,
    TransferEvent,
};
pub use kind::EventKind;
pub use parse::{History, OnError};
pub use store::{Appended, EventFilter, EventId, HistoryStore, ImpossibleEvent, Saved, Snapshot};
pub use timestamp::{Timestamp, TimestampError};
