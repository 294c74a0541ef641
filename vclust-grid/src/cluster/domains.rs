//! Domains that are no processes of this system, and so carry no mark: those under Xen.

use std::path::Path;

use vclust_core::{Hypervisor, HypervisorError, HypervisorKind};
use vclust_xen::{Xen, XenOptions};

use super::error::ClusterError;
use super::record::ClusterRecord;

/// Ends what Xen has of a cluster, by the definitions in its directory, which are there before any
/// domain is.
pub(super) fn end(record: &ClusterRecord, directory: &Path) -> Result<(), ClusterError> {
    if record.spec.deploy.hypervisor != HypervisorKind::Xen {
        return Ok(());
    }
    let nodes = directory.join("nodes");
    if !nodes.is_dir() {
        return Ok(());
    }
    let end = || -> Result<(), HypervisorError> {
        let xen = Xen::open(&nodes, record.mark.clone(), XenOptions::default())?;
        let domains = xen.list()?;
        domains.iter().try_for_each(|domain| xen.kill(&domain.name))
    };
    end().map_err(ClusterError::Domains)
}
