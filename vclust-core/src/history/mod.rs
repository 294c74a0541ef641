//! The history: what was asked for and how long each phase of each build took.
//!
//! Estimators learn from it, so nothing enters it that would poison a fit: a [`History`] holds only
//! events whose numbers are possible, each once. The exchange format is JSON lines, one event each;
//! where events are stored is the business of whoever embeds this crate.

mod check;
mod error;
mod event;
mod parse;
mod timestamp;

pub use error::{HistoryError, Rejection};
pub use event::{
    Event, InstallEvent, PackageVersion, Phase, PhaseEvent, RequestEvent, Step, StepKind,
    TransferEvent,
};
pub use parse::{History, OnError};
pub use timestamp::{Timestamp, TimestampError};
