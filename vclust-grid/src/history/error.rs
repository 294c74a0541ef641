//! Why a history file does not answer, and what to do about it.

use std::path::{Path, PathBuf};

use rusqlite::ErrorCode;
use thiserror::Error;
use vclust_core::{EventId, ImpossibleEvent, Rejection};
use vclust_debian::StateDirectoryError;

use crate::sqlite::SqliteError;

/// Why the history does not answer.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum HistoryDatabaseError {
    /// There is no state directory.
    #[error(transparent)]
    StateDirectory(#[from] StateDirectoryError),
    /// An event could not have happened; nothing was recorded.
    #[error(transparent)]
    Impossible(#[from] ImpossibleEvent),
    /// The system does not say whether there is a history.
    #[error("cannot look for the history {}", path.display())]
    Find {
        /// The file.
        path: PathBuf,
        /// What the system says.
        source: std::io::Error,
    },
    /// The file cannot be opened or made.
    #[error(
        "cannot open the history {}: it must be a file of yours, in a directory where you may \
         write; VCLUST_STATE_DIR names another directory",
        path.display()
    )]
    Open {
        /// The file.
        path: PathBuf,
        /// What SQLite says.
        source: SqliteError,
    },
    /// The file is no SQLite file.
    #[error(
        "{} is no history: move it away, and vclust makes a new one, into which `vclust history \
         import` takes exported events",
        path.display()
    )]
    NotADatabase {
        /// The file.
        path: PathBuf,
        /// What SQLite says.
        source: SqliteError,
    },
    /// The file is another program's SQLite file.
    #[error(
        "{} is another program's SQLite file, not a history: move it away, or set \
         VCLUST_STATE_DIR to another directory",
        path.display()
    )]
    Foreign {
        /// The file.
        path: PathBuf,
    },
    /// A newer vclust has written the file.
    #[error(
        "the history {} has form {version}, written by a newer vclust; this one knows form \
         {known}: use the newer vclust, or its `vclust history export`",
        path.display()
    )]
    Newer {
        /// The file.
        path: PathBuf,
        /// The form of its tables.
        version: i32,
        /// The latest form that this vclust knows.
        known: i32,
    },
    /// The file is damaged.
    #[error(
        "the history {} is damaged: move it away and import your last export into a new one; \
         `sqlite3 {} .recover` prints what can still be read",
        path.display(), path.display()
    )]
    Damaged {
        /// The file.
        path: PathBuf,
        /// What SQLite says.
        source: SqliteError,
    },
    /// A stored event cannot be read.
    #[error(
        "event {} of the history {} is damaged; `sqlite3 {} 'DELETE FROM event WHERE id = {}'` \
         gives it up",
        id.number(), path.display(), path.display(), id.number()
    )]
    DamagedEvent {
        /// The file.
        path: PathBuf,
        /// The event.
        id: EventId,
        /// What is wrong with it.
        #[source]
        rejection: Rejection,
    },
    /// The file cannot be written.
    #[error(
        "the history {} cannot be written; run as its owner, or set VCLUST_STATE_DIR to a \
         directory of yours",
        path.display()
    )]
    ReadOnly {
        /// The file.
        path: PathBuf,
        /// What SQLite says.
        source: SqliteError,
    },
    /// The disk is full. Nothing of what was to be recorded is in the file.
    #[error(
        "no room on the disk for the history {} or its temporary files; nothing was recorded: \
         free some space and try again",
        path.display()
    )]
    DiskFull {
        /// The file.
        path: PathBuf,
        /// What SQLite says.
        source: SqliteError,
    },
    /// Another process did not stop writing for a minute.
    #[error(
        "another process has been writing to the history {} for a minute; try again when it is \
         done (`fuser {}` names it)",
        path.display(), path.display()
    )]
    Busy {
        /// The file.
        path: PathBuf,
        /// What SQLite says.
        source: SqliteError,
    },
    /// The system failed to read or write, or SQLite failed otherwise.
    #[error("cannot read or write the history {}", path.display())]
    Failed {
        /// The file.
        path: PathBuf,
        /// What SQLite says.
        source: SqliteError,
    },
}

impl HistoryDatabaseError {
    /// What an error of SQLite means for the history.
    pub(super) fn of(path: &Path, error: rusqlite::Error) -> Self {
        let path = path.to_owned();
        let code = error.sqlite_error_code();
        let source = SqliteError(error);
        match code {
            Some(ErrorCode::CannotOpen | ErrorCode::PermissionDenied) => {
                Self::Open { path, source }
            }
            Some(ErrorCode::NotADatabase) => Self::NotADatabase { path, source },
            Some(ErrorCode::DatabaseCorrupt) => Self::Damaged { path, source },
            Some(ErrorCode::ReadOnly) => Self::ReadOnly { path, source },
            Some(ErrorCode::DiskFull) => Self::DiskFull { path, source },
            Some(ErrorCode::DatabaseBusy | ErrorCode::DatabaseLocked) => {
                Self::Busy { path, source }
            }
            _ => Self::Failed { path, source },
        }
    }
}
