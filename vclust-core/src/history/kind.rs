//! The kinds of events by name.

use std::fmt;

use serde::{Deserialize, Serialize};

use super::event::{Event, InstallEvent, PhaseEvent, RequestEvent, TransferEvent};
use super::timestamp::Timestamp;

/// What an event tells of.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
#[non_exhaustive]
pub enum EventKind {
    /// A user's request.
    Request,
    /// A transfer of an image.
    Transfer,
    /// An install of packages.
    Install,
    /// Another phase of a build.
    Phase,
}

impl EventKind {
    /// The name that the exchange format has for it.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Request => "request",
            Self::Transfer => "transfer",
            Self::Install => "install",
            Self::Phase => "phase",
        }
    }
}

impl fmt::Display for EventKind {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(self.name())
    }
}

impl Event {
    /// Its kind.
    #[must_use]
    pub fn kind(&self) -> EventKind {
        match self {
            Self::Request(_) => EventKind::Request,
            Self::Transfer(_) => EventKind::Transfer,
            Self::Install(_) => EventKind::Install,
            Self::Phase(_) => EventKind::Phase,
        }
    }

    /// The request, if it is one.
    #[must_use]
    pub fn as_request(&self) -> Option<&RequestEvent> {
        if let Self::Request(event) = self { Some(event) } else { None }
    }

    /// The transfer, if it is one.
    #[must_use]
    pub fn as_transfer(&self) -> Option<&TransferEvent> {
        if let Self::Transfer(event) = self { Some(event) } else { None }
    }

    /// The install, if it is one.
    #[must_use]
    pub fn as_install(&self) -> Option<&InstallEvent> {
        if let Self::Install(event) = self { Some(event) } else { None }
    }

    /// The phase, if it is one.
    #[must_use]
    pub fn as_phase(&self) -> Option<&PhaseEvent> {
        if let Self::Phase(event) = self { Some(event) } else { None }
    }

    /// When it happened.
    #[must_use]
    pub fn at(&self) -> Timestamp {
        match self {
            Self::Request(event) => event.at,
            Self::Transfer(event) => event.at,
            Self::Install(event) => event.at,
            Self::Phase(event) => event.at,
        }
    }

    /// The site where it happened.
    #[must_use]
    pub fn site(&self) -> &str {
        match self {
            Self::Request(event) => &event.site,
            Self::Transfer(event) => &event.site,
            Self::Install(event) => &event.site,
            Self::Phase(event) => &event.site,
        }
    }
}
