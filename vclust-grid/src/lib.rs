//! What a site of vclust keeps: today its history, and what estimators learned from it.
//!
//! The ideas are in `vclust-core`: what an event is, and what a store of events must do. Here is
//! the store that survives crashes and serves several processes at once, a SQLite file in the
//! state directory, and the way estimators are brought up to date from any store.

mod history;
mod learned;

pub use history::{HistoryDatabase, HistoryDatabaseError, Import, ImportError, SqliteError};
pub use learned::{Learner, last_learned, learned};
