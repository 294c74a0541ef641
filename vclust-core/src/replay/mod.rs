//! Replay: what a policy would have made of a trace, with the estimators as the clock.
//!
//! Each request is served from the image and by the strategy that selection chooses among what the
//! policy has in the repository at that moment; then the policy is told of it and changes the
//! repository. What is built in the background costs the head node's time, which is counted apart, and
//! is there when the next request comes.

mod oracle;
mod outcome;

pub use oracle::{Clairvoyant, hindsight};
pub use outcome::Outcome;

use crate::catalogue::{Catalogue, Image, ImageId, PackageSet, Universe};
use crate::generation::{Changes, GenerationPolicy, ImageSizes, Making, Repository, Served};
use crate::selection::{ImageSelector, PackagePrices, Prices, SelectionError, Target};
use crate::strategy::Strategy;
use outcome::Tally;

/// A site at which requests are replayed.
#[derive(Debug, Clone, Copy)]
pub struct Replay<'a> {
    /// All packages.
    pub universe: &'a Universe,
    /// What each costs to install.
    pub packages: &'a PackagePrices,
    /// What the rest of a build costs, for clusters of the trace's size.
    pub prices: &'a Prices,
    /// How large images are.
    pub sizes: &'a ImageSizes,
    /// What the minimal image holds.
    pub minimal: &'a PackageSet,
    /// Bytes that the other images may take together.
    pub budget: u64,
}

/// The minimal image's name in a replayed repository.
const MINIMAL: &str = "minimal";

impl Replay<'_> {
    /// Replays requests, given as places in `targets`, through a policy. `start` are images that are
    /// there before the first request, as far as the budget holds them; those that are there after the
    /// last are part of the answer. After each request `progress` gets their number.
    ///
    /// Fails where selection does: no nodes, or no strategy.
    pub fn run(
        &self,
        targets: &[Target],
        requests: &[u32],
        start: &[Image],
        policy: &mut dyn GenerationPolicy,
        mut progress: impl FnMut(usize),
    ) -> Result<Outcome, SelectionError> {
        let mut repository = Held::new(self, start);
        let selector = ImageSelector::new(self.universe, self.packages).keep(1);
        let mut tally = Tally::default();
        for (number, place) in requests.iter().enumerate() {
            let target = &targets[*place as usize];
            let selection = selector.select_or_mend(&repository.catalogue, target, self.prices)?;
            let best = selection.best();
            let missing = target.packages().difference(repository.packages(best.image_id));
            let debs: u64 = missing.map(|id| self.universe.deb_bytes(id)).sum();
            let copies = match best.strategy {
                Strategy::Install => u64::from(self.prices.nodes),
                Strategy::Layers | Strategy::Clone => 1,
            };
            let moved = (best.bytes + debs) * copies;
            tally.add(best, best.image_id == repository.minimal, moved, repository.bytes);
            let served =
                Served { number: number as u64, packages: target.packages(), image: best.image_id };
            let changes = policy.served(&served, &repository.view(self));
            repository.change(self, changes, &mut tally);
            progress(number + 1);
        }
        let last = repository.view(self);
        let images = last.cached().map(|(_, image)| image.clone()).collect();
        Ok(tally.outcome(policy.name(), self.budget, images))
    }

    /// Images of some sets, as large as they are predicted to be.
    #[must_use]
    pub fn images(&self, sets: &[PackageSet]) -> Vec<Image> {
        let numbered = sets.iter().enumerate();
        numbered.map(|(number, set)| self.image(format!("given-{number}"), set.clone())).collect()
    }

    /// What a policy would hold, were it to decide now over these images.
    #[must_use]
    pub fn decided(&self, images: &[Image], policy: &mut dyn GenerationPolicy) -> Vec<Image> {
        let mut repository = Held::new(self, images);
        let changes = policy.decide(&repository.view(self));
        repository.change(self, changes, &mut Tally::default());
        let last = repository.view(self);
        last.cached().map(|(_, image)| image.clone()).collect()
    }

    fn image(&self, name: String, packages: PackageSet) -> Image {
        let bytes = self.sizes.of(self.universe, &packages);
        Image { id: name, packages, bytes }
    }

    /// Seconds that building an image takes one node by itself.
    fn build_seconds(&self, packages: &PackageSet) -> f64 {
        let cost = self.packages.sum_of_difference(packages, self.minimal);
        let once = self.prices.strategies.iter().find(|one| one.strategy != Strategy::Install);
        once.or(self.prices.strategies.first())
            .map_or(0.0, |strategy| strategy.run.estimate(&cost).seconds)
    }
}

/// The repository as it is at some moment.
struct Held {
    catalogue: Catalogue,
    minimal: ImageId,
    /// Bytes of all images but the minimal one.
    bytes: u64,
    named: u64,
    nothing: PackageSet,
}

impl Held {
    fn new(replay: &Replay<'_>, start: &[Image]) -> Self {
        let mut catalogue = Catalogue::new();
        let minimal = replay.image(MINIMAL.to_owned(), replay.minimal.clone());
        // The first image of an empty catalogue has place 0 and no name to clash with.
        let minimal = catalogue.add(minimal).unwrap_or(ImageId(0));
        let mut held = Self { catalogue, minimal, bytes: 0, named: 0, nothing: PackageSet::new() };
        for image in start {
            if held.bytes + image.bytes <= replay.budget && !held.holds(&image.packages) {
                held.bytes += image.bytes;
                // Two images of one name are one.
                let _ = held.catalogue.add(image.clone());
            }
        }
        held
    }

    fn packages(&self, image: ImageId) -> &PackageSet {
        self.catalogue.get(image).map_or(&self.nothing, |image| &image.packages)
    }

    fn view<'a>(&'a self, replay: &Replay<'a>) -> Repository<'a> {
        Repository {
            universe: replay.universe,
            packages: replay.packages,
            prices: replay.prices,
            sizes: replay.sizes,
            catalogue: &self.catalogue,
            minimal: self.minimal,
            budget: replay.budget,
        }
    }

    fn holds(&self, packages: &PackageSet) -> bool {
        self.catalogue.iter().any(|(_, image)| image.packages == *packages)
    }

    /// Carries out what a policy wants, within the budget: what does not fit is refused, and what is there
    /// already is not made again.
    fn change(&mut self, replay: &Replay<'_>, changes: Changes, tally: &mut Tally) {
        for id in changes.evict {
            if id == self.minimal {
                continue;
            }
            if let Some(image) = self.catalogue.remove(id) {
                self.bytes -= image.bytes;
                tally.evicted += 1;
            }
        }
        for (packages, making) in changes.add {
            if self.holds(&packages) {
                continue;
            }
            self.named += 1;
            let image = replay.image(format!("replayed-{}", self.named), packages);
            if self.bytes + image.bytes > replay.budget {
                tally.refused += 1;
                continue;
            }
            if making == Making::Built {
                tally.built += 1;
                tally.building += replay.build_seconds(&image.packages);
            }
            self.bytes += image.bytes;
            // Each name is new, and an image has at least a byte.
            let _ = self.catalogue.add(image);
        }
    }
}
