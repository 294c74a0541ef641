//! Which images and layers under a budget minimise the mean build time of given requests.
//!
//! It is a facility-location problem in which the facilities, too, are to be designed: every set of
//! packages that is closed under dependencies and free of conflicts is a possible image, or a possible
//! layer over the minimal one. Packages are numbered densely, requests are lists of these numbers, and up
//! to [`MOST_PARTS`](super::parts::MOST_PARTS) images and layers are bits of one word for each package.

use rustc_hash::FxHashMap;

use super::assign::Lacking;
use super::parts::{Part, Parts};
use crate::catalogue::{PackageSet, PackageVersionId};
use crate::generation::Repository;
use crate::selection::{Prices, RunPrice, StrategyPrices};
use crate::strategy::Strategy;

/// A set of packages that is requested, and how often in proportion to the others.
#[derive(Debug, Clone, PartialEq)]
pub struct WeightedTarget {
    /// All packages that nodes should hold, those of the minimal image included.
    pub packages: PackageSet,
    /// Its weight; what is not positive is left out.
    pub weight: f64,
}

/// Seconds of making an archive of an image on the head node: zstd at level 3 wrote 163 MB of archive, of
/// 100 packages' files, in 2.59 to 2.88 s (three runs, one core).
const ARCHIVE_SECONDS_PER_BYTE: f64 = 1.67e-8;

/// A package beyond the minimal image.
pub(super) struct Item {
    pub(super) id: PackageVersionId,
    pub(super) unpack: f64,
    pub(super) configure: f64,
    pub(super) trigger: bool,
    pub(super) bytes: f64,
    /// For each of its dependencies beyond the minimal image, the items that satisfy it.
    pub(super) needs: Vec<Vec<u32>>,
    /// Items that may not be beside it.
    pub(super) conflicts: Vec<u32>,
    /// Whether it may not be beside what the minimal image holds, which no layer changes.
    pub(super) changes_base: bool,
}

/// A distinct request.
pub(super) struct Wanted {
    /// Share of all requests; they sum up to 1.
    pub(super) weight: f64,
    pub(super) items: Vec<u32>,
    pub(super) unpack: f64,
    pub(super) configure: f64,
    pub(super) triggers: u32,
}

/// Images and layers to be found for weighted requests.
pub struct Problem<'a> {
    pub(super) prices: &'a Prices,
    build: RunPrice,
    base: PackageSet,
    pub(super) base_bytes: f64,
    pub(super) budget: f64,
    /// Whether layers are designed: some strategy stacks them.
    pub(super) designs_layers: bool,
    /// Whether images are designed: some strategy does not, or layers are not wanted.
    pub(super) designs_images: bool,
    pub(super) items: Vec<Item>,
    pub(super) wanted: Vec<Wanted>,
    places: FxHashMap<PackageVersionId, u32>,
}

/// Images and layers as sets, and what they make of the requests.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub struct Solution {
    /// The images, the minimal one's packages included.
    pub images: Vec<PackageSet>,
    /// What the layers add over the minimal image.
    pub layers: Vec<PackageSet>,
    /// Mean seconds of a build.
    pub mean_seconds: f64,
    /// What a byte of storage was worth, in mean seconds: the multiplier of the budget.
    pub price_of_byte: f64,
}

impl<'a> Problem<'a> {
    /// The problem of a repository for these requests.
    #[must_use]
    pub fn new(repository: &Repository<'a>, targets: &[WeightedTarget]) -> Self {
        let base = repository.base();
        let universe = repository.universe;
        let sizes = repository.sizes;
        let strategies = &repository.prices.strategies;
        let stacked = strategies.iter().filter(|strategy| strategy.stack.is_some()).count();
        let mut problem = Self {
            prices: repository.prices,
            build: head_node(repository.prices),
            base_bytes: sizes.of(universe, &base) as f64,
            base,
            budget: repository.budget as f64,
            designs_layers: stacked > 0,
            designs_images: stacked < strategies.len(),
            items: Vec::new(),
            wanted: Vec::new(),
            places: FxHashMap::default(),
        };
        let usable = |target: &&WeightedTarget| target.weight > 0.0 && target.weight.is_finite();
        let total: f64 = targets.iter().filter(usable).map(|target| target.weight).sum();
        for target in targets.iter().filter(usable) {
            let ids: Vec<PackageVersionId> = target.packages.difference(&problem.base).collect();
            let items = ids.iter().map(|id| problem.item(*id, repository)).collect();
            let wanted = problem.wanted_of(items, target.weight / total);
            problem.wanted.push(wanted);
        }
        // Images that are there may hold what nobody asks for any longer; it has its bytes all the same.
        for (_, image) in repository.cached() {
            for id in image.packages.difference(&repository.base()) {
                problem.item(id, repository);
            }
        }
        for (_, layer) in repository.catalogue.layers() {
            for id in layer.packages.difference(&repository.base()) {
                problem.item(id, repository);
            }
        }
        problem.link(repository);
        problem
    }

    /// Has the search design images only, whatever layers there are.
    #[must_use]
    pub fn without_layers(mut self) -> Self {
        (self.designs_layers, self.designs_images) = (false, true);
        self
    }

    fn item(&mut self, id: PackageVersionId, repository: &Repository<'_>) -> u32 {
        let next = self.items.len() as u32;
        *self.places.entry(id).or_insert_with(|| {
            let cost = repository.packages.get(id);
            let deb = repository.universe.deb_bytes(id) as f64;
            self.items.push(Item {
                id,
                unpack: cost.unpack_seconds,
                configure: cost.configure_seconds,
                trigger: cost.activates_ldconfig,
                bytes: repository.sizes.per_deb_byte * deb,
                needs: Vec::new(),
                conflicts: Vec::new(),
                changes_base: false,
            });
            next
        })
    }

    fn wanted_of(&self, items: Vec<u32>, weight: f64) -> Wanted {
        let of = |item: &u32| &self.items[*item as usize];
        Wanted {
            weight,
            unpack: items.iter().map(|item| of(item).unpack).sum(),
            configure: items.iter().map(|item| of(item).configure).sum(),
            triggers: items.iter().filter(|item| of(item).trigger).count() as u32,
            items,
        }
    }

    /// Numbers dependencies and conflicts among the items; other versions of a package conflict.
    fn link(&mut self, repository: &Repository<'_>) {
        let universe = repository.universe;
        for place in 0..self.items.len() {
            let id = self.items[place].id;
            let number = |ids: &mut dyn Iterator<Item = PackageVersionId>| -> Vec<u32> {
                ids.filter_map(|id| self.places.get(&id).copied()).collect()
            };
            let outside = |group: &&Vec<PackageVersionId>| {
                !group.iter().any(|need| self.base.contains(*need))
            };
            let needs = universe
                .needs(id)
                .iter()
                .filter(outside)
                .map(|group| number(&mut group.iter().copied()))
                .filter(|group| !group.is_empty())
                .collect();
            let in_the_way =
                || universe.conflicts(id).iter().copied().chain(universe.other_versions(id));
            let conflicts = number(&mut in_the_way());
            let changes_base = in_the_way().any(|other| self.base.contains(other));
            let item = &mut self.items[place];
            (item.needs, item.conflicts, item.changes_base) = (needs, conflicts, changes_base);
        }
    }

    /// Bytes of an image of some items.
    pub(super) fn bytes(&self, items: &[u32]) -> f64 {
        self.base_bytes + items.iter().map(|item| self.items[*item as usize].bytes).sum::<f64>()
    }

    /// Bytes that a part takes in the repository.
    pub(super) fn stored_bytes(&self, part: &Part) -> f64 {
        self.bytes(&part.items) - if part.is_layer { self.base_bytes } else { 0.0 }
    }

    /// Seconds of a build from one image, and which strategy has them.
    pub(super) fn seconds(&self, bytes: f64, lacking: &Lacking) -> (f64, usize) {
        let mut best = (f64::INFINITY, 0);
        for (place, strategy) in self.prices.strategies.iter().enumerate() {
            let seconds = Self::of_strategy(strategy, bytes, 1, lacking);
            if seconds < best.0 {
                best = (seconds, place);
            }
        }
        best
    }

    /// The same of so many parts, layers among them, of so many bytes together; infinite where no strategy
    /// stacks.
    pub(super) fn stack_seconds(
        &self,
        bytes: f64,
        parts: usize,
        lacking: &Lacking,
    ) -> (f64, usize) {
        let mut best = (f64::INFINITY, 0);
        for (place, strategy) in self.prices.strategies.iter().enumerate() {
            if strategy.stack.is_none() {
                continue;
            }
            let seconds = Self::of_strategy(strategy, bytes, parts, lacking);
            if seconds < best.0 {
                best = (seconds, place);
            }
        }
        best
    }

    fn of_strategy(strategy: &StrategyPrices, bytes: f64, parts: usize, lacking: &Lacking) -> f64 {
        let transfer: f64 =
            strategy.by_bytes.iter().map(|(_, price)| price.start + price.per_byte * bytes).sum();
        let run = strategy.stacked_run_seconds(
            parts,
            lacking.packages as usize,
            lacking.unpack,
            lacking.configure,
            lacking.triggers > 0,
        );
        strategy.fixed_seconds() + transfer + run
    }

    /// What one second of unpacking, one of configuring and one byte of the image cost a build of a
    /// strategy that lacks so many packages.
    pub(super) fn slopes(&self, strategy: usize, packages: u32) -> (f64, f64, f64) {
        let strategy = &self.prices.strategies[strategy];
        let at = |unpack, configure| {
            strategy.run.seconds(packages.max(1) as usize, unpack, configure, false)
        };
        (at(1.0, 0.0) - at(0.0, 0.0), at(0.0, 1.0) - at(0.0, 0.0), strategy.seconds_per_byte())
    }

    /// Seconds that building an image takes the head node.
    #[must_use]
    pub fn build_seconds(&self, image: &PackageSet) -> f64 {
        self.build_part_seconds(&Part { is_layer: false, items: self.numbers(image) })
    }

    /// Seconds that building a layer takes the head node.
    #[must_use]
    pub fn build_layer_seconds(&self, layer: &PackageSet) -> f64 {
        self.build_part_seconds(&Part { is_layer: true, items: self.numbers(layer) })
    }

    pub(super) fn build_part_seconds(&self, part: &Part) -> f64 {
        let of = |item: &u32| &self.items[*item as usize];
        let unpack = part.items.iter().map(|item| of(item).unpack).sum();
        let configure = part.items.iter().map(|item| of(item).configure).sum();
        let trigger = part.items.iter().any(|item| of(item).trigger);
        self.build.seconds(part.items.len(), unpack, configure, trigger)
            + ARCHIVE_SECONDS_PER_BYTE * self.stored_bytes(part)
    }

    /// Images and layers by their packages' numbers, the images first.
    pub(super) fn parts(&self, images: &[PackageSet], layers: &[PackageSet]) -> Parts {
        let part = |set: &PackageSet, is_layer| Part { is_layer, items: self.numbers(set) };
        let images = images.iter().map(|image| part(image, false));
        images.chain(layers.iter().map(|layer| part(layer, true))).collect()
    }

    /// Numbers of an image's or a layer's packages; those that neither a request nor an image that is there has are
    /// left out.
    pub(super) fn numbers(&self, image: &PackageSet) -> Vec<u32> {
        image.difference(&self.base).filter_map(|id| self.places.get(&id).copied()).collect()
    }

    /// The packages of a part: an image's with those of the minimal one.
    pub(super) fn packages(&self, part: &Part) -> PackageSet {
        let mut packages = if part.is_layer { PackageSet::new() } else { self.base.clone() };
        packages.extend(part.items.iter().map(|item| self.items[*item as usize].id));
        packages
    }
}

/// How the head node installs: as one node does, by the first strategy that installs once, or else by
/// the first at all.
fn head_node(prices: &Prices) -> RunPrice {
    let once = prices
        .strategies
        .iter()
        .find(|strategy| strategy.strategy != Strategy::Install)
        .or(prices.strategies.first());
    once.map_or(RunPrice::Line { start: 0.0, half_width: 0.0 }, |strategy| strategy.run)
}

impl std::fmt::Debug for Problem<'_> {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        out.debug_struct("Problem")
            .field("requests", &self.wanted.len())
            .field("packages", &self.items.len())
            .field("budget", &self.budget)
            .finish()
    }
}
