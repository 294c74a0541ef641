//! What estimators learned, beside the events it was learned from.

use rusqlite::{Connection, ErrorCode, OptionalExtension, params};
use vclust_core::{Saved, Snapshot};

use super::rows::{from_sql, to_sql};
use crate::sqlite::PATIENCE;

pub(super) fn load(
    connection: &Connection,
    name: &str,
    version: u32,
) -> rusqlite::Result<Option<Snapshot>> {
    let mut question = connection.prepare_cached(
        "SELECT last_event, state FROM snapshot
         WHERE name = ?1 AND version = ?2
           AND last_event BETWEEN 0 AND (SELECT coalesce(max(id), 0) FROM event)",
    )?;
    let row =
        |row: &rusqlite::Row<'_>| Ok(Snapshot { last: from_sql(row.get(0)?), state: row.get(1)? });
    question.query_row(params![name, version], row).optional()
}

pub(super) fn save(
    connection: &Connection,
    name: &str,
    version: u32,
    snapshot: &Snapshot,
) -> rusqlite::Result<Saved> {
    connection.busy_timeout(std::time::Duration::ZERO)?;
    let result = connection
        .prepare_cached(
            "INSERT INTO snapshot (name, version, last_event, state) VALUES (?1, ?2, ?3, ?4)
             ON CONFLICT (name, version) DO UPDATE
             SET last_event = excluded.last_event, state = excluded.state
             WHERE excluded.last_event >= last_event
                OR last_event NOT BETWEEN 0 AND (SELECT coalesce(max(id), 0) FROM event)",
        )
        .and_then(|mut insert| {
            insert.execute(params![name, version, to_sql(snapshot.last), snapshot.state])
        });
    connection.busy_timeout(PATIENCE)?;
    match result {
        Ok(0) => Ok(Saved::Outdated),
        Ok(_) => Ok(Saved::Stored),
        Err(rusqlite::Error::SqliteFailure(error, _)) if error.code == ErrorCode::DatabaseBusy => {
            Ok(Saved::Busy)
        }
        Err(error) => Err(error),
    }
}
