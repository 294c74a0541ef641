//! One event as one line of the exchange format.

use super::error::Rejection;
use super::event::Event;

impl Event {
    /// Reads a line of JSON, with or without its line feed, and checks that the event is possible.
    pub fn from_json_line(line: &[u8]) -> Result<Self, Rejection> {
        let text = std::str::from_utf8(line).map_err(|_| Rejection::NotText)?;
        let event: Self = serde_json::from_str(text)?;
        event.check()?;
        Ok(event)
    }

    /// The event as JSON without a line feed. Equal events have equal lines, and what is read from
    /// such a line gives the same line again.
    #[must_use]
    pub fn to_json_line(&self) -> String {
        // Numbers are finite and keys are strings, so nothing can fail.
        serde_json::to_string(self).unwrap_or_default()
    }
}
