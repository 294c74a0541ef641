//! Beyond one image: the set of layers whose union is cheapest.
//!
//! Each layer costs its mounting and spares the installation of what it holds. Choosing them is a
//! weighted set cover in which what is not covered has its price, so branch and bound answers exactly
//! where the catalogue is small; where its budget of steps runs out, the answer says how far it may be
//! from the best. Bounds are those of the dual of the linear relaxation, by ascent (M. L. Fisher, P.
//! Kedia: Optimal solution of set covering/partitioning problems using dual heuristics, Management
//! Science 36, 1990).

use std::cell::RefCell;

use rustc_hash::FxHashMap;

use super::{PackagePrices, RunPrice, Target};
use crate::catalogue::{PackageSet, PackageVersionId, Universe};
use crate::estimate::RunCost;

/// A read-only layer that can be put over an image.
#[derive(Debug, Clone, PartialEq)]
pub struct Layer {
    /// Its name in the repository.
    pub id: String,
    /// The packages it adds.
    pub packages: PackageSet,
    /// Seconds that it costs, fetching and mounting; a layer of which that is no number is never taken.
    pub seconds: f64,
}

/// The layers to take.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
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

/// A layer as the search sees it.
#[derive(Debug, Clone, Copy)]
pub(super) struct PricedSet<'a> {
    pub(super) packages: &'a PackageSet,
    pub(super) seconds: f64,
}

/// Searches layers to put over an image.
#[derive(Debug, Clone, Copy)]
pub struct LayerSearch<'a> {
    packages: &'a PackagePrices,
    run: &'a RunPrice,
    universe: Option<&'a Universe>,
    steps: usize,
}

/// Steps of branch and bound before its answer is the best found so far.
pub(super) const STEPS: usize = 20_000;

impl<'a> LayerSearch<'a> {
    /// A search by these prices.
    #[must_use]
    pub fn new(packages: &'a PackagePrices, run: &'a RunPrice) -> Self {
        Self { packages, run, universe: None, steps: STEPS }
    }

    /// Never takes layers together of which one holds another version of a package of the other, or what
    /// conflicts with it, be it asked for or not.
    #[must_use]
    pub fn universe(mut self, universe: &'a Universe) -> Self {
        self.universe = Some(universe);
        self
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
        let sets: Vec<PricedSet<'_>> = layers
            .iter()
            .map(|layer| PricedSet { packages: &layer.packages, seconds: layer.seconds })
            .collect();
        self.search_sets(&sets, image, target)
    }

    pub(super) fn search_sets(
        &self,
        layers: &[PricedSet<'a>],
        image: &PackageSet,
        target: &Target,
    ) -> LayerPlan {
        let mut missing = target.packages().clone();
        missing.difference_with(image);
        let problem = Problem::new(self, layers, &missing, target);
        problem.improve(problem.greedy(), self.steps)
    }
}

/// Packages that the same layers hold: whoever takes one of them takes all.
struct Class {
    cost: RunCost,
    packages: usize,
    /// What no run undercuts for them: their costs without crowding and without what a run costs once.
    least: f64,
    /// Places in [`Problem::useful`], ascending.
    layers: Vec<usize>,
}

/// A layer that can help.
struct Useful<'a> {
    /// Its place among those that were given.
    place: usize,
    classes: Vec<usize>,
    seconds: f64,
    packages: &'a PackageSet,
}

/// What is known of one search.
struct Problem<'a> {
    run: &'a RunPrice,
    /// Those that fewest layers hold first, which makes for good bounds.
    classes: Vec<Class>,
    /// Those worth most first.
    useful: Vec<Useful<'a>>,
    universe: Option<&'a Universe>,
    /// Whether two of the useful ones clash, as far as that was asked.
    clashes: RefCell<FxHashMap<(usize, usize), bool>>,
}

/// A node of the search: layers taken so far and what they cover, deciding on layer `next`.
struct Node {
    next: usize,
    taken: Vec<usize>,
    spent: f64,
    covered: Vec<bool>,
    bound: f64,
}

fn seconds_of(run: &RunPrice, cost: &RunCost) -> f64 {
    let RunCost { packages, unpack_seconds, configure_seconds, activates_ldconfig, .. } = *cost;
    run.seconds(packages, unpack_seconds, configure_seconds, activates_ldconfig)
}

impl<'a> Problem<'a> {
    fn new(
        search: &LayerSearch<'a>,
        layers: &[PricedSet<'a>],
        missing: &PackageSet,
        target: &Target,
    ) -> Self {
        let lists = [&target.upgraded, &target.newer, &target.conflicting];
        let in_the_way: PackageSet = lists.into_iter().flatten().copied().collect();
        let run = search.run;
        let fixed = run.seconds(1, 0.0, 0.0, false);
        let per_unpack = run.seconds(1, 1.0, 0.0, false) - fixed;
        let per_configure = run.seconds(1, 0.0, 1.0, false) - fixed;

        let fits = |layer: &PricedSet<'_>| {
            layer.seconds >= 0.0
                && layer.seconds.is_finite()
                && layer.packages.is_disjoint(&in_the_way)
        };
        let fitting: Vec<(usize, &PricedSet<'_>)> =
            layers.iter().enumerate().filter(|(_, layer)| fits(layer)).collect();
        let holders = |package: PackageVersionId| -> Vec<usize> {
            let holds = fitting.iter().filter(|(_, layer)| layer.packages.contains(package));
            holds.map(|(place, _)| *place).collect()
        };
        let mut by_holders: FxHashMap<Vec<usize>, RunCost> = FxHashMap::default();
        for package in missing.iter() {
            *by_holders.entry(holders(package)).or_default() += &search.packages.get(package);
        }
        let mut classes: Vec<Class> = by_holders
            .into_iter()
            .map(|(layers, cost)| Class {
                packages: cost.packages,
                least: per_unpack * cost.unpack_seconds + per_configure * cost.configure_seconds,
                cost,
                layers,
            })
            .collect();
        classes.sort_by(|a, b| a.layers.len().cmp(&b.layers.len()).then(a.layers.cmp(&b.layers)));

        let mut useful: Vec<Useful<'a>> = Vec::new();
        for (place, layer) in layers.iter().enumerate() {
            let held = |class: &usize| classes[*class].layers.binary_search(&place).is_ok();
            let held: Vec<usize> = (0..classes.len()).filter(held).collect();
            if !held.is_empty() {
                let PricedSet { packages, seconds } = *layer;
                useful.push(Useful { place, classes: held, seconds, packages });
            }
        }
        let worth = |layer: &Useful<'_>| {
            layer.classes.iter().map(|class| classes[*class].least).sum::<f64>() - layer.seconds
        };
        useful.sort_by(|a, b| worth(b).total_cmp(&worth(a)).then(a.place.cmp(&b.place)));
        for class in &mut classes {
            class.layers.clear();
        }
        for (at, layer) in useful.iter().enumerate() {
            for class in &layer.classes {
                classes[*class].layers.push(at);
            }
        }
        Self { run, classes, useful, universe: search.universe, clashes: RefCell::default() }
    }

    /// Whether a layer goes with those that were taken.
    fn fits(&self, at: usize, taken: &[usize]) -> bool {
        let Some(universe) = self.universe else { return true };
        taken.iter().all(|other| {
            let pair = (at.min(*other), at.max(*other));
            let known = self.clashes.borrow().get(&pair).copied();
            !known.unwrap_or_else(|| {
                let (one, two) = (self.useful[pair.0].packages, self.useful[pair.1].packages);
                let clash = universe.clash(one, two);
                self.clashes.borrow_mut().insert(pair, clash);
                clash
            })
        })
    }

    fn root(&self) -> Node {
        let covered = vec![false; self.classes.len()];
        Node { next: 0, taken: Vec::new(), spent: 0.0, covered, bound: 0.0 }
    }

    /// Seconds of installing what is not covered.
    fn rest(&self, covered: &[bool]) -> f64 {
        let mut cost = RunCost::default();
        for (class, covered) in self.classes.iter().zip(covered) {
            if !covered {
                add(&mut cost, &class.cost);
            }
        }
        seconds_of(self.run, &cost)
    }

    fn take(&self, node: &mut Node, at: usize) {
        node.taken.push(at);
        node.spent += self.useful[at].seconds;
        for class in &self.useful[at].classes {
            node.covered[*class] = true;
        }
    }

    /// Takes the layer that helps most until none does, then gives back those that others make needless.
    fn greedy(&self) -> Node {
        let mut node = self.root();
        loop {
            let now = self.rest(&node.covered);
            let gain = |at: usize| {
                let mut covered = node.covered.clone();
                for class in &self.useful[at].classes {
                    covered[*class] = true;
                }
                now - self.rest(&covered) - self.useful[at].seconds
            };
            let open = (0..self.useful.len()).filter(|at| !node.taken.contains(at));
            let mut gains: Vec<(f64, usize)> =
                open.map(|at| (gain(at), at)).filter(|(gain, _)| *gain > 0.0).collect();
            gains.sort_by(|a, b| b.0.total_cmp(&a.0).then(b.1.cmp(&a.1)));
            match gains.iter().find(|(_, at)| self.fits(*at, &node.taken)) {
                Some((_, at)) => self.take(&mut node, *at),
                None => break,
            }
        }
        for at in node.taken.clone() {
            let mut without = self.root();
            for other in node.taken.iter().filter(|other| **other != at) {
                self.take(&mut without, *other);
            }
            let total = |node: &Node| node.spent + self.rest(&node.covered);
            if total(&without) < total(&node) {
                node = without;
            }
        }
        node
    }

    /// A lower bound over all ways to go on from a node. What no further layer holds is installed; each
    /// other class pays at most its own installation, and together the classes of a layer at most what the
    /// layer costs, which is a feasible solution of the dual.
    fn bound(&self, next: usize, spent: f64, covered: &[bool], slack: &mut [f64]) -> f64 {
        for (slack, layer) in slack.iter_mut().zip(&self.useful) {
            *slack = layer.seconds;
        }
        let mut installed = RunCost::default();
        let mut paid = 0.0;
        for (class, covered) in self.classes.iter().zip(covered) {
            if *covered {
                continue;
            }
            let first = class.layers.partition_point(|layer| *layer < next);
            let open = &class.layers[first..];
            if open.is_empty() {
                add(&mut installed, &class.cost);
                continue;
            }
            let least = open.iter().map(|layer| slack[*layer]).fold(class.least, f64::min);
            for layer in open {
                slack[*layer] -= least;
            }
            paid += least;
        }
        spent + seconds_of(self.run, &installed) + paid
    }

    /// Depth-first branch and bound from the greedy answer.
    fn improve(&self, greedy: Node, steps: usize) -> LayerPlan {
        let mut slack = vec![0.0; self.useful.len()];
        let mut best_seconds = greedy.spent + self.rest(&greedy.covered);
        let mut best = greedy.taken;
        let mut root = self.root();
        root.bound = self.bound(0, 0.0, &root.covered, &mut slack);
        let mut open = vec![root];
        let mut step = 0;
        while step < steps {
            let Some(mut node) = open.pop() else { break };
            step += 1;
            if node.bound >= best_seconds {
                continue;
            }
            let here = node.spent + self.rest(&node.covered);
            if here < best_seconds {
                (best_seconds, best) = (here, node.taken.clone());
            }
            let at = node.next;
            let Some(layer) = self.useful.get(at) else { continue };
            let helps = layer.classes.iter().any(|class| !node.covered[*class])
                && self.fits(at, &node.taken);
            node.next += 1;
            let mut with = Node {
                next: node.next,
                taken: node.taken.clone(),
                spent: node.spent,
                covered: node.covered.clone(),
                bound: 0.0,
            };
            node.bound = self.bound(node.next, node.spent, &node.covered, &mut slack);
            open.push(node);
            if helps {
                self.take(&mut with, at);
                with.bound = self.bound(with.next, with.spent, &with.covered, &mut slack);
                open.push(with);
            }
        }
        let unexplored = open.iter().map(|node| node.bound).fold(best_seconds, f64::min);
        self.plan(&best, best_seconds, unexplored)
    }

    fn plan(&self, taken: &[usize], seconds: f64, bound: f64) -> LayerPlan {
        let mut node = self.root();
        for at in taken {
            self.take(&mut node, *at);
        }
        let left = self.classes.iter().zip(&node.covered).filter(|(_, covered)| !**covered);
        let missing = left.map(|(class, _)| class.packages).sum();
        let mut layers: Vec<usize> = taken.iter().map(|at| self.useful[*at].place).collect();
        layers.sort_unstable();
        LayerPlan { layers, seconds, bound: bound.min(seconds), missing }
    }
}

fn add(sum: &mut RunCost, more: &RunCost) {
    sum.packages += more.packages;
    sum.unpack_seconds += more.unpack_seconds;
    sum.configure_seconds += more.configure_seconds;
    sum.variance += more.variance;
    sum.activates_ldconfig |= more.activates_ldconfig;
}
