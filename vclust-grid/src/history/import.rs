//! Taking many events in, all or none, without keeping others waiting.
//!
//! Events are read into a temporary table first, which takes as long as the reader does and locks
//! nothing. One transaction then moves them all over.

use std::io::{self, BufRead};

use rusqlite::params;
use thiserror::Error;
use vclust_core::{Appended, Event, HistoryError, OnError, Rejection};

use super::HistoryDatabase;
use super::error::HistoryDatabaseError;
use super::rows::Row;

/// The largest install event there can be, of every package of Debian with all steps, is a quarter
/// of this.
const LONGEST_LINE: usize = 64 << 20;

/// Why an import stopped. Nothing of it is in the history.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum ImportError {
    /// The events cannot be read.
    #[error("cannot read events")]
    Read(#[from] io::Error),
    /// A line holds no possible event.
    #[error(transparent)]
    Line(#[from] HistoryError),
    /// The history does not take them.
    #[error(transparent)]
    Database(#[from] HistoryDatabaseError),
}

/// Events on their way into a history. What is dropped unfinished leaves nothing.
#[derive(Debug)]
pub struct Import<'a> {
    database: &'a mut HistoryDatabase,
    staged: usize,
}

impl<'a> Import<'a> {
    pub(super) fn start(database: &'a mut HistoryDatabase) -> Result<Self, HistoryDatabaseError> {
        // The order of a table without an index of its own is that of its rows.
        let import = Self { database, staged: 0 };
        import.batch(
            "DROP TABLE IF EXISTS temp.incoming;
             CREATE TABLE temp.incoming (
                 place INTEGER PRIMARY KEY,
                 kind TEXT NOT NULL, at INTEGER NOT NULL, site TEXT NOT NULL,
                 json TEXT NOT NULL, digest BLOB NOT NULL
             ) STRICT;
             BEGIN",
        )?;
        Ok(import)
    }

    /// Adds one event.
    pub fn add(&mut self, event: &Event) -> Result<(), HistoryDatabaseError> {
        let Row { kind, at, site, line, digest } = Row::from(event);
        self.database
            .connection
            .prepare_cached(
                "INSERT INTO temp.incoming (kind, at, site, json, digest)
                 VALUES (?1, ?2, ?3, ?4, ?5)",
            )
            .and_then(|mut insert| insert.execute(params![kind, at, site, line, digest]))
            .map_err(|error| self.database.failed(error))?;
        self.staged += 1;
        Ok(())
    }

    /// Adds the events of JSON lines; empty lines are nothing. With [`OnError::Skip`] the answer
    /// says which lines were left out, and why; with [`OnError::Stop`] that list is always empty.
    pub fn read(
        &mut self,
        mut from: impl BufRead,
        on_error: OnError,
    ) -> Result<Vec<HistoryError>, ImportError> {
        let mut skipped = Vec::new();
        let mut line = Vec::new();
        for number in 1.. {
            let event = match next_line(&mut from, &mut line)? {
                Line::End => break,
                Line::Whole if line.trim_ascii().is_empty() => continue,
                Line::Whole => Event::from_json_line(&line),
                Line::TooLong => Err(Rejection::TooLong { limit: LONGEST_LINE }),
            };
            match (event, on_error) {
                (Ok(event), _) => self.add(&event)?,
                (Err(rejection), OnError::Stop) => {
                    return Err(HistoryError { line: number, rejection }.into());
                }
                (Err(rejection), OnError::Skip) => {
                    skipped.push(HistoryError { line: number, rejection });
                }
            }
        }
        Ok(skipped)
    }

    /// Moves the events into the history, all of them, and syncs them to the disk.
    pub fn finish(self) -> Result<Appended, HistoryDatabaseError> {
        self.batch("COMMIT; PRAGMA synchronous = FULL; BEGIN IMMEDIATE")?;
        let new = self
            .database
            .connection
            .execute(
                "INSERT INTO main.event (kind, at, site, json, digest)
                 SELECT kind, at, site, json, digest FROM temp.incoming WHERE true ORDER BY place
                 ON CONFLICT (at, digest) DO NOTHING",
                [],
            )
            .map_err(|error| self.database.failed(error))?;
        self.batch("COMMIT")?;
        Ok(Appended { new, known: self.staged - new })
    }

    fn batch(&self, statements: &str) -> Result<(), HistoryDatabaseError> {
        let connection = &self.database.connection;
        connection.execute_batch(statements).map_err(|error| self.database.failed(error))
    }
}

impl Drop for Import<'_> {
    fn drop(&mut self) {
        // Failing here leaves a temporary table, which ends with the connection.
        if !self.database.connection.is_autocommit() {
            let _ = self.batch("ROLLBACK");
        }
        let _ = self.batch("PRAGMA synchronous = NORMAL; DROP TABLE IF EXISTS temp.incoming");
    }
}

enum Line {
    Whole,
    TooLong,
    End,
}

/// Reads a line without its line feed; of one that is too long it keeps nothing.
fn next_line(from: &mut impl BufRead, line: &mut Vec<u8>) -> io::Result<Line> {
    line.clear();
    let with_line_feed = LONGEST_LINE as u64 + 1;
    if io::Read::take(&mut *from, with_line_feed).read_until(b'\n', line)? == 0 {
        return Ok(Line::End);
    }
    if line.last() == Some(&b'\n') {
        line.pop();
    } else if line.len() > LONGEST_LINE {
        *line = Vec::new();
        from.skip_until(b'\n')?;
        return Ok(Line::TooLong);
    }
    Ok(Line::Whole)
}
