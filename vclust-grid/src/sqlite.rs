//! What every SQLite file of a site has in common: patience with other processes, and the
//! write-ahead log.

use std::path::Path;
use std::time::{Duration, Instant};

use rusqlite::{Connection, ErrorCode, OpenFlags};
use thiserror::Error;

/// How long a writer waits for another: longer than an import of a million events locks the file.
pub(crate) const PATIENCE: Duration = Duration::from_secs(60);

/// What SQLite says, in its words.
#[derive(Debug, Error)]
#[error("{0}")]
pub struct SqliteError(
    // Not a source: its own cause says the same again, with a number.
    pub(crate) rusqlite::Error,
);

/// Opens or makes a file.
pub(crate) fn connect(path: &Path) -> rusqlite::Result<Connection> {
    let flags = OpenFlags::SQLITE_OPEN_READ_WRITE
        | OpenFlags::SQLITE_OPEN_CREATE
        | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let connection = Connection::open_with_flags(path, flags)?;
    connection.busy_timeout(PATIENCE)?;
    connection.set_prepared_statement_cache_capacity(32);
    Ok(connection)
}

/// Switches to the write-ahead log, unless that is so already.
pub(crate) fn use_log(connection: &Connection) -> rusqlite::Result<()> {
    let mode: String = connection.query_row("PRAGMA journal_mode", [], |row| row.get(0))?;
    if mode == "wal" {
        return Ok(());
    }
    // To switch, SQLite must be alone with the file, and it does not wait for that by itself.
    let start = Instant::now();
    loop {
        match connection.query_row("PRAGMA journal_mode = WAL", [], |_| Ok(())) {
            Err(rusqlite::Error::SqliteFailure(error, _))
                if error.code == ErrorCode::DatabaseBusy && start.elapsed() < PATIENCE =>
            {
                std::thread::sleep(Duration::from_millis(5));
            }
            result => return result,
        }
    }
}
