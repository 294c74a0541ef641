//! What became of a cluster's nodes.

use vclust_agent::protocol::clean;
use vclust_core::DomainName;

use super::backend::Backend;
use super::error::DeployError;
use crate::cluster::{ClusterRecord, ClusterState, ClusterStore, NodeState};

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

/// What a cluster that is ready lacks beside nodes, each with the way out: programs of the head node that
/// have ended and are not started again, since nodes hold what they had of them.
#[must_use]
pub fn problems_of(record: &ClusterRecord) -> Vec<String> {
    if record.state != ClusterState::Ready {
        return Vec::new();
    }
    let name = &record.name;
    let mut problems = Vec::new();
    if record.network.is_some_and(|holder| !holder.is_alive()) {
        problems.push(format!("its network is gone; `vclust down {name}` and start it again"));
    }
    for server in record.servers.iter().filter(|server| !server.process.is_alive()) {
        let service = &server.service;
        problems.push(format!(
            "its {service} server has ended, and nodes that use it wait; `vclust down {name}` and start it again"
        ));
    }
    problems
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
