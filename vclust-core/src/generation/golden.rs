//! VMPlants' policy: one golden image that an administrator prepared.

use super::first_requests::FirstRequests;
use super::frequent::image_of;
use super::{Changes, GenerationPolicy, Repository, Served};

/// One image of what most users share, made once. VMPlants has its administrators prepare the machine
/// that all configurations start from; here it holds what is in at least half of the first N
/// requests, which is what an administrator would find in a log.
#[derive(Debug, Clone)]
pub struct Golden {
    first: FirstRequests,
}

/// The share of the first requests that a package has to be in.
const PERCENT: f64 = 50.0;

impl Golden {
    /// Made of the first `requests`.
    #[must_use]
    pub fn new(requests: usize) -> Self {
        Self { first: FirstRequests::new(requests) }
    }
}

impl GenerationPolicy for Golden {
    fn name(&self) -> String {
        format!("golden:{}", self.first.wanted())
    }

    fn served(&mut self, served: &Served<'_>, repository: &Repository<'_>) -> Changes {
        if self.first.note(served.packages) { self.decide(repository) } else { Changes::default() }
    }

    fn decide(&mut self, repository: &Repository<'_>) -> Changes {
        let Some(requests) = self.first.decide() else { return Changes::default() };
        let image = image_of(requests, PERCENT, repository);
        Changes::to(image.as_slice(), repository)
    }
}
