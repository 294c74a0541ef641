//! Policies on small archives: what every one of them must keep to, and what makes each what it is.

#[path = "support/cache_world.rs"]
mod cache_world;

use cache_world::World;
use vclust_core::{
    GenerationPolicy, Image, PackageSet, Popularity, Problem, SelectionError, Stored, Strategy,
    WeightedTarget, parse_policy,
};

const POLICIES: [&str; 10] = [
    "paper:40,20",
    "paper",
    "keep-used",
    "golden:50",
    "static:50",
    "landlord:0.4",
    "landlord:0.9",
    "expected-time:100",
    "expected-time",
    "expected-time:50,images",
];

#[test]
fn every_policy_keeps_to_the_budget_and_holds_only_images_that_can_be_installed() {
    let world = World::new(80, 8, &[Strategy::Install]);
    for budget in [0, 1_200_000, 6_000_000, 200_000_000] {
        for (seed, policy) in POLICIES.iter().enumerate() {
            let popularity = Popularity { exponent: 0.9, drift: 0.5 };
            let requests = popularity.draw(79, 600, seed as u64);
            let outcome = world.run(policy, budget, &requests);
            assert!(outcome.most_bytes_stored <= budget, "{policy} {budget}");
            assert_eq!(outcome.images_refused, 0, "{policy} {budget}");
            for Image { packages, .. } in &outcome.stored.images {
                assert!(world.is_consistent(packages), "{policy} {budget}: {packages:?}");
                assert!(world.workload.minimal.is_subset(packages), "{policy}");
            }
            let shares = outcome.hit + outcome.superset + outcome.partial + outcome.minimal;
            assert!((shares - 1.0).abs() < 1e-9, "{policy}");
            assert!(budget > 0 || outcome.minimal > 0.999, "{policy}");
        }
    }
}

#[test]
fn images_never_make_the_mean_build_slower() {
    for strategies in [&[Strategy::Install][..], &[Strategy::Clone], &Strategy::ALL] {
        let world = World::new(80, 8, strategies);
        let requests = Popularity::default().draw(79, 500, 5);
        let without = world.run("keep-used", 0, &requests).mean_seconds;
        for policy in POLICIES {
            let with = world.run(policy, 6_000_000, &requests).mean_seconds;
            assert!(with <= without + 1e-9, "{policy}: {with} for {without}");
        }
    }
}

#[test]
fn the_expected_time_policy_is_the_best_of_all_where_popularity_drifts() {
    let world = World::new(120, 8, &[Strategy::Install]);
    let requests = Popularity { exponent: 1.0, drift: 0.3 }.draw(119, 2000, 11);
    for budget in [6_000_000, 30_000_000] {
        let ours = world.run("expected-time:300", budget, &requests).mean_seconds;
        for policy in &POLICIES[..7] {
            let other = world.run(policy, budget, &requests).mean_seconds;
            assert!(ours < other, "{policy} takes {other} s, ours {ours} s at {budget}");
        }
    }
}

#[test]
fn small_problems_are_solved_nearly_as_well_as_by_trying_every_pair_of_images() {
    let (mut gaps, mut worst) = (Vec::new(), 0.0_f64);
    for (packages, nodes) in [(7, 4), (8, 16), (9, 32)] {
        let world = World::new(packages, nodes, &[Strategy::Install]);
        let images = world.all_images();
        assert!(images.len() > 20);
        for seed in 0..6_u32 {
            let targets: Vec<WeightedTarget> = world
                .workload
                .targets
                .iter()
                .enumerate()
                .map(|(place, packages)| WeightedTarget {
                    packages: packages.clone(),
                    weight: f64::from((place as u32 * 13 + seed * 7) % 11),
                })
                .collect();
            let sizes: Vec<u64> =
                images.iter().map(|set| world.sizes.of(&world.workload.universe, set)).collect();
            let budget = sizes.iter().max().expect("images") * u64::from(2 + seed % 3) / 3;
            world.with_repository(budget, |repository| {
                let problem = Problem::new(repository, &targets);
                let mut best = problem.mean_seconds(&[], &[]);
                for (a, of_a) in images.iter().zip(&sizes) {
                    if *of_a <= budget {
                        best = best.min(problem.mean_seconds(std::slice::from_ref(a), &[]));
                    }
                    for (b, of_b) in images.iter().zip(&sizes).filter(|(_, b)| *b + of_a <= budget)
                    {
                        if of_b <= of_a {
                            best = best.min(problem.mean_seconds(&[a.clone(), b.clone()], &[]));
                        }
                    }
                }
                let solution = problem.solve(&[], &[], None);
                let bytes: u64 = solution
                    .images
                    .iter()
                    .map(|set| world.sizes.of(&world.workload.universe, set))
                    .sum();
                assert!(bytes <= budget);
                let mean = problem.mean_seconds(&solution.images, &[]);
                assert!((mean - solution.mean_seconds).abs() < 1e-9);
                let gap = mean / best - 1.0;
                worst = worst.max(gap);
                gaps.push(gap);
            });
        }
    }
    let mean = gaps.iter().sum::<f64>() / gaps.len() as f64;
    assert!(mean < 0.01 && worst < 0.05, "mean gap {mean}, worst {worst}");
}

fn holds(outcome: &vclust_core::Outcome, packages: &PackageSet) -> bool {
    outcome.stored.images.iter().any(|image| image.packages == *packages)
}

#[test]
fn a_used_image_is_kept_and_the_least_recently_used_one_makes_room() {
    let world = World::new(40, 1, &[Strategy::Clone]);
    let bytes = |place: u32| {
        world.sizes.of(&world.workload.universe, &world.workload.targets[place as usize])
    };
    let budget = bytes(30) + bytes(31);
    let outcome = world.run("keep-used", budget, &[30, 31, 30]);
    assert_eq!((outcome.stored.images.len(), outcome.images_evicted), (2, 0));
    assert!(outcome.hit > 0.3 && outcome.images_built == 0);
    // 2 is among what 30 needs and 31 does not, so it is served from that image, and 31 is the older one.
    assert!(bytes(2) <= bytes(31));
    let outcome = world.run("keep-used", budget, &[30, 31, 30, 2]);
    assert!(holds(&outcome, &world.workload.targets[30]));
    assert!(!holds(&outcome, &world.workload.targets[31]));
}

#[test]
fn similar_requests_share_an_image_that_grows() {
    let world = World::new(40, 1, &[Strategy::Clone]);
    let merged = world.run("landlord:0.9", 1_000_000_000, &[37, 38]);
    assert_eq!(merged.stored.images.len(), 1);
    assert!(world.workload.targets[37].is_subset(&merged.stored.images[0].packages));
    assert!(world.workload.targets[38].is_subset(&merged.stored.images[0].packages));
    let apart = world.run("landlord:0", 1_000_000_000, &[37, 38]);
    assert_eq!(apart.stored.images.len(), 2);
}

#[test]
fn the_papers_image_holds_what_enough_of_the_last_requests_have() {
    let world = World::new(40, 1, &[Strategy::Clone]);
    let (often, seldom) = (20, 37);
    let outcome = world.run("paper:4,60", 1_000_000_000, &[often, often, often, seldom]);
    let [image] = &outcome.stored.images[..] else {
        panic!("{} images", outcome.stored.images.len())
    };
    assert!(world.workload.targets[often as usize].is_subset(&image.packages));
    assert!(!world.workload.targets[seldom as usize].is_subset(&image.packages));
}

#[test]
fn weights_that_are_no_numbers_count_nothing_and_no_requests_need_no_images() {
    let world = World::new(20, 4, &[Strategy::Install]);
    world.with_repository(1_000_000_000, |repository| {
        let of = |weight| WeightedTarget { packages: world.workload.targets[9].clone(), weight };
        let sound = Problem::new(repository, &[of(2.0)]).solve(&[], &[], None);
        let mixed = [of(f64::NAN), of(2.0), of(-1.0), of(f64::INFINITY), of(0.0)];
        assert_eq!(Problem::new(repository, &mixed).solve(&[], &[], None), sound);
        assert!(Problem::new(repository, &[]).solve(&[], &[], None).images.is_empty());
        let mut policy = parse_policy("expected-time").expect("a policy");
        assert!(policy.decide(repository).is_empty());
    });
    let nothing = world.run("expected-time", 1_000_000, &[]);
    assert_eq!((nothing.requests, nothing.stored.images.len()), (0, 0));
    assert!(nothing.mean_seconds.abs() < 1e-12);
}

#[test]
fn zero_nodes_and_no_strategy_are_refused() {
    let mut world = World::new(10, 0, &[Strategy::Install]);
    let targets = world.workload.compared();
    let mut policy = parse_policy("keep-used").expect("a policy");
    let run = |world: &World, policy: &mut dyn GenerationPolicy| {
        world
            .replay(1)
            .run(&targets, &[0], &Stored::default(), policy, |_| {})
            .expect_err("nothing to build")
    };
    assert_eq!(run(&world, policy.as_mut()), SelectionError::NoNodes);
    world.prices.nodes = 4;
    world.prices.strategies.clear();
    assert_eq!(run(&world, policy.as_mut()), SelectionError::NoStrategy);
}

#[test]
fn misspelt_policies_are_told_what_there_is() {
    for (text, message) in [
        ("magic", "there is no policy `magic`; there are paper, keep-used, golden, static"),
        ("paper:0,50", "`0` is no parameter of the policy paper: a number of requests"),
        ("paper:10,150", "`150` is no parameter of the policy paper: a share from 0 to 100 %"),
        ("landlord:nan", "`nan` is no parameter of the policy landlord: a Jaccard distance"),
        ("expected-time:9,disks", "`disks` is no parameter of the policy expected-time: layers or"),
        ("keep-used:3", "`3` is no parameter of the policy keep-used"),
    ] {
        let error = parse_policy(text).map(|policy| policy.name()).expect_err(text).to_string();
        assert!(error.starts_with(message), "{error}");
    }
    for policy in POLICIES {
        let name = parse_policy(policy).expect(policy).name();
        assert!(name.starts_with(policy), "{name}");
    }
}
