//! The dependency graph as a public value: for schedulers that want to ask it more than a closure.

use std::collections::VecDeque;

use petgraph::Direction;
use petgraph::graph::{DiGraph, NodeIndex};
use petgraph::visit::{Dfs, EdgeRef, Reversed};
use rustc_hash::FxHashMap;

use crate::closure::Closure;
use crate::index::{Index, RelationKind, VersionId, VersionView, groups};
use crate::policy::Policy;

/// An edge of the graph: the version it leaves names the version it enters in a relation.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct DependencyEdge {
    /// The relation; never `Provides`.
    pub kind: RelationKind,
    /// The place, from 0, of the relation among the version's relations: edges with the same
    /// number are alternatives, of which one suffices.
    pub relation: u32,
    /// The place, from 0, of the alternative within the relation.
    pub alternative: u32,
}

/// Versions and the relations between them, `Provides` followed.
///
/// Nodes are version ids of the index, so that a petgraph algorithm's answer leads back to it.
#[derive(Debug, Clone)]
pub struct DependencyGraph<'a> {
    index: &'a Index,
    graph: DiGraph<VersionId, DependencyEdge>,
    nodes: FxHashMap<VersionId, NodeIndex>,
}

impl<'a> DependencyGraph<'a> {
    /// The graph of all candidates under a policy. It reads every relation of the index: tens of
    /// milliseconds for a Debian suite.
    #[must_use]
    pub fn of_candidates(index: &'a Index, policy: &Policy) -> Self {
        let candidates = index.packages().filter_map(|p| policy.candidate(index, p.id()));
        Self::of_versions(index, candidates)
    }

    /// The graph within a closure.
    #[must_use]
    pub fn of_closure(closure: &Closure<'a>) -> Self {
        Self::of_versions(closure.index(), closure.install().map(|version| version.id()))
    }

    /// The graph within any set of versions.
    #[must_use]
    pub fn of_versions(index: &'a Index, versions: impl IntoIterator<Item = VersionId>) -> Self {
        let mut graph = DiGraph::new();
        let mut nodes = FxHashMap::default();
        for version in versions {
            nodes.entry(version).or_insert_with(|| graph.add_node(version));
        }
        for node in graph.node_indices() {
            let owner = graph[node];
            for (relation, group) in groups(index.dependencies(owner)).enumerate() {
                for (alternative, dependency) in group.iter().enumerate() {
                    for target in index.all_targets(owner, dependency) {
                        if let Some(target) = nodes.get(&target) {
                            let edge = DependencyEdge {
                                kind: dependency.kind,
                                relation: relation as u32,
                                alternative: alternative as u32,
                            };
                            graph.add_edge(node, *target, edge);
                        }
                    }
                }
            }
        }
        Self { index, graph, nodes }
    }

    /// The graph itself, for petgraph's algorithms.
    #[must_use]
    pub fn as_petgraph(&self) -> &DiGraph<VersionId, DependencyEdge> {
        &self.graph
    }

    /// The node of a version, if the graph has it.
    #[must_use]
    pub fn node(&self, version: VersionId) -> Option<NodeIndex> {
        self.nodes.get(&version).copied()
    }

    /// What a version's relations lead to, with the edges, in the order of the relations.
    #[must_use]
    pub fn dependencies(&self, version: VersionId) -> Vec<(DependencyEdge, VersionView<'a>)> {
        self.neighbours(version, Direction::Outgoing)
    }

    /// Versions whose relations lead to this one, with the edges.
    #[must_use]
    pub fn dependants(&self, version: VersionId) -> Vec<(DependencyEdge, VersionView<'a>)> {
        self.neighbours(version, Direction::Incoming)
    }

    fn neighbours(
        &self,
        version: VersionId,
        direction: Direction,
    ) -> Vec<(DependencyEdge, VersionView<'a>)> {
        let Some(node) = self.node(version) else { return Vec::new() };
        let mut list: Vec<_> = self
            .graph
            .edges_directed(node, direction)
            .map(|edge| {
                let other = match direction {
                    Direction::Outgoing => edge.target(),
                    Direction::Incoming => edge.source(),
                };
                (*edge.weight(), self.index.version(self.graph[other]))
            })
            .collect();
        // petgraph lists the newest edge first.
        list.reverse();
        list
    }

    /// Why `to` is needed for `from`: a shortest chain of dependencies and pre-dependencies, with
    /// the edge that leads to each step; empty if there is none, or if both are the same.
    #[must_use]
    pub fn why(&self, from: VersionId, to: VersionId) -> Vec<(DependencyEdge, VersionView<'a>)> {
        let (Some(start), Some(end)) = (self.node(from), self.node(to)) else { return Vec::new() };
        let mut came: FxHashMap<NodeIndex, (NodeIndex, DependencyEdge)> = FxHashMap::default();
        let mut queue = VecDeque::from([start]);
        while let Some(node) = queue.pop_front() {
            if node == end {
                break;
            }
            let mut edges: Vec<_> =
                self.graph.edges(node).filter(|edge| is_dependency(*edge.weight())).collect();
            edges.sort_by_key(|edge| (edge.weight().alternative, edge.weight().relation));
            for edge in edges {
                if edge.target() != start && !came.contains_key(&edge.target()) {
                    came.insert(edge.target(), (node, *edge.weight()));
                    queue.push_back(edge.target());
                }
            }
        }
        let mut chain = Vec::new();
        let mut at = end;
        while let Some((before, edge)) = came.get(&at) {
            chain.push((*edge, self.index.version(self.graph[at])));
            at = *before;
        }
        chain.reverse();
        chain
    }

    /// Everything that dependencies and pre-dependencies of a version lead to, alternatives
    /// included, and the version itself.
    #[must_use]
    pub fn reachable(&self, version: VersionId) -> Vec<VersionView<'a>> {
        let Some(node) = self.node(version) else { return Vec::new() };
        let hard = petgraph::visit::EdgeFiltered::from_fn(&self.graph, |edge| {
            is_dependency(*edge.weight())
        });
        let mut walk = Dfs::new(&hard, node);
        let mut list = Vec::new();
        while let Some(node) = walk.next(&hard) {
            list.push(self.index.version(self.graph[node]));
        }
        list
    }

    /// Everything that needs a version, directly or not, alternatives included.
    #[must_use]
    pub fn needed_by(&self, version: VersionId) -> Vec<VersionView<'a>> {
        let Some(node) = self.node(version) else { return Vec::new() };
        let hard = petgraph::visit::EdgeFiltered::from_fn(&self.graph, |edge| {
            is_dependency(*edge.weight())
        });
        let reversed = Reversed(&hard);
        let mut walk = Dfs::new(reversed, node);
        let mut list = Vec::new();
        while let Some(found) = walk.next(reversed) {
            if found != node {
                list.push(self.index.version(self.graph[found]));
            }
        }
        list
    }
}

fn is_dependency(edge: DependencyEdge) -> bool {
    matches!(edge.kind, RelationKind::Depends | RelationKind::PreDepends)
}

/// The versions that all closures hold, in the order of the first one.
#[must_use]
pub fn shared_versions<'a>(closures: &[Closure<'a>]) -> Vec<VersionView<'a>> {
    let Some((first, others)) = closures.split_first() else { return Vec::new() };
    let mut shared: Vec<VersionView<'a>> = first.install().collect();
    for other in others {
        let held: rustc_hash::FxHashSet<VersionId> =
            other.install().map(|version| version.id()).collect();
        shared.retain(|version| held.contains(&version.id()));
    }
    shared
}
