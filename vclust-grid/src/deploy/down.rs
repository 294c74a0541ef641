//! A cluster goes down.

use std::time::{Duration, Instant};

use vclust_core::DomainName;
use vclust_debian::StateDirectory;

use super::error::DeployError;
use crate::cluster::ClusterStore;

/// A cluster that went down.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub struct Down {
    /// Its name.
    pub name: DomainName,
    /// Processes that were ended.
    pub processes: usize,
    /// Seconds it took.
    pub seconds: f64,
}

/// Ends a cluster's nodes and removes everything of it. Its disks go with it, so nothing waits for its
/// guests to write.
pub fn down(state: &StateDirectory, name: &DomainName) -> Result<Down, DeployError> {
    let start = Instant::now();
    let held = ClusterStore::open(state)?.hold(name)?;
    let processes = held.remove(Duration::ZERO)?;
    Ok(Down { name: name.clone(), processes, seconds: start.elapsed().as_secs_f64() })
}
