//! What became of a cluster's nodes.

use vclust_agent::protocol::clean;
use vclust_core::DomainName;

use super::backend::Backend;
use super::error::DeployError;
use crate::cluster::{ClusterRecord, ClusterStore, NodeState};

/// Most bytes of a console that are shown.
const MOST: u64 = 4 << 20;

/// Looks which nodes of a record still run: those that were ready and do not have failed.
pub fn states_of(
    store: &ClusterStore,
    backend: &Backend,
    record: &mut ClusterRecord,
) -> Result<(), DeployError> {
    let directory = store.path_of(&record.name).join("nodes");
    if !directory.is_dir() {
        return Ok(());
    }
    let domains = backend.open(&directory, &record.mark)?.list()?;
    for node in &mut record.nodes {
        let runs =
            domains.iter().any(|domain| domain.name == node.name && domain.state.is_active());
        if node.state == NodeState::Ready && !runs {
            node.state = NodeState::Failed;
        }
    }
    Ok(())
}

/// What a node has written to its console, without what could move a terminal's cursor.
pub fn console_of(
    store: &ClusterStore,
    backend: &Backend,
    record: &ClusterRecord,
    node: &DomainName,
) -> Result<String, DeployError> {
    let directory = store.path_of(&record.name).join("nodes");
    let text = backend.open(&directory, &record.mark)?.console_log(node, MOST)?;
    let text = String::from_utf8_lossy(&text);
    Ok(text.lines().map(|line| clean(line) + "\n").collect())
}
