//! VMPlants' policy: one golden image that an administrator prepared.

use super::frequent::image_of;
use super::recent::Recent;
use super::{Changes, GenerationPolicy, Making, Repository, Served};

/// One image of what most users share, made once. VMPlants has its administrators prepare the machine
/// that all configurations start from; here it holds what is in at least half of the first N
/// requests, which is what an administrator would find in a log.
#[derive(Debug, Clone)]
pub struct Golden {
    recent: Recent,
    first: usize,
    made: bool,
}

/// The share of the first requests that a package has to be in.
const PERCENT: f64 = 50.0;

impl Golden {
    /// Made of the first `requests`.
    #[must_use]
    pub fn new(requests: usize) -> Self {
        Self { recent: Recent::new(requests), first: requests, made: false }
    }
}

impl GenerationPolicy for Golden {
    fn name(&self) -> String {
        format!("golden:{}", self.first)
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
        let image = image_of(&self.recent, PERCENT, repository);
        let add = image.map(|set| (set, Making::Built)).into_iter().collect();
        Changes { evict: Vec::new(), add }
    }
}
