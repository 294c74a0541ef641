//! The paper's policy: an image of the packages that recent requests have in common.

use super::recent::Recent;
use super::{Changes, GenerationPolicy, Repository, Served};
use crate::catalogue::PackageSet;

/// Of the last N requests, the packages that are in at least M % of them make one cache image (section
/// 3.5 of the paper). The paper has no budget; where the image would exceed it, M is raised to the
/// least share that fits.
#[derive(Debug, Clone)]
pub struct Frequent {
    recent: Recent,
    percent: f64,
    last: usize,
    since: usize,
}

/// The image is made anew after each tenth of the N requests.
const PERIODS: usize = 10;

impl Frequent {
    /// Packages in at least `percent` of the last `requests`.
    #[must_use]
    pub fn new(requests: usize, percent: f64) -> Self {
        Self { recent: Recent::new(requests), percent, last: requests.max(1), since: 0 }
    }
}

/// The most frequent packages, closed under dependencies, that fit into the budget; of two that
/// conflict the more frequent.
pub(super) fn image_of(
    recent: &Recent,
    percent: f64,
    repository: &Repository<'_>,
) -> Option<PackageSet> {
    let least = percent / 100.0 * recent.len() as f64;
    let frequent: Vec<_> =
        recent.by_count().into_iter().take_while(|(_, count)| f64::from(*count) >= least).collect();
    let base = repository.base();
    let mut fitting = base.clone();
    for shares in frequent.chunk_by(|a, b| a.1 == b.1) {
        let mut set = fitting.clone();
        for (id, _) in shares.iter().filter(|(id, _)| !fitting.contains(*id)) {
            repository.universe.add_closed(&mut set, *id);
        }
        if repository.sizes.of(repository.universe, &set) > repository.budget {
            break;
        }
        fitting = set;
    }
    (fitting != base).then_some(fitting)
}

impl GenerationPolicy for Frequent {
    fn name(&self) -> String {
        format!("paper:{},{}", self.last, self.percent)
    }

    fn served(&mut self, served: &Served<'_>, repository: &Repository<'_>) -> Changes {
        self.recent.push(served.packages);
        self.since += 1;
        if self.since < self.last.div_ceil(PERIODS) {
            return Changes::default();
        }
        self.decide(repository)
    }

    fn decide(&mut self, repository: &Repository<'_>) -> Changes {
        self.since = 0;
        let wanted = image_of(&self.recent, self.percent, repository);
        Changes::to(wanted.as_slice(), repository)
    }
}
