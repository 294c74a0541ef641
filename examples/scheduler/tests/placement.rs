//! What is true of every placement, of drawn problems and of the example's own scenario.

use std::collections::BTreeMap;

use proptest::prelude::*;
use vclust_example_scheduler::{
    Cost, Host, NodeSize, Placement, Problem, Scenario, first_fit, place, predict,
};
use vclust_grid::PackageSource;

fn problems() -> impl Strategy<Value = Problem> {
    let host = (1..9_u64, 1..9_u32).prop_map(|(memory, processors)| Host { memory, processors });
    let cluster = (1..5_u32, 1..5_u64, 1..4_u32).prop_map(|(nodes, memory, processors)| NodeSize {
        nodes,
        memory,
        processors,
    });
    let sites = prop::collection::vec(prop::collection::vec(host, 0..5), 1..4);
    let clusters = prop::collection::vec(cluster, 0..6);
    (sites, clusters).prop_flat_map(|(sites, clusters)| {
        let row = prop::collection::vec(0.1..100.0_f64, sites.len());
        prop::collection::vec(row, clusters.len()).prop_map(move |seconds| Problem {
            sites: sites.clone(),
            clusters: clusters.clone(),
            seconds,
        })
    })
}

/// Whether every placed cluster has all its nodes on hosts, none of which holds more than it has.
fn holds(problem: &Problem, placement: &Placement) -> Result<(), String> {
    for site in 0..problem.sites.len() {
        let there = placement.on_site(site);
        let hosts = problem.pack_site(site, &there).ok_or(format!("site {site} is too small"))?;
        let mut used: BTreeMap<usize, (u64, u32)> = BTreeMap::new();
        for (cluster, places) in there.iter().zip(&hosts) {
            let size = problem.clusters[*cluster];
            if places.len() != size.nodes as usize {
                return Err(format!("cluster {cluster} has {} places", places.len()));
            }
            for host in places {
                let sum = used.entry(*host).or_default();
                *sum = (sum.0 + size.memory, sum.1 + size.processors);
            }
        }
        for (host, (memory, processors)) in used {
            let Host { memory: most, processors: most_processors } = problem.sites[site][host];
            if memory > most || processors > most_processors {
                return Err(format!("host {host} of site {site} holds more than it has"));
            }
        }
    }
    Ok(())
}

/// The least cost of all placements that hold, by trying all of them.
fn least(problem: &Problem) -> Cost {
    let choices = problem.sites.len() + 1;
    let all = choices.pow(u32::try_from(problem.clusters.len()).expect("few clusters"));
    let nothing = Placement { site_of: vec![None; problem.clusters.len()] };
    let mut best = problem.cost(&nothing);
    for number in 0..all {
        let mut rest = number;
        let mut digit = || {
            let digit = rest % choices;
            rest /= choices;
            digit.checked_sub(1)
        };
        let placement = Placement { site_of: problem.clusters.iter().map(|_| digit()).collect() };
        if problem.cost(&placement).is_below(&best) && holds(problem, &placement).is_ok() {
            best = problem.cost(&placement);
        }
    }
    best
}

/// The cost, worked out from its definition: a cluster is ready when all that are not slower are.
fn cost_by_definition(problem: &Problem, placement: &Placement) -> Cost {
    let mut cost = Cost { unplaced: 0, ready_seconds: 0.0 };
    for (cluster, site) in placement.site_of.iter().enumerate() {
        let Some(site) = site else {
            cost.unplaced += 1;
            continue;
        };
        let mine = problem.seconds[cluster][*site];
        let before = placement.on_site(*site).into_iter().filter(|other| {
            let theirs = problem.seconds[*other][*site];
            theirs < mine || (theirs.to_bits() == mine.to_bits() && *other < cluster)
        });
        let waiting: f64 = before.map(|other| problem.seconds[other][*site]).sum();
        cost.ready_seconds += waiting + mine;
    }
    cost
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(300))]

    #[test]
    fn no_host_holds_more_than_it_has_and_first_fit_is_never_better(problem in problems()) {
        let (first, placed) = (first_fit(&problem), place(&problem));
        for placement in [&first, &placed] {
            if let Err(reason) = holds(&problem, placement) {
                prop_assert!(false, "{reason}");
            }
            let (cost, defined) = (problem.cost(placement), cost_by_definition(&problem, placement));
            prop_assert_eq!(cost.unplaced, defined.unplaced);
            prop_assert!((cost.ready_seconds - defined.ready_seconds).abs() < 1e-6);
        }
        prop_assert!(!problem.cost(&first).is_below(&problem.cost(&placed)));
        prop_assert!(!problem.cost(&placed).is_below(&least(&problem)));
    }
}

#[test]
fn a_cluster_without_room_has_no_place_and_the_others_have() {
    let host = Host { memory: 4, processors: 4 };
    let problem = Problem {
        sites: vec![vec![host; 2]],
        clusters: vec![
            NodeSize { nodes: 3, memory: 4, processors: 1 },
            NodeSize { nodes: 2, memory: 3, processors: 1 },
            NodeSize { nodes: 2, memory: 1, processors: 1 },
        ],
        seconds: vec![vec![1.0], vec![5.0], vec![2.0]],
    };
    let placement = place(&problem);
    assert_eq!(placement.site_of, [None, Some(0), Some(0)]);
    assert_eq!(problem.schedule(0, &placement.on_site(0)), [(2, 2.0), (1, 7.0)]);
}

#[test]
fn the_scenario_is_placed_on_predictions_for_real_packages() {
    let scenario = Scenario::shipped().expect("the scenario can be read");
    let predictions = predict(&PackageSource::of_machine(), &scenario)
        .expect("apt has package lists; `scripts/setup test` has them fetched");
    let named = |name: &str| {
        let found = scenario.clusters.iter().position(|spec| spec.name == name);
        &predictions[found.expect("the scenario has it")]
    };
    // what a site has an image of, it has sooner than the site without a cache
    let (physics, biology, annex) = (0, 1, 2);
    assert!(named("mpi-large")[physics].seconds < named("mpi-large")[annex].seconds);
    assert!(named("blast")[biology].seconds < named("blast")[annex].seconds);
    assert!(predictions.iter().flatten().all(|one| one.seconds > 0.0));

    let problem = Problem::of(&scenario, &predictions);
    let (first, placed) = (first_fit(&problem), place(&problem));
    holds(&problem, &first).expect("first fit holds");
    holds(&problem, &placed).expect("the placement holds");
    assert_eq!(problem.cost(&placed).unplaced, 0, "all clusters have room");
    assert!(problem.cost(&placed).is_below(&problem.cost(&first)), "first fit is beaten here");
}
