//! What programs of the tool stack print, read without trust in any of it.
//!
//! The forms are those that Xen 4.17 printed; `tests/recorded` holds them, with how they were had.

mod failure;
mod host;
mod list;
mod long_list;
mod store;
mod uuid;

use thiserror::Error;

pub use failure::{Failure, classify, telling};
pub use host::{HostInformation, host_information};
pub use list::{Listed, RunState, ShutdownReason, listed};
pub use long_list::{Configured, ConfiguredDisk, ConfiguredInterface, configured};
pub use store::{StoreEntry, store_entries};
pub use uuid::Uuid;

/// Longest part of an output that an error quotes, in characters.
const QUOTED: usize = 80;

/// An output that is not of the form it should have.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum Unreadable {
    /// A line.
    #[error("line {number} is no {expected}: {line}")]
    Line {
        /// Its number, from 1 on.
        number: usize,
        /// What it should have been.
        expected: &'static str,
        /// The line, at most its first 80 characters.
        line: String,
    },
    /// A field that is missing.
    #[error("there is no line {0}")]
    Missing(&'static str),
    /// A document.
    #[error("it is not the JSON document that was expected")]
    Document(#[from] serde_json::Error),
}

impl Unreadable {
    fn line(number: usize, expected: &'static str, line: &str) -> Self {
        let shown = line.chars().take(QUOTED);
        let line = shown.map(|letter| if letter.is_control() { ' ' } else { letter }).collect();
        Self::Line { number: number + 1, expected, line }
    }
}
