//! The dependency graph of small universes: what schedulers ask it.

mod support;

use support::universe::Universe;
use vclust_core::{
    DependencyGraph, Index, Policy, RelationKind, Request, VersionId, VersionView, shared_versions,
};

fn index(universe: &str) -> Index {
    Universe::parse(universe).index()
}

fn id(index: &Index, name: &str) -> VersionId {
    let package = index.find(name).expect("the package is there");
    package.versions().next().expect("it has a version").id()
}

fn names<'a>(versions: impl IntoIterator<Item = VersionView<'a>>) -> Vec<String> {
    versions.into_iter().map(|version| version.name().into_owned()).collect()
}

fn sorted<'a>(versions: impl IntoIterator<Item = VersionView<'a>>) -> Vec<String> {
    let mut names = names(versions);
    names.sort();
    names
}

const CHAIN: &str = "a 1 -> b, z
    b 1 -> c
    c 1; pre d
    d 1; conflicts e; recommends f
    e 1
    f 1
    z 1 -> c | e
    loner 1";

#[test]
fn why_takes_a_shortest_chain() {
    let index = index(CHAIN);
    let graph = DependencyGraph::of_candidates(&index, &Policy::default());
    let chain = graph.why(id(&index, "a"), id(&index, "d"));
    assert_eq!(names(chain.iter().map(|(_, version)| *version)), ["b", "c", "d"]);
    let kinds: Vec<RelationKind> = chain.iter().map(|(edge, _)| edge.kind).collect();
    assert_eq!(kinds, [RelationKind::Depends, RelationKind::Depends, RelationKind::PreDepends]);
}

#[test]
fn why_is_empty_without_a_chain_or_a_distance() {
    let index = index(CHAIN);
    let graph = DependencyGraph::of_candidates(&index, &Policy::default());
    for (from, to) in [("d", "a"), ("a", "loner"), ("a", "a"), ("d", "e"), ("d", "f")] {
        assert!(graph.why(id(&index, from), id(&index, to)).is_empty(), "{from} to {to}");
    }
}

#[test]
fn why_prefers_first_alternatives() {
    let index = index(
        "a 1 -> x | b, y
         b 1
         x 1 -> b
         y 1 -> b",
    );
    let graph = DependencyGraph::of_candidates(&index, &Policy::default());
    let chain = graph.why(id(&index, "a"), id(&index, "b"));
    assert_eq!(names(chain.iter().map(|(_, version)| *version)), ["b"]);
    assert_eq!((chain[0].0.relation, chain[0].0.alternative), (0, 1));
}

#[test]
fn dependencies_name_relation_and_alternative() {
    let index = index(CHAIN);
    let graph = DependencyGraph::of_candidates(&index, &Policy::default());
    let edges = graph.dependencies(id(&index, "z"));
    assert_eq!(names(edges.iter().map(|(_, version)| *version)), ["c", "e"]);
    let places: Vec<(u32, u32)> =
        edges.iter().map(|(edge, _)| (edge.relation, edge.alternative)).collect();
    assert_eq!(places, [(0, 0), (0, 1)]);
    let kinds = |name| -> Vec<RelationKind> {
        let edges = graph.dependencies(id(&index, name));
        edges.iter().map(|(edge, _)| edge.kind).collect()
    };
    assert_eq!(kinds("a"), [RelationKind::Depends, RelationKind::Depends]);
    let mut of_d = kinds("d");
    of_d.sort_by_key(|kind| kind.field());
    assert_eq!(of_d, [RelationKind::Conflicts, RelationKind::Recommends]);
}

#[test]
fn dependants_are_dependencies_reversed() {
    let index = index(CHAIN);
    let graph = DependencyGraph::of_candidates(&index, &Policy::default());
    let dependants = |name| sorted(graph.dependants(id(&index, name)).into_iter().map(|(_, v)| v));
    assert_eq!(dependants("c"), ["b", "z"]);
    assert_eq!(dependants("e"), ["d", "z"]);
    assert!(dependants("a").is_empty());
}

#[test]
fn reachable_and_needed_by_follow_hard_relations_only() {
    let index = index(CHAIN);
    let graph = DependencyGraph::of_candidates(&index, &Policy::default());
    assert_eq!(sorted(graph.reachable(id(&index, "a"))), ["a", "b", "c", "d", "e", "z"]);
    assert_eq!(sorted(graph.reachable(id(&index, "d"))), ["d"]);
    assert_eq!(sorted(graph.needed_by(id(&index, "d"))), ["a", "b", "c", "z"]);
    assert!(graph.needed_by(id(&index, "loner")).is_empty());
}

#[test]
fn reachability_agrees_with_itself_on_every_pair() {
    let index = index(CHAIN);
    let graph = DependencyGraph::of_candidates(&index, &Policy::default());
    let all: Vec<VersionId> =
        index.packages().filter_map(|package| Some(package.versions().next()?.id())).collect();
    for from in &all {
        for to in all.iter().filter(|to| *to != from) {
            let reached = graph.reachable(*from).iter().any(|version| version.id() == *to);
            let needed = graph.needed_by(*to).iter().any(|version| version.id() == *from);
            let told = !graph.why(*from, *to).is_empty();
            assert_eq!((reached, reached), (needed, told));
        }
    }
}

#[test]
fn cycles_end() {
    let index = index(
        "a 1 -> b
         b 1 -> a",
    );
    let graph = DependencyGraph::of_candidates(&index, &Policy::default());
    assert_eq!(sorted(graph.reachable(id(&index, "a"))), ["a", "b"]);
    assert_eq!(names(graph.needed_by(id(&index, "a"))), ["b"]);
    assert_eq!(graph.why(id(&index, "a"), id(&index, "b")).len(), 1);
}

#[test]
fn providers_are_followed() {
    let index = index(
        "a 1 -> mail
         postfix 1; provides mail",
    );
    let graph = DependencyGraph::of_candidates(&index, &Policy::default());
    assert_eq!(sorted(graph.reachable(id(&index, "a"))), ["a", "postfix"]);
}

#[test]
fn the_graph_of_a_closure_holds_the_closure() {
    let index = index(CHAIN);
    let policy = Policy::default();
    let closure = Request::new(["b"]).resolve(&index, &policy).expect("a closure");
    let graph = DependencyGraph::of_closure(&closure);
    assert_eq!(graph.as_petgraph().node_count(), 3);
    assert!(graph.node(id(&index, "b")).is_some());
    assert!(graph.node(id(&index, "a")).is_none());
    assert!(graph.dependencies(id(&index, "a")).is_empty());
    assert!(graph.reachable(id(&index, "a")).is_empty());
    assert!(graph.needed_by(id(&index, "a")).is_empty());
}

#[test]
fn shared_versions_are_in_every_closure() {
    let index = index(CHAIN);
    let policy = Policy::default();
    let closure = |name| Request::new([name]).resolve(&index, &policy).expect("a closure");
    let closures = [closure("a"), closure("b"), closure("c")];
    assert_eq!(sorted(shared_versions(&closures)), ["c", "d"]);
    assert_eq!(shared_versions(&closures[..1]).len(), closures[0].len());
    assert!(shared_versions(&[]).is_empty());
    assert!(shared_versions(&[closure("a"), closure("loner")]).is_empty());
}
