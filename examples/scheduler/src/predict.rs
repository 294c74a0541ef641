//! What vclust is asked: how long would each site take for each cluster?
//!
//! Packages are loaded once. Each site has images of its own, which a cache policy chose from the requests
//! it had, and estimators of its own, which learned from what it measured.

use std::sync::Arc;

use vclust_core::{Candidate, ClusterSpec, ImageListings, MetaPackages, RequestEvent, Strategy};
use vclust_grid::{
    ClusterPlanner, KnownEvents, KnownImages, LoadedIndex, PackageSource, PastEvents, ReplayOrder,
    ResolvedRequests,
};

use crate::error::SchedulerError;
use crate::hosts::NodeSize;
use crate::place::Problem;
use crate::site::{Scenario, Site};

/// The policy by which sites choose their images: the paper's, packages that half of the last twenty
/// requests have.
const POLICY: &str = "paper:20,50";
/// Nodes of a usual cluster.
const USUAL_NODES: u32 = 4;

/// How a site would bring a cluster up.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub struct Prediction {
    /// The image, with what is over it.
    pub root: String,
    /// How nodes get it.
    pub strategy: Strategy,
    /// Seconds from when the head node begins with it.
    pub seconds: f64,
}

/// For each cluster, what each site would take.
///
/// Fails if a cluster's packages do not exist or contradict each other.
pub fn predict(
    source: &PackageSource,
    scenario: &Scenario,
) -> Result<Vec<Vec<Prediction>>, SchedulerError> {
    // what every cluster starts from, as the planners below have no image of their own
    let root = ClusterPlanner {
        images: KnownImages::Given(ImageListings::default()),
        ..ClusterPlanner::default()
    }
    .root()
    .map_err(|source| SchedulerError::Plan {
        cluster: "minimal".to_owned(),
        source: Box::new(source),
    })?;
    let loaded = Arc::new(source.load(&root, &|_| ())?);
    let planners: Vec<ClusterPlanner> = scenario
        .sites
        .iter()
        .map(|site| planner(&loaded, scenario, site))
        .collect::<Result<_, _>>()?;
    let of_cluster = |spec: &ClusterSpec| {
        let on_site = |planner: &ClusterPlanner| {
            let plan = planner.plan_on(spec.clone(), Arc::clone(&loaded)).map_err(|source| {
                SchedulerError::Plan { cluster: spec.name.clone(), source: Box::new(source) }
            })?;
            Ok(Prediction::of(plan.feasible()))
        };
        planners.iter().map(on_site).collect()
    };
    scenario.clusters.iter().map(of_cluster).collect()
}

/// The planner of a site, with the images that its requests are worth.
fn planner(
    loaded: &LoadedIndex,
    scenario: &Scenario,
    site: &Site,
) -> Result<ClusterPlanner, SchedulerError> {
    let requests: Vec<RequestEvent> =
        scenario.history.requests().filter(|request| request.site == site.name).cloned().collect();
    let (distinct, order) =
        ResolvedRequests::distinct(&loaded.index, &MetaPackages::shipped(), &requests);
    let resolved = ResolvedRequests::resolve(loaded, &distinct, &order, &|| ());
    let learned = PastEvents::Given(scenario.history.clone()).learn(&loaded.index)?;
    let replayed = resolved
        .replay(
            &learned,
            &ReplayOrder {
                budget: site.cache.bytes(),
                site: site.name.clone(),
                ..ReplayOrder::new(POLICY, USUAL_NODES)
            },
        )
        .map_err(|source| SchedulerError::Replay { site: site.name.clone(), source })?;
    Ok(ClusterPlanner {
        images: KnownImages::Given(replayed.kept),
        events: KnownEvents::Given(scenario.history.clone()),
        site: site.name.clone(),
        ..ClusterPlanner::default()
    })
}

impl Prediction {
    fn of(candidate: &Candidate) -> Self {
        Self {
            root: candidate.root(),
            strategy: candidate.strategy,
            seconds: candidate.total.seconds,
        }
    }
}

impl Problem {
    /// What is to be placed, from what was predicted.
    #[must_use]
    pub fn of(scenario: &Scenario, predictions: &[Vec<Prediction>]) -> Self {
        let size = |spec: &ClusterSpec| NodeSize {
            nodes: spec.nodes,
            memory: spec.memory.bytes(),
            processors: spec.processors,
        };
        let seconds = |row: &Vec<Prediction>| row.iter().map(|one| one.seconds).collect();
        Self {
            sites: scenario.sites.iter().map(Site::hosts).collect(),
            clusters: scenario.clusters.iter().map(size).collect(),
            seconds: predictions.iter().map(seconds).collect(),
        }
    }
}
