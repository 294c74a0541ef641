//! Appending events, all or none.

use rusqlite::{Connection, TransactionBehavior, params};
use vclust_core::{Appended, Event, ImpossibleEvent};

use super::rows::Row;

/// Checks events and makes rows of them.
pub(super) fn rows(events: &[Event]) -> Result<Vec<Row>, ImpossibleEvent> {
    ImpossibleEvent::find(events)?;
    Ok(events.iter().map(Row::from).collect())
}

/// Appends what is not there yet.
pub(super) fn append(connection: &mut Connection, rows: &[Row]) -> rusqlite::Result<Appended> {
    let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
    let mut appended = Appended::default();
    {
        let mut insert = transaction.prepare_cached(
            "INSERT INTO event (kind, at, site, json, digest) VALUES (?1, ?2, ?3, ?4, ?5)
             ON CONFLICT (at, digest) DO NOTHING",
        )?;
        for row in rows {
            let values = params![row.kind, row.at, row.site, row.line, row.digest];
            appended.new += insert.execute(values)?;
        }
    }
    transaction.commit()?;
    appended.known = rows.len() - appended.new;
    Ok(appended)
}
