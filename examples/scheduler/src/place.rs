//! Which site gets which cluster.
//!
//! A site's head node brings clusters up one after the other, the quickest first, so a cluster is ready when
//! all before it and it itself are. The sum of these times over all clusters is what is minimised; that more
//! clusters have a place counts before it. Without hosts this would be a problem of unrelated machines that
//! matching solves (Bruno, Coffman, Sethi, 1974); with them it is NP-hard, and a local search does.

use std::cmp::Ordering;

use crate::hosts::{Host, NodeSize, pack};
use crate::local_search::improve;

/// What is to be placed, and where.
#[derive(Debug, Clone)]
pub struct Problem {
    /// The hosts of each site.
    pub sites: Vec<Vec<Host>>,
    /// The clusters.
    pub clusters: Vec<NodeSize>,
    /// Seconds of each cluster, on each site, from when its head node begins with it.
    pub seconds: Vec<Vec<f64>>,
}

/// What a placement costs; the less, the better.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Cost {
    /// Clusters without a place.
    pub unplaced: usize,
    /// The sum over all others of the seconds until they are ready.
    pub ready_seconds: f64,
}

impl Cost {
    /// Whether this is less than another by more than rounding.
    #[must_use]
    pub fn is_below(&self, other: &Self) -> bool {
        match self.unplaced.cmp(&other.unplaced) {
            Ordering::Equal => self.ready_seconds < other.ready_seconds - 1e-9,
            order => order == Ordering::Less,
        }
    }
}

/// The site of each cluster.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Placement {
    /// The site's place in the problem's list; none where there is no room.
    pub site_of: Vec<Option<usize>>,
}

impl Placement {
    /// The clusters on a site, as places in the problem's list.
    #[must_use]
    pub fn on_site(&self, site: usize) -> Vec<usize> {
        let all = self.site_of.iter().enumerate();
        all.filter(|(_, on)| **on == Some(site)).map(|(cluster, _)| cluster).collect()
    }
}

impl Problem {
    /// A host for each node of the clusters on a site, as [`pack`] gives them.
    #[must_use]
    pub fn pack_site(&self, site: usize, clusters: &[usize]) -> Option<Vec<Vec<usize>>> {
        let sizes: Vec<NodeSize> = clusters.iter().map(|one| self.clusters[*one]).collect();
        pack(&self.sites[site], &sizes)
    }

    /// The clusters of a site in the order in which they come up, each with the seconds until it is ready.
    #[must_use]
    pub fn schedule(&self, site: usize, clusters: &[usize]) -> Vec<(usize, f64)> {
        let mut order = clusters.to_vec();
        let seconds = |cluster: &usize| self.seconds[*cluster][site];
        order.sort_by(|a, b| seconds(a).total_cmp(&seconds(b)));
        let mut now = 0.0;
        let ready = |cluster| {
            now += seconds(&cluster);
            (cluster, now)
        };
        order.into_iter().map(ready).collect()
    }

    /// The sum of the seconds until the clusters of a site are ready.
    #[must_use]
    pub fn site_seconds(&self, site: usize, clusters: &[usize]) -> f64 {
        self.schedule(site, clusters).iter().map(|(_, ready)| ready).sum()
    }

    /// What a placement costs.
    #[must_use]
    pub fn cost(&self, placement: &Placement) -> Cost {
        let sites = 0..self.sites.len();
        Cost {
            unplaced: placement.site_of.iter().filter(|site| site.is_none()).count(),
            ready_seconds: sites
                .map(|site| self.site_seconds(site, &placement.on_site(site)))
                .sum(),
        }
    }
}

/// Each cluster in turn on the first site that has room: what one would do who knows nothing of times.
#[must_use]
pub fn first_fit(problem: &Problem) -> Placement {
    let mut placement = Placement { site_of: vec![None; problem.clusters.len()] };
    for cluster in 0..problem.clusters.len() {
        placement.site_of[cluster] = (0..problem.sites.len()).find(|site| {
            let mut together = placement.on_site(*site);
            together.push(cluster);
            problem.pack_site(*site, &together).is_some()
        });
    }
    placement
}

/// The largest clusters first, each where it adds least to the seconds of all.
fn cheapest_fit(problem: &Problem) -> Placement {
    let mut placement = Placement { site_of: vec![None; problem.clusters.len()] };
    let mut order: Vec<usize> = (0..problem.clusters.len()).collect();
    order.sort_by_key(|cluster| {
        let size = problem.clusters[*cluster];
        std::cmp::Reverse(u128::from(size.nodes) * u128::from(size.memory))
    });
    for cluster in order {
        let grown = |site: usize| {
            let there = placement.on_site(site);
            let mut together = there.clone();
            together.push(cluster);
            problem.pack_site(site, &together)?;
            let added = problem.site_seconds(site, &together) - problem.site_seconds(site, &there);
            Some((site, added))
        };
        let possible = (0..problem.sites.len()).filter_map(grown);
        let best = possible.min_by(|(_, a), (_, b)| a.total_cmp(b));
        placement.site_of[cluster] = best.map(|(site, _)| site);
    }
    placement
}

/// The best placement that is found: never worse than [`first_fit`], from which one of two searches starts.
#[must_use]
pub fn place(problem: &Problem) -> Placement {
    let from_first = improve(problem, first_fit(problem));
    let from_cheapest = improve(problem, cheapest_fit(problem));
    if problem.cost(&from_cheapest).is_below(&problem.cost(&from_first)) {
        from_cheapest
    } else {
        from_first
    }
}
