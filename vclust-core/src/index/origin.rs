//! Where an index file is from.

use crate::pin::Suite;

/// Name of an index file for messages, and what its Release file says of its suite.
#[derive(Debug, Clone, Default)]
pub struct FileOrigin {
    /// The file's name, as messages show it.
    pub name: String,
    /// What pins and `name/suite` requests match against.
    pub suite: Suite,
}

impl FileOrigin {
    /// A file without Release data: its packages have the default priority, 500.
    #[must_use]
    pub fn named(name: impl Into<String>) -> Self {
        Self { name: name.into(), suite: Suite::default() }
    }

    /// A file of the suite that a Release file describes.
    #[must_use]
    pub fn of_suite(name: impl Into<String>, suite: Suite) -> Self {
        Self { name: name.into(), suite }
    }
}
