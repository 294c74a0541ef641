//! In which order to install: dependencies before what needs them, cycles together.

use petgraph::algo::tarjan_scc;
use petgraph::graph::DiGraph;
use petgraph::visit::EdgeRef;
use rustc_hash::FxHashMap;

use crate::index::{Index, RelationKind, VersionId, groups};

/// Versions in install order, cut into batches: dpkg can unpack and configure each batch as a
/// whole, and every `Pre-Depends` of a batch is configured by the batches before it.
pub(super) fn batches(index: &Index, versions: &[VersionId]) -> Vec<Vec<VersionId>> {
    let mut graph = DiGraph::<VersionId, RelationKind>::new();
    let nodes: FxHashMap<VersionId, _> =
        versions.iter().map(|version| (*version, graph.add_node(*version))).collect();
    for version in versions {
        for group in groups(index.dependencies(*version)) {
            let kind = group[0].kind;
            if !matches!(kind, RelationKind::Depends | RelationKind::PreDepends) {
                continue;
            }
            for dependency in group {
                let real = index.real_target(*version, dependency.target);
                for target in real.into_iter().flat_map(|package| index.version_ids(package)) {
                    let text = Some(index.version_text(target));
                    if nodes.contains_key(&target) && index.accepts(*version, dependency, text) {
                        graph.update_edge(nodes[version], nodes[&target], kind);
                    }
                }
                index.any_provider(*version, dependency, |provider| {
                    if let Some(target) = nodes.get(&provider) {
                        graph.update_edge(nodes[version], *target, kind);
                    }
                    false
                });
            }
        }
    }
    // Tarjan's algorithm yields components with what they depend on first.
    let components = tarjan_scc(&graph);
    let mut component_of = vec![0usize; graph.node_count()];
    for (number, component) in components.iter().enumerate() {
        for node in component {
            component_of[node.index()] = number;
        }
    }
    let mut level_of = vec![0usize; components.len()];
    let mut batches: Vec<Vec<VersionId>> = Vec::new();
    for (number, component) in components.iter().enumerate() {
        let mut level = 0;
        for node in component {
            for edge in graph.edges(*node) {
                let target = component_of[edge.target().index()];
                if target == number {
                    continue;
                }
                let after = usize::from(*edge.weight() == RelationKind::PreDepends);
                level = level.max(level_of[target] + after);
            }
        }
        let mut members: Vec<VersionId> = component.iter().map(|node| graph[*node]).collect();
        members.sort_by_key(|version| {
            index.name_text(index.name_of(index.version_record(*version).package))
        });
        level_of[number] = level;
        if batches.len() <= level {
            batches.resize_with(level + 1, Vec::new);
        }
        batches[level].extend(members);
    }
    batches.retain(|batch| !batch.is_empty());
    batches
}
