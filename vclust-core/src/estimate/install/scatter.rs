//! How much runs scatter at a site: learned from how far each run was from what had been predicted
//! of it.

use serde::{Deserialize, Serialize};

/// Runs that are remembered.
const KEPT: u64 = 127;

/// One run: how far it was off, and what was said of that.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub(super) struct Miss {
    /// `measured / predicted - 1`.
    pub(super) excess: f32,
    /// Relative variance that the packages explain.
    pub(super) packages: f32,
    /// Relative variance that the site's speed, its nodes and the clock explain.
    pub(super) known: f32,
}

/// The latest runs.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub(super) struct Scatter {
    count: u64,
    latest: Vec<Miss>,
}

impl Scatter {
    pub(super) fn add(&mut self, miss: Miss) {
        match self.latest.get_mut((self.count % KEPT) as usize) {
            Some(oldest) => *oldest = miss,
            None => self.latest.push(miss),
        }
        self.count += 1;
    }
    pub(super) fn misses(&self) -> &[Miss] {
        &self.latest
    }
}
