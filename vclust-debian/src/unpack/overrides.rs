//! What the administrator, or packages before, want to be different from what packages ship.

use std::collections::HashMap;

/// Diversions (dpkg-divert(1)) and overridden owners and modes (dpkg-statoverride(1)) of a root.
/// Paths are below the root, without a slash at either end.
#[derive(Debug, Clone, Default)]
pub struct Overrides {
    diversions: HashMap<Vec<u8>, Diversion>,
    /// Where diversions lead, so that nobody ships these paths.
    diverted: HashMap<Vec<u8>, Vec<u8>>,
    stats: HashMap<Vec<u8>, StatOverride>,
}

#[derive(Debug, Clone)]
struct Diversion {
    to: Vec<u8>,
    by: Option<String>,
}

/// An owner and a mode that a path gets whatever packages say.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct StatOverride {
    /// User id.
    pub user: u32,
    /// Group id.
    pub group: u32,
    /// Permission bits with setuid, setgid and sticky.
    pub mode: u32,
}

impl Overrides {
    /// Diverts `from` to `to` for all packages but `by`; without `by`, for all packages.
    pub fn divert(&mut self, from: Vec<u8>, to: Vec<u8>, by: Option<String>) {
        self.diverted.insert(to.clone(), from.clone());
        self.diversions.insert(from, Diversion { to, by });
    }

    /// Sets the owner and the mode of a path.
    pub fn set_stat(&mut self, path: Vec<u8>, stat: StatOverride) {
        self.stats.insert(path, stat);
    }

    /// Where the package's file goes.
    pub(super) fn place<'a>(&'a self, path: &'a [u8], package: &str) -> &'a [u8] {
        match self.diversions.get(path) {
            Some(diversion) if diversion.by.as_deref() != Some(package) => &diversion.to,
            _ => path,
        }
    }

    /// Whether another path is diverted to this one.
    pub(super) fn is_diverted_to(&self, path: &[u8]) -> bool {
        self.diverted.contains_key(path)
    }

    pub(super) fn stat(&self, path: &[u8]) -> Option<StatOverride> {
        self.stats.get(path).copied()
    }
}
