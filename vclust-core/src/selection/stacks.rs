//! Stacks of layers as candidates beside single images.
//!
//! A layer was built over the minimal image, so one layer over that is as good as an image of the two. More
//! parts are merged first, which has its [price](super::StackPrice): there [`LayerSearch`] finds the best set
//! of layers for a given image. Not every image is tried below them, only the minimal one and the few that
//! would be cheapest by themselves.

use super::candidate::Scored;
use super::layers::{LayerSearch, PricedSet};
use super::{ImageSelector, Prices, StrategyPrices, Target};
use crate::catalogue::{Catalogue, Image, ImageId, LayerId, LayerImage, PackageSet};
use crate::estimate::RunCost;

/// Images that are tried below layers, beside the minimal one.
const BASES: usize = 3;

/// A stack's seconds, before anything else is worked out.
#[derive(Debug, Clone)]
pub(super) struct ScoredStack {
    /// The image at the bottom, with the seconds and the bytes of the whole stack.
    pub(super) scored: Scored,
    /// Bottom up.
    pub(super) layers: Vec<LayerId>,
    /// How far the layers may be from the best ones for this image, relative to all seconds.
    pub(super) gap: f64,
}

impl ScoredStack {
    /// An image without layers.
    pub(super) fn plain(scored: Scored) -> Self {
        Self { scored, layers: Vec::new(), gap: 0.0 }
    }
}

/// One image with one strategy, over which layers are sought.
struct Below<'a> {
    image: &'a Image,
    id: ImageId,
    strategy: &'a StrategyPrices,
    place: usize,
    /// What the image lacks of the target.
    missing: PackageSet,
    /// Parts that have to be merged before any layer counts: none for the minimal image.
    parts: usize,
}

impl ImageSelector<'_> {
    /// Stacks for the strategies that take any. `scored` are the images without layers; where only the best
    /// candidate is wanted, stacks that cannot undercut them are left out.
    pub(super) fn stacks(
        &self,
        catalogue: &Catalogue,
        target: &Target,
        prices: &Prices,
        scored: &[Scored],
    ) -> Vec<ScoredStack> {
        let Some((minimal, image)) = self.minimal.and_then(|id| Some((id, catalogue.get(id)?)))
        else {
            return Vec::new();
        };
        let layers = self.fitting(catalogue, target);
        let mut stacks = Vec::new();
        if layers.is_empty() {
            return stacks;
        }
        let mut least = if self.kept == 1 {
            scored.iter().map(|one| one.seconds).fold(f64::INFINITY, f64::min)
        } else {
            f64::INFINITY
        };
        for (place, strategy) in prices.strategies.iter().enumerate() {
            if strategy.stack.is_none() {
                continue;
            }
            for id in bases(catalogue, scored, place, minimal, &image.packages) {
                let Some(image) = catalogue.get(id) else { continue };
                let mut missing = target.packages().clone();
                missing.difference_with(&image.packages);
                let parts = usize::from(id != minimal);
                let below = Below { image, id, strategy, place, missing, parts };
                let first = stacks.len();
                if id == minimal {
                    self.single_layers(&below, &layers, least, &mut stacks);
                }
                stacks.extend(self.stack(&below, &layers, target, least));
                if self.kept == 1 {
                    let new = stacks[first..].iter().map(|stack| stack.scored.seconds);
                    least = new.fold(least, f64::min);
                }
            }
        }
        stacks
    }

    /// The layers that go with the target.
    fn fitting<'c>(
        &self,
        catalogue: &'c Catalogue,
        target: &Target,
    ) -> Vec<(LayerId, &'c LayerImage)> {
        let mut layers = catalogue.layers().peekable();
        if layers.peek().is_none() {
            return Vec::new();
        }
        let lists = [&target.upgraded, &target.newer, &target.conflicting];
        let in_the_way: PackageSet = lists.into_iter().flatten().copied().collect();
        layers
            .filter(|(_, layer)| layer.packages.is_disjoint(&in_the_way))
            .filter(|(_, layer)| !self.exact || layer.packages.is_subset(target.packages()))
            .collect()
    }

    /// Each layer by itself over the minimal image.
    fn single_layers(
        &self,
        below: &Below<'_>,
        layers: &[(LayerId, &LayerImage)],
        least: f64,
        stacks: &mut Vec<ScoredStack>,
    ) {
        for (id, layer) in layers {
            if layer.packages.is_disjoint(&below.missing) {
                continue;
            }
            let cost = self.packages.sum(below.missing.difference(&layer.packages));
            let stack = below.scored(&[(*id, layer)], &cost, 0.0);
            // Whether they clash takes longer to tell, so it is told last.
            if stack.scored.seconds < least
                && !self.universe.clash(&below.image.packages, &layer.packages)
            {
                stacks.push(stack);
            }
        }
    }

    /// The best stack of two parts or more, if there is any.
    fn stack(
        &self,
        below: &Below<'_>,
        layers: &[(LayerId, &LayerImage)],
        target: &Target,
        least: f64,
    ) -> Option<ScoredStack> {
        let price = below.strategy.stack?;
        let fewest = 2 - below.parts;
        let merging = price.seconds(2) + below.strategy.layer.map_or(0.0, |layer| layer.seconds);
        let floor = below.strategy.fixed_seconds()
            + below.strategy.image_seconds(&below.image.id, below.image.bytes);
        if below.missing.is_empty() || layers.len() < fewest || floor + merging >= least {
            return None;
        }
        let per_byte = below.strategy.seconds_per_byte();
        let search = LayerSearch::new(self.packages, &below.strategy.run)
            .universe(self.universe)
            .steps(self.stack_steps);
        let mut layers = layers.to_vec();
        loop {
            let sets: Vec<PricedSet<'_>> = layers
                .iter()
                .map(|(_, layer)| PricedSet {
                    packages: &layer.packages,
                    seconds: price.each.seconds + per_byte * layer.bytes as f64,
                })
                .collect();
            let plan = search.search_sets(&sets, &below.image.packages, target);
            if plan.layers.len() < fewest {
                return None;
            }
            let taken: Vec<(LayerId, &LayerImage)> =
                plan.layers.iter().map(|place| layers[*place]).collect();
            let clash = taken
                .iter()
                .find(|(_, layer)| self.universe.clash(&below.image.packages, &layer.packages));
            if let Some((id, _)) = clash {
                layers.retain(|(other, _)| other != id);
                continue;
            }
            let mut left = below.missing.clone();
            for (_, layer) in &taken {
                left.difference_with(&layer.packages);
            }
            let cost = self.packages.sum(left.iter());
            return Some(below.scored(&taken, &cost, plan.seconds - plan.bound));
        }
    }
}

impl Below<'_> {
    fn scored(
        &self,
        layers: &[(LayerId, &LayerImage)],
        left: &RunCost,
        unsure: f64,
    ) -> ScoredStack {
        let bytes = self.image.bytes + layers.iter().map(|(_, layer)| layer.bytes).sum::<u64>();
        let seconds = self.strategy.fixed_seconds()
            + self.strategy.image_seconds(&self.image.id, bytes)
            + self.strategy.stacked_run_seconds(
                self.parts + layers.len(),
                left.packages,
                left.unpack_seconds,
                left.configure_seconds,
                left.activates_ldconfig,
            );
        ScoredStack {
            scored: Scored { seconds, bytes, image: self.id, strategy: self.place },
            layers: layers.iter().map(|(id, _)| *id).collect(),
            gap: if unsure > 0.0 { unsure / (seconds - unsure).max(1e-9) } else { 0.0 },
        }
    }
}

/// The images that layers are put over: the minimal one, and the cheapest others that contain it.
fn bases(
    catalogue: &Catalogue,
    scored: &[Scored],
    strategy: usize,
    minimal: ImageId,
    packages: &PackageSet,
) -> Vec<ImageId> {
    let mut own: Vec<&Scored> = scored.iter().filter(|one| one.strategy == strategy).collect();
    own.sort_unstable_by(|a, b| a.order(b));
    let is_base = |id: ImageId| {
        id == minimal || catalogue.get(id).is_some_and(|image| packages.is_subset(&image.packages))
    };
    let mut bases: Vec<ImageId> =
        own.iter().map(|one| one.image).filter(|id| is_base(*id)).take(BASES).collect();
    if !bases.contains(&minimal) && own.iter().any(|one| one.image == minimal) {
        bases.push(minimal);
    }
    bases
}
