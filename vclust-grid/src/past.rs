//! Events of the past, from a file, from memory, or from a site's own history.

use std::path::{Path, PathBuf};

use thiserror::Error;
use vclust_core::{
    History, HistoryError, HistoryStore, ImpossibleEvent, Index, OnError, RequestEvent,
};
use vclust_debian::StateDirectory;

use crate::estimators::SiteEstimators;
use crate::history::{HistoryDatabase, HistoryDatabaseError};

/// Requests of the past that are looked at.
const REQUESTS: usize = 100_000;

/// Why the past cannot be read.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum PastError {
    /// A file cannot be read.
    #[error("cannot read {}", path.display())]
    Read {
        /// The file.
        path: PathBuf,
        /// What the system says.
        source: std::io::Error,
    },
    /// A line of a file holds no possible event.
    #[error("{}", path.display())]
    Line {
        /// The file.
        path: PathBuf,
        /// The line, and what is wrong with it.
        source: HistoryError,
    },
    /// An event could not have happened.
    #[error(transparent)]
    Impossible(#[from] ImpossibleEvent),
    /// The site's history does not answer.
    #[error(transparent)]
    Database(#[from] HistoryDatabaseError),
}

/// Reads a file of events, one line of JSON each, with the lines that were left out if `on_error` allows it.
pub fn read_history(
    path: &Path,
    on_error: OnError,
) -> Result<(History, Vec<HistoryError>), PastError> {
    let text =
        std::fs::read(path).map_err(|source| PastError::Read { path: path.to_owned(), source })?;
    History::parse(&text, on_error)
        .map_err(|source| PastError::Line { path: path.to_owned(), source })
}

/// Where events come from.
#[derive(Debug)]
pub enum PastEvents {
    /// Events in memory, or none at all.
    Given(History),
    /// The site's own history.
    Recorded(HistoryDatabase),
}

impl PastEvents {
    /// The events of a file, every line of which must be an event.
    pub fn of_file(path: &Path) -> Result<Self, PastError> {
        Ok(Self::Given(read_history(path, OnError::Stop)?.0))
    }

    /// The site's own history, of which there may be none yet.
    pub fn of_site(state: &StateDirectory) -> Result<Self, PastError> {
        let database = HistoryDatabase::open_existing(state)?;
        Ok(database.map_or_else(|| Self::Given(History::default()), Self::Recorded))
    }

    /// The latest requests, the oldest first.
    pub fn requests(&self) -> Result<Vec<RequestEvent>, PastError> {
        Ok(match self {
            Self::Given(history) => history.requests().cloned().collect(),
            Self::Recorded(database) => database.recent_requests(REQUESTS)?,
        })
    }

    /// Estimators that have learned from all events. From memory all is learned anew; a site's own history
    /// has kept what was learned before, and only newer events are read.
    pub fn learn<'a>(&mut self, index: &'a Index) -> Result<SiteEstimators<'a>, PastError> {
        Ok(match self {
            Self::Given(history) => SiteEstimators::of(index, history)?,
            Self::Recorded(database) => SiteEstimators::of(index, database)?,
        })
    }
}
