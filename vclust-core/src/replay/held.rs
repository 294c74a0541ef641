//! The repository of a replay, as it is at some moment.

use super::outcome::Tally;
use super::{MINIMAL, Replay};
use crate::catalogue::{Catalogue, ImageId, PackageSet, Stored, Universe};
use crate::generation::{Changes, Making, Repository};
use crate::selection::{Candidate, Target};

/// Images and layers under a budget.
pub(super) struct Held {
    pub(super) catalogue: Catalogue,
    pub(super) minimal: ImageId,
    /// Bytes of all layers, and of all images but the minimal one.
    pub(super) bytes: u64,
    named: u64,
}

impl Held {
    pub(super) fn new(replay: &Replay<'_>, start: &Stored) -> Self {
        let mut catalogue = Catalogue::new();
        let minimal = replay.image(MINIMAL.to_owned(), replay.minimal.clone());
        // The first image of an empty catalogue has place 0 and no name to clash with.
        let minimal = catalogue.add(minimal).unwrap_or(ImageId(0));
        let mut held = Self { catalogue, minimal, bytes: 0, named: 0 };
        for image in &start.images {
            if held.bytes + image.bytes <= replay.budget && !held.holds(&image.packages) {
                held.bytes += image.bytes;
                // Two images of one name are one.
                let _ = held.catalogue.add(image.clone());
            }
        }
        for layer in &start.layers {
            if held.bytes + layer.bytes <= replay.budget && !held.holds_layer(&layer.packages) {
                held.bytes += layer.bytes;
                let _ = held.catalogue.add_layer(layer.clone());
            }
        }
        held
    }

    /// Bytes of the packages that a candidate installs.
    pub(super) fn deb_bytes(
        &self,
        served: &Candidate,
        target: &Target,
        universe: &Universe,
    ) -> u64 {
        let mut missing = target.packages().clone();
        if let Some(image) = self.catalogue.get(served.image_id) {
            missing.difference_with(&image.packages);
        }
        for layer in served.layer_ids.iter().filter_map(|id| self.catalogue.layer(*id)) {
            missing.difference_with(&layer.packages);
        }
        missing.iter().map(|id| universe.deb_bytes(id)).sum()
    }

    /// All that is there, the minimal image left out.
    pub(super) fn stored(&self, replay: &Replay<'_>) -> Stored {
        let view = self.view(replay);
        Stored {
            images: view.cached().map(|(_, image)| image.clone()).collect(),
            layers: self.catalogue.layers().map(|(_, layer)| layer.clone()).collect(),
        }
    }

    pub(super) fn view<'a>(&'a self, replay: &Replay<'a>) -> Repository<'a> {
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

    fn holds_layer(&self, packages: &PackageSet) -> bool {
        self.catalogue.layers().any(|(_, layer)| layer.packages == *packages)
    }

    /// Carries out what a policy wants, within the budget: what does not fit is refused, and what is there
    /// already is not made again.
    pub(super) fn change(&mut self, replay: &Replay<'_>, changes: Changes, tally: &mut Tally) {
        for id in changes.evict {
            if id == self.minimal {
                continue;
            }
            if let Some(image) = self.catalogue.remove(id) {
                self.bytes -= image.bytes;
                tally.evicted += 1;
            }
        }
        for id in changes.evict_layers {
            if let Some(layer) = self.catalogue.remove_layer(id) {
                self.bytes -= layer.bytes;
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
        for packages in changes.add_layers {
            if packages.is_empty() || self.holds_layer(&packages) {
                continue;
            }
            self.named += 1;
            let layer = replay.layer(format!("replayed-{}", self.named), packages);
            if self.bytes + layer.bytes > replay.budget {
                tally.refused += 1;
                continue;
            }
            tally.built_layers += 1;
            tally.building += replay.build_seconds(&layer.packages);
            self.bytes += layer.bytes;
            let _ = self.catalogue.add_layer(layer);
        }
    }
}
