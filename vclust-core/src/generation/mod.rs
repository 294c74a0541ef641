//! Generation: which images a repository should hold, given what was asked for.
//!
//! Every policy that the field proposes is here behind one trait, so that they can be compared on the
//! same requests: the paper's frequent packages, ORE Grid's used images, VMPlants' golden image,
//! Virtual Workspaces' prepared images, LANDLORD's merging by similarity, and ours, which minimises the
//! expected time of the builds to come.

mod expected;
mod first_requests;
mod frequent;
mod golden;
mod keep_used;
mod landlord;
mod parse;
mod prepared;
mod recent;
mod sizes;

pub use expected::{
    ExpectedTime, ExpectedTimeOptions, ImageWorth, Problem, Solution, WeightedTarget,
};
pub use frequent::Frequent;
pub use golden::Golden;
pub use keep_used::KeepUsed;
pub use landlord::Landlord;
pub use parse::{PolicyError, parse_policy};
pub use prepared::Prepared;
pub use sizes::ImageSizes;

use crate::catalogue::{Catalogue, ImageId, LayerId, PackageSet, Universe};
use crate::selection::{PackagePrices, Prices};

/// What a policy may look at.
#[derive(Debug, Clone, Copy)]
pub struct Repository<'a> {
    /// All packages.
    pub universe: &'a Universe,
    /// What each costs to install.
    pub packages: &'a PackagePrices,
    /// What the rest of a build costs, for clusters of the usual size.
    pub prices: &'a Prices,
    /// How large images are.
    pub sizes: &'a ImageSizes,
    /// The images there are, the minimal one among them.
    pub catalogue: &'a Catalogue,
    /// The minimal image, which is never evicted.
    pub minimal: ImageId,
    /// Bytes that all images but the minimal one and all layers may take together.
    pub budget: u64,
}

impl Repository<'_> {
    /// What the minimal image holds.
    #[must_use]
    pub fn base(&self) -> PackageSet {
        self.catalogue.get(self.minimal).map(|image| image.packages.clone()).unwrap_or_default()
    }

    /// Bytes of the layers and of the images that are not the minimal one.
    #[must_use]
    pub fn used_bytes(&self) -> u64 {
        let minimal = self.catalogue.get(self.minimal).map_or(0, |image| image.bytes);
        self.catalogue.bytes() + self.catalogue.layer_bytes() - minimal
    }

    /// The images that are not the minimal one.
    pub fn cached(&self) -> impl Iterator<Item = (ImageId, &crate::catalogue::Image)> {
        self.catalogue.iter().filter(|(id, _)| *id != self.minimal)
    }
}

/// A request that was served.
#[derive(Debug, Clone, Copy)]
pub struct Served<'a> {
    /// Its number, from 0, in the order of requests.
    pub number: u64,
    /// What each node holds now, the minimal image's packages included.
    pub packages: &'a PackageSet,
    /// Which image it was served from.
    pub image: ImageId,
}

/// How an image comes into being.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Making {
    /// It is built by itself, on the head node.
    Built,
    /// It is what a build left behind, and only has to be stored.
    Kept,
}

/// What a repository should change.
#[derive(Debug, Clone, Default)]
pub struct Changes {
    /// Images to remove.
    pub evict: Vec<ImageId>,
    /// Images to add.
    pub add: Vec<(PackageSet, Making)>,
    /// Layers to remove.
    pub evict_layers: Vec<LayerId>,
    /// Layers to build, by what they add over the minimal image.
    pub add_layers: Vec<PackageSet>,
}

impl Changes {
    /// What makes a repository hold exactly these images beside the minimal one, and no layers.
    #[must_use]
    pub fn to(wanted: &[PackageSet], repository: &Repository<'_>) -> Self {
        Self::to_both(wanted, &[], repository)
    }

    /// What makes a repository hold exactly these images beside the minimal one, and exactly these layers.
    #[must_use]
    pub fn to_both(
        images: &[PackageSet],
        layers: &[PackageSet],
        repository: &Repository<'_>,
    ) -> Self {
        let there = repository.cached().map(|(id, image)| (id, &image.packages));
        let (evict, add) = difference(there, images);
        let there = repository.catalogue.layers().map(|(id, layer)| (id, &layer.packages));
        let (evict_layers, add_layers) = difference(there, layers);
        let add = add.into_iter().map(|set| (set, Making::Built)).collect();
        Self { evict, add, evict_layers, add_layers }
    }

    /// Whether nothing changes.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.evict.is_empty()
            && self.add.is_empty()
            && self.evict_layers.is_empty()
            && self.add_layers.is_empty()
    }
}

/// What is there and not wanted, and what is wanted and not there.
fn difference<'a, Id: Copy>(
    there: impl Iterator<Item = (Id, &'a PackageSet)>,
    wanted: &[PackageSet],
) -> (Vec<Id>, Vec<PackageSet>) {
    let there: Vec<(Id, &PackageSet)> = there.collect();
    let is_new = |set: &&PackageSet| !there.iter().any(|(_, other)| other == set);
    let new = wanted.iter().filter(is_new).cloned().collect();
    let gone = there.iter().filter(|(_, set)| !wanted.contains(set));
    (gone.map(|(id, _)| *id).collect(), new)
}

/// A rule that decides which images a repository holds. It is told of every request after it was
/// served; what it wants built is built in the background, so that no user waits for it.
pub trait GenerationPolicy {
    /// Its name with its parameters, for reports.
    fn name(&self) -> String;

    /// Takes note of a request that was served, and says what to change.
    fn served(&mut self, served: &Served<'_>, repository: &Repository<'_>) -> Changes;

    /// What it would hold now, were it to decide at once instead of at its next period.
    fn decide(&mut self, repository: &Repository<'_>) -> Changes;
}
