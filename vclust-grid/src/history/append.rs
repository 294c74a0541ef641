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

#[cfg(test)]
mod tests {
    use vclust_core::{EventFilter, HistoryStore, RequestEvent, Timestamp};

    use super::*;
    use crate::history::{HistoryDatabase, HistoryDatabaseError};

    fn requests(seconds: std::ops::Range<i64>) -> Vec<Event> {
        let request = |second| RequestEvent {
            at: Timestamp::from_unix_microseconds(second * 1_000_000).expect("a moment"),
            site: "here".to_owned(),
            nodes: 4,
            packages: vec!["gcc".to_owned()],
        };
        seconds.map(|second| Event::Request(request(second))).collect()
    }

    fn ten_requests() -> (tempfile::TempDir, HistoryDatabase) {
        let directory = tempfile::tempdir().expect("a directory");
        let path = directory.path().join("history.sqlite");
        let mut database = HistoryDatabase::open_file(&path).expect("a new history");
        database.append(&requests(0..10)).expect("room");
        (directory, database)
    }

    fn size(database: &HistoryDatabase) -> u64 {
        database.count(&EventFilter::default()).expect("readable")
    }

    #[test]
    fn a_full_disk_takes_nothing_of_a_batch_and_keeps_what_was_there() {
        let (_directory, mut database) = ten_requests();
        // SQLite answers alike whether the disk ends or a limit of its own.
        database.connection.pragma_update(None, "max_page_count", 40).expect("a limit");
        let batch = requests(10..5000);
        let error = database.append(&batch).expect_err("there is no room");
        assert!(matches!(error, HistoryDatabaseError::DiskFull { .. }), "{error:?}");
        assert!(error.to_string().contains("nothing was recorded"), "{error}");
        assert_eq!(size(&database), 10);
        let mut import = database.import().expect("a new import");
        for event in &batch {
            import.add(event).expect("that is another file");
        }
        let error = import.finish().expect_err("there is no room");
        assert!(matches!(error, HistoryDatabaseError::DiskFull { .. }), "{error:?}");
        assert_eq!(size(&database), 10);
        database.append(&requests(10..11)).expect("a single event has room");
    }

    #[test]
    fn who_may_not_write_is_told_and_can_read() {
        let (_directory, mut database) = ten_requests();
        database.connection.pragma_update(None, "query_only", true).expect("a switch");
        let error = database.append(&requests(10..11)).expect_err("not allowed");
        assert!(matches!(error, HistoryDatabaseError::ReadOnly { .. }), "{error:?}");
        assert!(error.to_string().contains("run as its owner"), "{error}");
        assert_eq!(size(&database), 10);
    }
}
