//! The history of a site as one SQLite file.
//!
//! Writers append in transactions of SQLite's write-ahead log, which one process after the other
//! gets, and readers see the last committed state without waiting for them. An event that was
//! acknowledged is in the log file: it survives the death of the process. It survives a loss of
//! power once the log has been synced, which SQLite does every thousand pages, and an import at its
//! end; what is lost then are the last events, never the file. To sync each event on its own would
//! take as long as the disk's flush, and a history is no ledger.

mod append;
mod error;
mod import;
mod read;
mod rows;
mod schema;
mod snapshots;

use std::ops::ControlFlow;
use std::path::{Path, PathBuf};

use rusqlite::Connection;
use vclust_core::{Appended, Event, EventFilter, EventId, HistoryStore, Saved, Snapshot};
use vclust_debian::{StateDirectory, StateDirectoryError};

use crate::sqlite::connect;
pub use error::HistoryDatabaseError;
pub use import::{Import, ImportError};

/// The history of a site, open in this process. Each thread that uses it opens its own.
#[derive(Debug)]
pub struct HistoryDatabase {
    connection: Connection,
    path: PathBuf,
}

impl HistoryDatabase {
    /// Opens `history.sqlite` in a state directory; makes both where they are not there.
    pub fn open(state: &StateDirectory) -> Result<Self, HistoryDatabaseError> {
        let path = state.path().to_owned();
        std::fs::create_dir_all(&path)
            .map_err(|source| StateDirectoryError::Make { path, source })?;
        Self::open_file(&file_in(state))
    }

    /// Opens the history of a state directory if it has one, and makes nothing.
    pub fn open_existing(state: &StateDirectory) -> Result<Option<Self>, HistoryDatabaseError> {
        let path = file_in(state);
        match path.try_exists() {
            Ok(false) => Ok(None),
            Ok(true) => Self::open_file(&path).map(Some),
            Err(source) => Err(HistoryDatabaseError::Find { path, source }),
        }
    }

    /// Opens or makes the file of this name.
    pub fn open_file(path: &Path) -> Result<Self, HistoryDatabaseError> {
        let connection = connect(path).map_err(|error| HistoryDatabaseError::of(path, error))?;
        schema::prepare(&connection, path)?;
        Ok(Self { connection, path: path.to_owned() })
    }

    /// The file.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Number of the wanted events.
    pub fn count(&self, wanted: &EventFilter) -> Result<u64, HistoryDatabaseError> {
        read::count(&self.connection, wanted).map_err(|error| self.failed(error))
    }

    /// Visits the wanted events as lines of the exchange format, without line feeds, as
    /// [`HistoryStore::for_each`] does, and faster than making events of them.
    pub fn for_each_line(
        &self,
        wanted: &EventFilter,
        visit: &mut dyn FnMut(EventId, &str) -> ControlFlow<()>,
    ) -> Result<EventId, HistoryDatabaseError> {
        read::for_each_line(&self.connection, wanted, visit).map_err(|error| self.failed(error))
    }

    /// Starts an import. Until it is finished nothing of it is in the history, and nobody waits
    /// for it.
    pub fn import(&mut self) -> Result<Import<'_>, HistoryDatabaseError> {
        Import::start(self)
    }

    fn failed(&self, error: rusqlite::Error) -> HistoryDatabaseError {
        HistoryDatabaseError::of(&self.path, error)
    }

    fn event(&self, id: EventId, line: &str) -> Result<Event, HistoryDatabaseError> {
        Event::from_json_line(line.as_bytes()).map_err(|rejection| {
            HistoryDatabaseError::DamagedEvent { path: self.path.clone(), id, rejection }
        })
    }
}

fn file_in(state: &StateDirectory) -> PathBuf {
    state.path().join("history.sqlite")
}

impl HistoryStore for HistoryDatabase {
    type Error = HistoryDatabaseError;

    fn append(&mut self, events: &[Event]) -> Result<Appended, HistoryDatabaseError> {
        let rows = append::rows(events)?;
        append::append(&mut self.connection, &rows)
            .map_err(|error| HistoryDatabaseError::of(&self.path, error))
    }

    fn last_event(&self) -> Result<EventId, HistoryDatabaseError> {
        read::last_event(&self.connection).map_err(|error| self.failed(error))
    }

    fn for_each(
        &self,
        wanted: &EventFilter,
        visit: &mut dyn FnMut(EventId, &Event) -> ControlFlow<()>,
    ) -> Result<EventId, HistoryDatabaseError> {
        let mut damaged = None;
        let end = self.for_each_line(wanted, &mut |id, line| match self.event(id, line) {
            Ok(event) => visit(id, &event),
            Err(error) => {
                damaged = Some(error);
                ControlFlow::Break(())
            }
        })?;
        damaged.map_or(Ok(end), Err)
    }

    fn recent(
        &self,
        wanted: &EventFilter,
        count: usize,
    ) -> Result<Vec<(EventId, Event)>, HistoryDatabaseError> {
        let lines =
            read::recent(&self.connection, wanted, count).map_err(|error| self.failed(error))?;
        lines.into_iter().map(|(id, line)| Ok((id, self.event(id, &line)?))).collect()
    }

    fn snapshot(&self, name: &str, version: u32) -> Result<Option<Snapshot>, HistoryDatabaseError> {
        snapshots::load(&self.connection, name, version).map_err(|error| self.failed(error))
    }

    fn save_snapshot(
        &mut self,
        name: &str,
        version: u32,
        snapshot: &Snapshot,
    ) -> Result<Saved, HistoryDatabaseError> {
        snapshots::save(&self.connection, name, version, snapshot)
            .map_err(|error| self.failed(error))
    }
}
