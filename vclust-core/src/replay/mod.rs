//! Replay: what a policy would have made of a trace, with the estimators as the clock.
//!
//! Each request is served from the image and by the strategy that selection chooses among what the
//! policy has in the repository at that moment; then the policy is told of it and changes the
//! repository. What is built in the background costs the head node's time, which is counted apart, and
//! is there when the next request comes.

mod held;
mod oracle;
mod outcome;

pub use oracle::{Clairvoyant, Designs, hindsight};
pub use outcome::Outcome;

use crate::catalogue::{Image, LayerImage, PackageSet, Stored, Universe};
use crate::generation::{GenerationPolicy, ImageSizes, Served};
use crate::selection::{ImageSelector, PackagePrices, Prices, SelectionError, Target};
use crate::strategy::Strategy;
use held::Held;
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
    /// Bytes that the other images and the layers may take together.
    pub budget: u64,
}

/// The minimal image's name in a replayed repository.
const MINIMAL: &str = "minimal";
/// Steps of branch and bound that a request's search for layers may take, of which there are thousands.
const STACK_STEPS: usize = 50;

impl Replay<'_> {
    /// Replays requests, given as places in `targets`, through a policy. `start` are images and layers
    /// that are there before the first request, as far as the budget holds them; those that are there
    /// after the last are part of the answer. After each request `progress` gets their number.
    ///
    /// Fails where selection does: no nodes, or no strategy.
    pub fn run(
        &self,
        targets: &[Target],
        requests: &[u32],
        start: &Stored,
        policy: &mut dyn GenerationPolicy,
        mut progress: impl FnMut(usize),
    ) -> Result<Outcome, SelectionError> {
        let mut repository = Held::new(self, start);
        let selector = ImageSelector::new(self.universe, self.packages)
            .keep(1)
            .minimal(repository.minimal)
            .stack_steps(STACK_STEPS);
        let mut tally = Tally::default();
        for (number, place) in requests.iter().enumerate() {
            let target = &targets[*place as usize];
            let selection = selector.select_or_mend(&repository.catalogue, target, self.prices)?;
            let best = selection.best();
            let debs = repository.deb_bytes(best, target, self.universe);
            let copies = match best.strategy {
                Strategy::Install => u64::from(self.prices.nodes),
                Strategy::Layers | Strategy::Clone => 1,
            };
            let moved = (best.bytes + debs) * copies;
            tally.add(best, repository.minimal, moved, repository.bytes);
            let served =
                Served { number: number as u64, packages: target.packages(), image: best.image_id };
            let changes = policy.served(&served, &repository.view(self));
            repository.change(self, changes, &mut tally);
            progress(number + 1);
        }
        Ok(tally.outcome(policy.name(), self.budget, repository.stored(self)))
    }

    /// Images of some sets, as large as they are predicted to be.
    #[must_use]
    pub fn images(&self, sets: &[PackageSet]) -> Vec<Image> {
        let numbered = sets.iter().enumerate();
        numbered.map(|(number, set)| self.image(format!("given-{number}"), set.clone())).collect()
    }

    /// Layers that add some sets, as large as they are predicted to be.
    #[must_use]
    pub fn layers(&self, sets: &[PackageSet]) -> Vec<LayerImage> {
        let numbered = sets.iter().enumerate();
        numbered
            .map(|(number, set)| self.layer(format!("given-layer-{number}"), set.clone()))
            .collect()
    }

    /// What a policy would hold, were it to decide now over these images and layers.
    #[must_use]
    pub fn decided(&self, there: &Stored, policy: &mut dyn GenerationPolicy) -> Stored {
        let mut repository = Held::new(self, there);
        let changes = policy.decide(&repository.view(self));
        repository.change(self, changes, &mut Tally::default());
        repository.stored(self)
    }

    fn image(&self, name: String, packages: PackageSet) -> Image {
        let bytes = self.sizes.of(self.universe, &packages);
        Image { id: name, packages, bytes }
    }

    fn layer(&self, name: String, packages: PackageSet) -> LayerImage {
        let bytes = self.sizes.of_layer(self.universe, &packages);
        LayerImage { id: name, packages, bytes }
    }

    /// Seconds that building an image or a layer takes one node by itself.
    fn build_seconds(&self, packages: &PackageSet) -> f64 {
        let cost = self.packages.sum_of_difference(packages, self.minimal);
        let once = self.prices.strategies.iter().find(|one| one.strategy != Strategy::Install);
        once.or(self.prices.strategies.first())
            .map_or(0.0, |strategy| strategy.run.estimate(&cost).seconds)
    }
}
