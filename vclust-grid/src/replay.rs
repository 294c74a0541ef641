//! What a cache policy makes of requests, and what it would keep after them.

use thiserror::Error;
use vclust_core::{
    Catalogue, Conditions, GenerationPolicy, ImageKind, ImageListing, ImageListings, ImageSizes,
    Outcome, PackageSet, PackageVersion, PolicyError, Replay, SelectionError, Stored, Strategy,
    Universe, parse_policy,
};

use crate::estimators::SiteEstimators;
use crate::resolved::ResolvedRequests;

/// How requests are replayed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ReplayOrder {
    /// The policy, as [`parse_policy`] reads it.
    pub policy: String,
    /// Nodes of every cluster.
    pub nodes: u32,
    /// Bytes that images and layers may take together, the minimal image apart.
    pub budget: u64,
    /// How nodes may get their root.
    pub strategies: Vec<Strategy>,
    /// The site whose measurements count.
    pub site: String,
    /// Nodes that start at the same time on what they share: all of them on one host, one where each has a
    /// host of its own.
    pub started_together: u32,
}

impl ReplayOrder {
    /// Clusters of so many nodes through a policy: 4 GB of images and layers, every strategy, the site `here`, and all nodes
    /// of a cluster on one host.
    ///
    /// ```
    /// use vclust_grid::ReplayOrder;
    /// let order = ReplayOrder { budget: 2_000_000_000, ..ReplayOrder::new("expected-time", 4) };
    /// assert_eq!(order.started_together, 4);
    /// ```
    #[must_use]
    pub fn new(policy: impl Into<String>, nodes: u32) -> Self {
        Self {
            policy: policy.into(),
            nodes,
            budget: 4_000_000_000,
            strategies: Strategy::ALL.to_vec(),
            site: "here".to_owned(),
            started_together: nodes,
        }
    }
}

/// Why requests cannot be replayed.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum ReplayError {
    /// There is no such policy.
    #[error(transparent)]
    Policy(#[from] PolicyError),
    /// No image or strategy can be used.
    #[error(transparent)]
    Selection(#[from] SelectionError),
}

/// What a policy made of requests.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub struct Replayed {
    /// How it served them.
    pub outcome: Outcome,
    /// The images and layers that it would keep for the requests to come, the minimal image left out.
    pub kept: ImageListings,
}

impl ResolvedRequests {
    /// Replays the requests through a policy, from an empty cache. Each is served from the image and by the
    /// strategy that are cheapest among what the policy keeps at that moment, with the estimators as the clock.
    pub fn replay(
        &self,
        estimators: &SiteEstimators<'_>,
        order: &ReplayOrder,
    ) -> Result<Replayed, ReplayError> {
        let mut policy = parse_policy(&order.policy)?;
        let universe = &self.workload.universe;
        let mut conditions = Conditions::new(&order.site, order.nodes);
        conditions.started_together = order.started_together;
        let (packages, prices) =
            estimators.prices(universe, &conditions, &order.strategies, &Catalogue::new());
        let replay = Replay {
            universe,
            packages: &packages,
            prices: &prices,
            sizes: &ImageSizes::default(),
            minimal: &self.workload.minimal,
            budget: order.budget,
        };
        let targets = self.workload.compared();
        let nothing = Stored::default();
        let outcome = replay.run(&targets, &self.order, &nothing, policy.as_mut(), |_| ())?;
        let kept = replay.decided(&outcome.stored, policy.as_mut());
        Ok(Replayed { kept: listings(universe, policy.as_ref(), &kept), outcome })
    }
}

/// What a policy keeps, by names that tell the policy.
fn listings(universe: &Universe, policy: &dyn GenerationPolicy, kept: &Stored) -> ImageListings {
    let name = policy.name();
    let stem = name.split(':').next().unwrap_or(&name);
    let listing = |kind, number: usize, packages: &PackageSet, bytes| {
        let layer = if kind == ImageKind::Layer { "-layer" } else { "" };
        let mut packages: Vec<PackageVersion> =
            packages.iter().map(|id| universe.package(id).clone()).collect();
        packages.sort_by(|a, b| a.package.cmp(&b.package));
        ImageListing { id: format!("{stem}{layer}-{number}"), kind, bytes, packages }
    };
    let images = (1..).zip(&kept.images);
    let images =
        images.map(|(n, image)| listing(ImageKind::Image, n, &image.packages, image.bytes));
    let layers = (1..).zip(&kept.layers);
    let layers =
        layers.map(|(n, layer)| listing(ImageKind::Layer, n, &layer.packages, layer.bytes));
    ImageListings { images: images.chain(layers).collect() }
}
