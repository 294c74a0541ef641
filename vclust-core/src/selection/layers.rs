//! Beyond one image: the set of layers whose union is cheapest.
//!
//! Each layer costs its mounting and spares the installation of what it holds. Choosing them is a
//! weighted set cover, so branch and bound answers exactly where the catalogue is small; where its
//! budget of steps runs out, the answer says how far it may be from the best.

use super::{PackagePrices, RunPrice, Target};
use crate::catalogue::PackageSet;

/// A read-only layer that can be put over an image.
#[derive(Debug, Clone, PartialEq)]
pub struct Layer {
    /// Its name in the repository.
    pub id: String,
    /// The packages it adds.
    pub packages: PackageSet,
    /// Seconds that it costs: fetching and mounting.
    pub seconds: f64,
}

/// The layers to take.
#[derive(Debug, Clone, PartialEq)]
pub struct LayerPlan {
    /// Places of the layers in the list that was searched, ascending.
    pub layers: Vec<usize>,
    /// Seconds of the layers and of installing what they lack.
    pub seconds: f64,
    /// No set of layers takes less than this.
    pub bound: f64,
    /// Packages that are left to install.
    pub missing: usize,
}

impl LayerPlan {
    /// How far the plan may be from the best, relative to that: 0 where it is proven the best.
    #[must_use]
    pub fn gap(&self) -> f64 {
        if self.seconds <= self.bound { 0.0 } else { self.seconds / self.bound.max(1e-9) - 1.0 }
    }
}

/// Searches layers to put over an image.
#[derive(Debug, Clone, Copy)]
pub struct LayerSearch<'a> {
    packages: &'a PackagePrices,
    run: &'a RunPrice,
    steps: usize,
}

/// Steps of branch and bound before its answer is the best found so far.
const STEPS: usize = 20_000;

impl<'a> LayerSearch<'a> {
    /// A search by these prices.
    #[must_use]
    pub fn new(packages: &'a PackagePrices, run: &'a RunPrice) -> Self {
        Self { packages, run, steps: STEPS }
    }

    /// How many steps of branch and bound are taken at most; with 0 the answer is the greedy one.
    #[must_use]
    pub fn steps(mut self, steps: usize) -> Self {
        self.steps = steps;
        self
    }

    /// The cheapest set of layers over an image that holds `image`. Layers that hold anything the
    /// target does not go with are never taken.
    #[must_use]
    pub fn search(&self, layers: &[Layer], image: &PackageSet, target: &Target) -> LayerPlan {
        let mut missing = target.packages().clone();
        missing.difference_with(image);
        let problem = Problem::new(self, layers, missing, target);
        let greedy = problem.greedy();
        problem.improve(greedy, self.steps)
    }
}

/// What is known of one search.
struct Problem<'a> {
    search: &'a LayerSearch<'a>,
    missing: PackageSet,
    /// Layers that can help: place, what they hold of the missing packages, seconds.
    useful: Vec<(usize, PackageSet, f64)>,
    /// Seconds of a run are never less than this factor times its unpacking plus its configuring.
    least: Box<dyn Fn(&PackageSet) -> f64 + 'a>,
}

/// A node of the search: layers taken so far and what is left, deciding on layer `next`.
struct Node {
    next: usize,
    taken: Vec<usize>,
    spent: f64,
    missing: PackageSet,
    bound: f64,
}

impl<'a> Problem<'a> {
    fn new(
        search: &'a LayerSearch<'a>,
        layers: &[Layer],
        missing: PackageSet,
        target: &Target,
    ) -> Self {
        let in_the_way: PackageSet = target
            .upgraded
            .iter()
            .chain(&target.newer)
            .chain(&target.conflicting)
            .copied()
            .collect();
        // Linear costs that no run undercuts: the fixed parts left out, and no crowding.
        let (packages, run) = (search.packages, *search.run);
        let fixed = run.seconds(1, 0.0, 0.0, false);
        let per_unpack = run.seconds(1, 1.0, 0.0, false) - fixed;
        let per_configure = run.seconds(1, 0.0, 1.0, false) - fixed;
        let least = move |set: &PackageSet| {
            let cost = packages.sum(set.iter());
            per_unpack * cost.unpack_seconds + per_configure * cost.configure_seconds
        };
        let mut useful: Vec<(usize, PackageSet, f64)> = layers
            .iter()
            .enumerate()
            .filter(|(_, layer)| layer.packages.is_disjoint(&in_the_way))
            .map(|(place, layer)| {
                let mut adds = layer.packages.clone();
                adds.intersect_with(&missing);
                (place, adds, layer.seconds)
            })
            .filter(|(_, adds, _)| !adds.is_empty())
            .collect();
        let worth = |(_, adds, seconds): &(usize, PackageSet, f64)| least(adds) - seconds;
        useful.sort_by(|a, b| worth(b).total_cmp(&worth(a)).then(a.0.cmp(&b.0)));
        Self { search, missing, useful, least: Box::new(least) }
    }

    fn run(&self, missing: &PackageSet) -> f64 {
        let cost = self.search.packages.sum(missing.iter());
        self.search.run.seconds(
            cost.packages,
            cost.unpack_seconds,
            cost.configure_seconds,
            cost.activates_ldconfig,
        )
    }

    /// Takes the layer that helps most until none does.
    fn greedy(&self) -> Node {
        let mut node = Node {
            next: 0,
            taken: Vec::new(),
            spent: 0.0,
            missing: self.missing.clone(),
            bound: 0.0,
        };
        loop {
            let now = self.run(&node.missing);
            let mut best: Option<(f64, usize, PackageSet)> = None;
            for (at, (_, adds, seconds)) in self.useful.iter().enumerate() {
                if node.taken.contains(&at) {
                    continue;
                }
                let mut left = node.missing.clone();
                left.difference_with(adds);
                let gain = now - self.run(&left) - seconds;
                if gain > best.as_ref().map_or(0.0, |(gain, ..)| *gain) {
                    best = Some((gain, at, left));
                }
            }
            let Some((_, at, left)) = best else { return node };
            node.taken.push(at);
            node.spent += self.useful[at].2;
            node.missing = left;
        }
    }

    /// A lower bound over all ways to go on from a node. The cost of what is left is at least linear in
    /// its packages, and coverage is submodular: several layers gain at most the sum of what each
    /// gains alone. Nor can what no layer holds be spared.
    fn bound(&self, next: usize, spent: f64, missing: &PackageSet) -> f64 {
        let mut uncovered = missing.clone();
        let mut gains = 0.0;
        for (_, adds, seconds) in &self.useful[next..] {
            let mut helps = adds.clone();
            helps.intersect_with(missing);
            gains += ((self.least)(&helps) - seconds).max(0.0);
            uncovered.difference_with(adds);
        }
        let linear = (self.least)(missing) - gains;
        spent + linear.max(self.run(&uncovered)).max(0.0)
    }

    /// Depth-first branch and bound from the greedy answer.
    fn improve(&self, greedy: Node, steps: usize) -> LayerPlan {
        let mut best_seconds = greedy.spent + self.run(&greedy.missing);
        let mut best = greedy.taken;
        let root = self.bound(0, 0.0, &self.missing);
        let mut open = vec![Node {
            next: 0,
            taken: Vec::new(),
            spent: 0.0,
            missing: self.missing.clone(),
            bound: root,
        }];
        let mut step = 0;
        while step < steps {
            let Some(node) = open.pop() else { break };
            step += 1;
            if node.bound >= best_seconds {
                continue;
            }
            let here = node.spent + self.run(&node.missing);
            if here < best_seconds {
                (best_seconds, best) = (here, node.taken.clone());
            }
            let Some((_, adds, seconds)) = self.useful.get(node.next) else { continue };
            let next = node.next + 1;
            let bound = self.bound(next, node.spent, &node.missing);
            let mut missing = node.missing.clone();
            missing.difference_with(adds);
            let mut taken = node.taken.clone();
            taken.push(node.next);
            let spent = node.spent + seconds;
            let with = self.bound(next, spent, &missing);
            open.push(Node { next, bound, ..node });
            open.push(Node { next, taken, spent, missing, bound: with });
        }
        let unexplored = open.iter().map(|node| node.bound).fold(best_seconds, f64::min);
        self.plan(&best, best_seconds, unexplored)
    }

    fn plan(&self, taken: &[usize], seconds: f64, bound: f64) -> LayerPlan {
        let mut missing = self.missing.clone();
        let mut layers = Vec::new();
        for at in taken {
            layers.push(self.useful[*at].0);
            missing.difference_with(&self.useful[*at].1);
        }
        layers.sort_unstable();
        LayerPlan { layers, seconds, bound: bound.min(seconds), missing: missing.len() }
    }
}
