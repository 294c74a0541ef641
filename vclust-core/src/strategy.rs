//! The three ways in which nodes get their root.

use std::fmt;

use serde::{Deserialize, Serialize};

/// How nodes get their root.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Strategy {
    /// Every node unpacks the image to its own disk and installs what is missing: the paper's.
    Install,
    /// What is missing is installed once, into a layer; nodes boot from shared read-only layers.
    Layers,
    /// As layers, but one node is booted and all others start as copies of it.
    Clone,
}

impl Strategy {
    /// All three.
    pub const ALL: [Self; 3] = [Self::Install, Self::Layers, Self::Clone];

    /// Its name, as specs and histories write it.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Install => "install",
            Self::Layers => "layers",
            Self::Clone => "clone",
        }
    }

    /// The strategy of that name.
    #[must_use]
    pub fn named(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|strategy| strategy.name() == name)
    }
}

impl fmt::Display for Strategy {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.pad(self.name())
    }
}
