//! The first requests of a site, from which some policies decide once and for all.

use super::recent::Recent;
use crate::catalogue::PackageSet;

/// The first so many requests, until they were decided on.
#[derive(Debug, Clone)]
pub(super) struct FirstRequests {
    requests: Recent,
    wanted: usize,
    decided: bool,
}

impl FirstRequests {
    pub(super) fn new(wanted: usize) -> Self {
        Self { requests: Recent::new(wanted), wanted, decided: false }
    }

    /// How many are waited for.
    pub(super) fn wanted(&self) -> usize {
        self.wanted
    }

    /// Takes note of a request; says whether that was the last one to wait for.
    pub(super) fn note(&mut self, packages: &PackageSet) -> bool {
        if self.decided {
            return false;
        }
        self.requests.push(packages);
        self.requests.is_full()
    }

    /// The requests to decide on, once; `None` where there are none, or that has happened.
    pub(super) fn decide(&mut self) -> Option<&Recent> {
        if self.decided || self.requests.len() == 0 {
            return None;
        }
        self.decided = true;
        Some(&self.requests)
    }
}
