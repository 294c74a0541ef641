//! Virtual Workspaces' policy: complete images that were prepared beforehand.

use super::recent::Recent;
use super::{Changes, GenerationPolicy, Making, Repository, Served};

/// The most requested complete sets of the first N requests, as many as the budget holds, made once.
/// Virtual Workspaces clones images that administrators prepared and copied to the sites.
#[derive(Debug, Clone)]
pub struct Prepared {
    recent: Recent,
    first: usize,
    made: bool,
}

impl Prepared {
    /// Made of the first `requests`.
    #[must_use]
    pub fn new(requests: usize) -> Self {
        Self { recent: Recent::new(requests), first: requests, made: false }
    }
}

impl GenerationPolicy for Prepared {
    fn name(&self) -> String {
        format!("static:{}", self.first)
    }

    fn served(&mut self, served: &Served<'_>, repository: &Repository<'_>) -> Changes {
        if self.made {
            return Changes::default();
        }
        self.recent.push(served.packages);
        if self.recent.is_full() { self.decide(repository) } else { Changes::default() }
    }

    fn decide(&mut self, repository: &Repository<'_>) -> Changes {
        if self.made || self.recent.len() == 0 {
            return Changes::default();
        }
        self.made = true;
        let base = repository.base();
        let mut room = repository.budget;
        let mut add = Vec::new();
        for (packages, _) in self.recent.distinct() {
            let bytes = repository.sizes.of(repository.universe, packages);
            if *packages != base && bytes <= room {
                room -= bytes;
                add.push((packages.clone(), Making::Built));
            }
        }
        Changes { evict: Vec::new(), add }
    }
}
