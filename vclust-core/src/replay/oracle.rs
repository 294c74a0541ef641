//! Oracles: what could have been done with a trace by someone who knows it.

use crate::catalogue::PackageSet;
use crate::generation::{
    Changes, GenerationPolicy, Problem, Repository, Served, Solution, WeightedTarget,
};
use crate::selection::Target;

fn weighted(targets: &[Target], requests: &[u32], most: usize) -> Vec<WeightedTarget> {
    let mut counts: rustc_hash::FxHashMap<u32, u32> = rustc_hash::FxHashMap::default();
    for place in requests {
        *counts.entry(*place).or_default() += 1;
    }
    let mut counts: Vec<(u32, u32)> = counts.into_iter().collect();
    counts.sort_unstable_by_key(|(place, count)| (std::cmp::Reverse(*count), *place));
    counts.truncate(most);
    let of = |(place, count): (u32, u32)| WeightedTarget {
        packages: targets[place as usize].packages().clone(),
        weight: f64::from(count),
    };
    counts.into_iter().map(of).collect()
}

/// What a search by someone who knows the requests may design.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Designs {
    /// Whole images only.
    Images,
    /// Layers, too, where a strategy stacks them.
    Layers,
}

impl Designs {
    fn problem<'a>(self, repository: &Repository<'a>, targets: &[WeightedTarget]) -> Problem<'a> {
        let problem = Problem::new(repository, targets);
        if self == Self::Layers { problem } else { problem.without_layers() }
    }
}

/// The best images and layers that never change, for someone who knows all requests in advance: the
/// comparator of regret in online optimisation (M. Zinkevich, Online convex programming, ICML 2003). The
/// search is that of [`Problem::solve`], over the `most` most frequent distinct requests.
#[must_use]
pub fn hindsight(
    repository: &Repository<'_>,
    targets: &[Target],
    requests: &[u32],
    most: usize,
    designs: Designs,
) -> Solution {
    designs.problem(repository, &weighted(targets, requests, most)).solve(&[], &[], None)
}

/// A policy that knows the requests to come: before each period it builds the best images and layers for exactly
/// this period, as far as the search of [`Problem::solve`] finds them. No policy can know that. It is no
/// strict bound: the search is not exact, and a policy that happens to look further may be the better.
#[derive(Debug, Clone)]
pub struct Clairvoyant<'a> {
    targets: &'a [Target],
    requests: &'a [u32],
    period: usize,
    designs: Designs,
    price: Option<f64>,
}

impl<'a> Clairvoyant<'a> {
    /// Looks so many requests ahead.
    #[must_use]
    pub fn new(
        targets: &'a [Target],
        requests: &'a [u32],
        period: usize,
        designs: Designs,
    ) -> Self {
        Self { targets, requests, period: period.max(1), designs, price: None }
    }

    fn images(&mut self, from: usize, repository: &Repository<'_>) -> Changes {
        let to = (from + self.period).min(self.requests.len());
        if from >= to {
            return Changes::default();
        }
        let ahead = weighted(self.targets, &self.requests[from..to], usize::MAX);
        let problem = self.designs.problem(repository, &ahead);
        let images: Vec<PackageSet> =
            repository.cached().map(|(_, image)| image.packages.clone()).collect();
        let layers: Vec<PackageSet> =
            repository.catalogue.layers().map(|(_, layer)| layer.packages.clone()).collect();
        let solution = problem.solve(&images, &layers, self.price);
        self.price = Some(solution.price_of_byte);
        Changes::to_both(&solution.images, &solution.layers, repository)
    }
}

impl GenerationPolicy for Clairvoyant<'_> {
    fn name(&self) -> String {
        format!("oracle: next {}", self.period)
    }

    fn served(&mut self, served: &Served<'_>, repository: &Repository<'_>) -> Changes {
        let next = served.number as usize + 1;
        if next % self.period == 0 || next == 1 {
            let from = if next == 1 { 1 } else { next };
            return self.images(from, repository);
        }
        Changes::default()
    }

    fn decide(&mut self, repository: &Repository<'_>) -> Changes {
        self.images(0, repository)
    }
}
