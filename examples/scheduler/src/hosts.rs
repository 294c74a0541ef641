//! Nodes in hosts: vector bin packing, by best fit after decreasing size.
//!
//! Packing is NP-hard, and this heuristic may find no place where there is one. It never finds one where
//! there is none.

/// What a host has to give.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Host {
    /// Bytes of memory.
    pub memory: u64,
    /// Processors.
    pub processors: u32,
}

/// What a cluster needs: so many nodes of one size.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct NodeSize {
    /// How many.
    pub nodes: u32,
    /// Bytes of memory of each.
    pub memory: u64,
    /// Processors of each.
    pub processors: u32,
}

/// A host for each node of each cluster, or none if they do not all fit.
///
/// Clusters with the largest nodes come first; each node goes to the host that it leaves the least memory
/// of, and of several to the first.
#[must_use]
pub fn pack(hosts: &[Host], clusters: &[NodeSize]) -> Option<Vec<Vec<usize>>> {
    let mut free = hosts.to_vec();
    let mut order: Vec<usize> = (0..clusters.len()).collect();
    order.sort_by_key(|place| {
        let size = clusters[*place];
        std::cmp::Reverse((size.memory, size.processors))
    });
    let mut places = vec![Vec::new(); clusters.len()];
    for cluster in order {
        let size = clusters[cluster];
        for _ in 0..size.nodes {
            let fits = free.iter().enumerate().filter(|(_, host)| {
                host.memory >= size.memory && host.processors >= size.processors
            });
            let (place, _) = fits.min_by_key(|(_, host)| host.memory)?;
            free[place].memory -= size.memory;
            free[place].processors -= size.processors;
            places[cluster].push(place);
        }
    }
    Some(places)
}
