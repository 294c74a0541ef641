//! Virtual Workspaces' policy: complete images that were prepared beforehand.

use super::first_requests::FirstRequests;
use super::{Changes, GenerationPolicy, Repository, Served};

/// The most requested complete sets of the first N requests, as many as the budget holds, made once.
/// Virtual Workspaces clones images that administrators prepared and copied to the sites.
#[derive(Debug, Clone)]
pub struct Prepared {
    first: FirstRequests,
}

impl Prepared {
    /// Made of the first `requests`.
    #[must_use]
    pub fn new(requests: usize) -> Self {
        Self { first: FirstRequests::new(requests) }
    }
}

impl GenerationPolicy for Prepared {
    fn name(&self) -> String {
        format!("static:{}", self.first.wanted())
    }

    fn served(&mut self, served: &Served<'_>, repository: &Repository<'_>) -> Changes {
        if self.first.note(served.packages) { self.decide(repository) } else { Changes::default() }
    }

    fn decide(&mut self, repository: &Repository<'_>) -> Changes {
        let Some(requests) = self.first.decide() else { return Changes::default() };
        let base = repository.base();
        let mut room = repository.budget;
        let mut wanted = Vec::new();
        for (packages, _) in requests.distinct() {
            let bytes = repository.sizes.of(repository.universe, packages);
            if *packages != base && bytes <= room {
                room -= bytes;
                wanted.push(packages.clone());
            }
        }
        Changes::to(&wanted, repository)
    }
}
