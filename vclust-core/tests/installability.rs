//! A SAT solver as the judge of closures on random small universes.
//!
//! What vclust returns must be consistent, by a check that shares no code with the resolver, and
//! where the SAT solver proves that there is no answer vclust must not have one. The reverse does
//! not hold: apt's solver, whose answers vclust's are, gives up on requests that have an answer.

mod support;

use std::collections::BTreeMap;

use proptest::prelude::*;
use proptest::strategy::ValueTree;
use proptest::test_runner::{RngAlgorithm, TestRng, TestRunner};
use support::random::{self, Features};
use support::universe::{Asked, Package, Universe};
use varisat::{ExtendFormula, Lit, Solver};
use vclust_core::{Relation, compare_versions, parse_relations};

/// The relations of a package in one field, alternatives together.
fn relations<'a>(package: &'a Package, field: &str) -> Vec<Vec<Relation<'a>>> {
    let values = package.fields.iter().filter(|(name, _)| name == field);
    values.flat_map(|(_, value)| parse_relations(value.as_bytes()).expect("a relation")).collect()
}

/// Whether a package, by its name or by what it provides, is what a relation names.
fn is_named(package: &Package, relation: &Relation<'_>) -> bool {
    let by_name = package.name.as_bytes() == relation.name
        && relation.accepts(Some(package.version.as_bytes()));
    by_name
        || relations(package, "Provides").concat().iter().any(|provided| {
            provided.name == relation.name
                && relation.accepts(provided.constraint.map(|(_, version)| version))
        })
}

/// Whether a package does not stand another one.
fn excludes(package: &Package, other: &Package) -> bool {
    package.name != other.name
        && ["Conflicts", "Breaks"].iter().any(|field| {
            relations(package, field).concat().iter().any(|relation| is_named(other, relation))
        })
}

/// Everything that is wrong with a root.
fn faults(root: &[&Package]) -> Vec<String> {
    let mut faults = Vec::new();
    for (place, package) in root.iter().enumerate() {
        for group in ["Depends", "Pre-Depends"].iter().flat_map(|field| relations(package, field)) {
            let holds = |relation| root.iter().any(|other| is_named(other, relation));
            if !group.iter().any(holds) {
                faults.push(format!("{} {} lacks {group:?}", package.name, package.version));
            }
        }
        for other in root {
            if excludes(package, other) {
                faults.push(format!("{} does not stand {}", package.name, other.name));
            }
        }
        if root[..place].iter().any(|other| other.name == package.name) {
            faults.push(format!("{} is there twice", package.name));
        }
    }
    faults
}

/// The highest version of each package, or the installed one where that is as high: the candidate.
fn candidate<'a>(universe: &'a Universe, name: &str) -> Option<&'a Package> {
    let versions = universe.packages.iter().filter(|package| package.name == name);
    versions.max_by(|a, b| compare_versions(a.version.as_bytes(), b.version.as_bytes()))
}

/// The packages that a request names, or the only providers of what it names.
fn requested<'a>(universe: &'a Universe, request: &str) -> Option<Vec<&'a Package>> {
    Asked::parse(request).items.iter().map(|name| candidate(universe, name)).collect()
}

/// Which versions a root may be made of.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Among {
    /// All there are.
    All,
    /// Candidates and what is installed: those that apt's solver considers.
    Candidates,
}

/// Whether some root holds the request, says the SAT solver.
fn is_installable(universe: &Universe, requested: &[&Package], among: Among) -> bool {
    let packages = &universe.packages;
    let literal = |place: usize| Lit::from_index(place, true);
    let mut solver = Solver::new();
    for (place, package) in packages.iter().enumerate() {
        let is_candidate = candidate(universe, &package.name)
            .is_some_and(|candidate| std::ptr::eq(candidate, package));
        if among == Among::Candidates && !is_candidate && package.status.is_none() {
            solver.add_clause(&[!literal(place)]);
        }
        if requested.iter().any(|wanted| std::ptr::eq(*wanted, package)) {
            solver.add_clause(&[literal(place)]);
        }
        for group in ["Depends", "Pre-Depends"].iter().flat_map(|field| relations(package, field)) {
            let fits = |other: &Package| group.iter().any(|relation| is_named(other, relation));
            let mut clause = vec![!literal(place)];
            clause.extend((0..packages.len()).filter(|other| fits(&packages[*other])).map(literal));
            solver.add_clause(&clause);
        }
        for (other_place, other) in packages.iter().enumerate() {
            let twice = other_place < place && other.name == package.name;
            if twice || excludes(package, other) {
                solver.add_clause(&[!literal(place), !literal(other_place)]);
            }
        }
    }
    solver.solve().expect("varisat answers")
}

/// What there is after vclust's closure; nothing where it has none.
fn root_after<'a>(universe: &'a Universe, request: &str) -> Option<Vec<&'a Package>> {
    universe.resolve(request, |closure| {
        let closure = closure.ok()?;
        let mut root: BTreeMap<&str, &str> = BTreeMap::new();
        for package in universe.packages.iter().filter(|package| package.status.is_some()) {
            root.insert(&package.name, &package.version);
        }
        let (install, remove): (Vec<_>, Vec<_>) =
            (closure.install().collect(), closure.remove().collect());
        let find = |name: &str, version: &str| {
            universe
                .packages
                .iter()
                .find(|package| (&*package.name, &*package.version) == (name, version))
        };
        for version in &remove {
            root.remove(&*version.name());
        }
        for version in &install {
            let package = find(&version.name(), &version.version()).expect("it exists");
            root.insert(&package.name, &package.version);
        }
        root.into_iter().map(|(name, version)| find(name, version)).collect()
    })
}

/// A universe with the request, checked; says whether vclust and the SAT solver have an answer.
fn judge(universe: &Universe, request: &str) -> Option<(bool, bool)> {
    let installed: Vec<&Package> =
        universe.packages.iter().filter(|package| package.status.is_some()).collect();
    assert_eq!(faults(&installed), Vec::<String>::new(), "the root is whole to begin with");
    let requested = requested(universe, request)?;
    let answer = root_after(universe, request);
    if let Some(root) = &answer {
        assert_eq!(faults(root), Vec::<String>::new(), "request: {request}\n{universe}");
        for wanted in &requested {
            let there = root.iter().any(|package| std::ptr::eq(*package, *wanted));
            assert!(there, "{} {} is not there\n{universe}", wanted.name, wanted.version);
        }
    }
    if !is_installable(universe, &requested, Among::All) {
        assert!(answer.is_none(), "SAT says there is no answer to {request}\n{universe}");
    }
    Some((answer.is_some(), is_installable(universe, &requested, Among::Candidates)))
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 200, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn an_answer_is_consistent_and_there_is_none_where_none_can_be(
        (universe, request) in random::universe(Features::Plain)
    ) {
        judge(&universe, &request);
    }
}

/// `docs/src/apt-agreement.md` has the figure of `RANDOM_UNIVERSES=2000`.
#[test]
fn vclust_rarely_gives_up_where_an_answer_exists() {
    let rng = TestRng::deterministic_rng(RngAlgorithm::ChaCha);
    let mut runner = TestRunner::new_with_rng(ProptestConfig::default(), rng);
    let strategy = random::universe(Features::Plain);
    let (mut answered, mut possible) = (0, 0);
    for _ in 0..random::count(400) {
        let (universe, request) = strategy.new_tree(&mut runner).expect("a universe").current();
        if let Some((has_answer, can_have_one)) = judge(&universe, &request) {
            possible += usize::from(can_have_one);
            answered += usize::from(has_answer && can_have_one);
        }
    }
    println!("{possible} requests have an answer, vclust finds {answered}");
    assert!(possible > 80 && answered * 100 >= possible * 95, "{answered} of {possible}");
}

#[test]
fn the_judge_knows_right_from_wrong() {
    let universe = Universe::parse(
        "a 1 -> b (>= 2) | v
         b 1
         c 1; provides v; conflicts d
         d 1
         e 1 -> c, d",
    );
    let packages: Vec<&Package> = universe.packages.iter().collect();
    let pick = |names: &str| -> Vec<&Package> {
        packages.iter().filter(|package| names.contains(&package.name)).copied().collect()
    };
    assert_eq!(faults(&pick("ab")).len(), 1);
    assert!(faults(&pick("ac")).is_empty());
    assert_eq!(faults(&pick("cd")).len(), 1);
    assert!(is_installable(&universe, &pick("ab"), Among::All));
    assert!(!is_installable(&universe, &pick("ad"), Among::All));
    assert!(!is_installable(&universe, &pick("e"), Among::All));
}
