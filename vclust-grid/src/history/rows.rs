//! An event as a row of the table `event`.

use rusqlite::types::{ToSql, ToSqlOutput};
use sha2::{Digest, Sha256};
use vclust_core::{Event, EventId};

/// What the table holds of an event, besides its id.
pub(super) struct Row {
    pub(super) kind: &'static str,
    /// Microseconds since the start of 1970.
    pub(super) at: i64,
    pub(super) site: String,
    pub(super) line: String,
    pub(super) digest: Fingerprint,
}

/// The first half of the SHA-256 of an event's line: equal for equal events only.
pub(super) struct Fingerprint([u8; 16]);

impl From<&Event> for Row {
    fn from(event: &Event) -> Self {
        let line = event.to_json_line();
        let mut digest = [0; 16];
        digest.copy_from_slice(&Sha256::digest(&line)[..16]);
        Self {
            kind: event.kind().name(),
            at: event.at().unix_microseconds(),
            site: event.site().to_owned(),
            line,
            digest: Fingerprint(digest),
        }
    }
}

impl ToSql for Fingerprint {
    fn to_sql(&self) -> rusqlite::Result<ToSqlOutput<'_>> {
        Ok(ToSqlOutput::from(&self.0[..]))
    }
}

/// An id as SQLite holds it. No file has room for more events than 63 bits can count.
pub(super) fn to_sql(id: EventId) -> i64 {
    i64::try_from(id.number()).unwrap_or(i64::MAX)
}

/// The id that SQLite holds.
pub(super) fn from_sql(number: i64) -> EventId {
    EventId::new(number.unsigned_abs())
}
