//! The tables of the file, and whether a file is one of ours.
//!
//! Ids ascend in the order of commits, because SQLite lets one writer in at a time: who has seen
//! an event has seen all before it. The row's id ends every index of SQLite, so `event_by_kind`
//! walks the events of a kind in the order of their ids.

use std::path::Path;

use rusqlite::{Connection, TransactionBehavior};

use super::error::HistoryDatabaseError;
use crate::sqlite::use_log;

/// Marks a SQLite file as a history of vclust: `vcHi`.
const APPLICATION: i32 = i32::from_be_bytes(*b"vcHi");
/// The form of the tables below.
const VERSION: i32 = 1;

const TABLES: &str = "
    CREATE TABLE event (
        id INTEGER PRIMARY KEY,
        kind TEXT NOT NULL,
        at INTEGER NOT NULL,
        site TEXT NOT NULL,
        json TEXT NOT NULL,
        digest BLOB NOT NULL
    ) STRICT;
    CREATE UNIQUE INDEX event_once ON event (at, digest);
    CREATE INDEX event_by_kind ON event (kind);
    CREATE INDEX event_by_kind_and_time ON event (kind, at);
    CREATE TABLE snapshot (
        name TEXT NOT NULL,
        version INTEGER NOT NULL,
        last_event INTEGER NOT NULL,
        state BLOB NOT NULL,
        PRIMARY KEY (name, version)
    ) STRICT;
";

/// What a file is.
enum Content {
    Nothing,
    History { version: i32 },
    SomethingElse,
}

/// Sets the connection up, and the file where it is new.
pub(super) fn prepare(connection: &Connection, path: &Path) -> Result<(), HistoryDatabaseError> {
    let failed = |error| HistoryDatabaseError::of(path, error);
    set_up(connection).map_err(failed)?;
    let mut content = content(connection).map_err(failed)?;
    if matches!(content, Content::Nothing) {
        use_log(connection).map_err(failed)?;
        content = create(connection).map_err(failed)?;
    }
    match content {
        Content::History { version } if version > VERSION => {
            Err(HistoryDatabaseError::Newer { path: path.to_owned(), version, known: VERSION })
        }
        Content::History { .. } => use_log(connection).map_err(failed),
        _ => Err(HistoryDatabaseError::Foreign { path: path.to_owned() }),
    }
}

fn set_up(connection: &Connection) -> rusqlite::Result<()> {
    // A long log is cut back to 64 MiB once it is in the main file.
    connection.execute_batch(
        "PRAGMA synchronous = NORMAL;
         PRAGMA journal_size_limit = 67108864;
         PRAGMA trusted_schema = OFF;
         PRAGMA cell_size_check = ON;",
    )
}

fn content(connection: &Connection) -> rusqlite::Result<Content> {
    // One statement sees one state of the file, even while another process makes the tables.
    let question = "SELECT (SELECT application_id FROM pragma_application_id),
                           (SELECT user_version FROM pragma_user_version),
                           (SELECT count(*) FROM sqlite_schema)";
    let row = |row: &rusqlite::Row<'_>| Ok((row.get(0)?, row.get(1)?, row.get(2)?));
    let (application, version, tables): (i32, i32, i64) =
        connection.query_row(question, [], row)?;
    Ok(match (application, version, tables) {
        (APPLICATION, version, _) => Content::History { version },
        (0, 0, 0) => Content::Nothing,
        _ => Content::SomethingElse,
    })
}

fn create(connection: &Connection) -> rusqlite::Result<Content> {
    let transaction =
        rusqlite::Transaction::new_unchecked(connection, TransactionBehavior::Immediate)?;
    // Somebody else may have been faster.
    if matches!(content(connection)?, Content::Nothing) {
        transaction.execute_batch(TABLES)?;
        transaction.pragma_update(None, "application_id", APPLICATION)?;
        transaction.pragma_update(None, "user_version", VERSION)?;
    }
    transaction.commit()?;
    content(connection)
}
