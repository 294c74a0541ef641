//! Our policy: the images and layers that make the builds to come take the least time.
//!
//! Requests of the past, decayed by age, stand for those to come. Images, and layers where a strategy
//! stacks them, are chosen to minimise their mean build time under the budget ([`Problem`]); what they
//! replace is evicted, which is eviction by expected loss. New ones are built only if what they are
//! expected to save within one half-life exceeds what building them takes.

mod assign;
mod grow;
mod parts;
mod problem;
mod refine;
mod seeds;
mod solve;
mod worth;

pub use problem::{Problem, Solution, WeightedTarget};
pub use worth::ImageWorth;

use rustc_hash::FxHashMap;

use super::{Changes, GenerationPolicy, Repository, Served};
use crate::catalogue::PackageSet;

/// How [`ExpectedTime`] looks at the past.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct ExpectedTimeOptions {
    /// Requests after which one counts half.
    pub half_life: usize,
    /// Requests between two decisions; the first ones come sooner.
    pub period: usize,
    /// Distinct requests that a decision looks at, those of the largest weight.
    pub distinct: usize,
    /// Whether layers are designed, too, where a strategy stacks them.
    pub layers: bool,
}

impl Default for ExpectedTimeOptions {
    fn default() -> Self {
        Self { half_life: 10_000, period: 500, distinct: 2000, layers: true }
    }
}

/// Minimises the expected time of the builds to come.
#[derive(Debug, Clone)]
pub struct ExpectedTime {
    options: ExpectedTimeOptions,
    /// Weight of each distinct request at the time of its last occurrence, and when that was.
    weights: FxHashMap<PackageSet, (f64, u64)>,
    now: u64,
    next: u64,
    price_of_byte: Option<f64>,
}

/// The first decision, in requests; later ones double the distance until it is the period.
const FIRST: u64 = 8;
/// A long history changes slowly: a decision waits for one new request to so many old ones.
const SELDOM: u64 = 32;

impl ExpectedTime {
    /// Knows no request yet.
    #[must_use]
    pub fn new(options: ExpectedTimeOptions) -> Self {
        Self { options, weights: FxHashMap::default(), now: 0, next: FIRST, price_of_byte: None }
    }

    fn decayed(&self, (weight, last): (f64, u64)) -> f64 {
        let age = self.now.saturating_sub(last) as f64;
        weight * (-age / self.options.half_life.max(1) as f64).exp2()
    }

    /// The requests of the largest weight; of the others all but a few times as many are forgotten.
    fn targets(&mut self) -> Vec<WeightedTarget> {
        let kept = 4 * self.options.distinct.max(1);
        let mut all: Vec<WeightedTarget> = self
            .weights
            .iter()
            .map(|(packages, entry)| WeightedTarget {
                packages: packages.clone(),
                weight: self.decayed(*entry),
            })
            .collect();
        all.sort_by(|a, b| {
            b.weight.total_cmp(&a.weight).then_with(|| a.packages.iter().cmp(b.packages.iter()))
        });
        for forgotten in all.iter().skip(kept) {
            self.weights.remove(&forgotten.packages);
        }
        all.truncate(self.options.distinct.max(1));
        all
    }
}

impl GenerationPolicy for ExpectedTime {
    fn name(&self) -> String {
        let kinds = if self.options.layers { "" } else { ",images" };
        format!("expected-time:{}{kinds}", self.options.half_life)
    }

    fn served(&mut self, served: &Served<'_>, repository: &Repository<'_>) -> Changes {
        self.now += 1;
        let entry = self.weights.get(served.packages).copied().unwrap_or((0.0, self.now));
        let weight = self.decayed(entry) + 1.0;
        self.weights.insert(served.packages.clone(), (weight, self.now));
        if self.now < self.next {
            return Changes::default();
        }
        let usual = (self.options.period.max(1) as u64).max(self.now / SELDOM);
        self.next = self.now + self.now.min(usual);
        self.decide(repository)
    }

    fn decide(&mut self, repository: &Repository<'_>) -> Changes {
        let targets = self.targets();
        if targets.is_empty() {
            return Changes::default();
        }
        let mut problem = Problem::new(repository, &targets);
        if !self.options.layers {
            problem = problem.without_layers();
        }
        let images: Vec<PackageSet> =
            repository.cached().map(|(_, image)| image.packages.clone()).collect();
        let layers: Vec<PackageSet> =
            repository.catalogue.layers().map(|(_, layer)| layer.packages.clone()).collect();
        let solution = problem.solve(&images, &layers, self.price_of_byte);
        self.price_of_byte = Some(solution.price_of_byte);
        let changes = Changes::to_both(&solution.images, &solution.layers, repository);
        let saved = problem.mean_seconds(&images, &layers) - solution.mean_seconds;
        let horizon = self.options.half_life as f64;
        let images = changes.add.iter().map(|(set, _)| problem.build_seconds(set));
        let layers = changes.add_layers.iter().map(|set| problem.build_layer_seconds(set));
        let building: f64 = images.chain(layers).sum();
        if saved * horizon <= building {
            return Changes::default();
        }
        changes
    }
}
