//! Layers of small archives: what they must be, and how near the search comes to trying everything.

#[path = "support/cache_world.rs"]
mod cache_world;

use cache_world::World;
use vclust_core::{
    ImageSelector, PackageSet, Popularity, Problem, Stored, Strategy, WeightedTarget,
};

const STACKING: [Strategy; 2] = [Strategy::Layers, Strategy::Clone];

/// Whether a layer can be built over the minimal image: it holds nothing of that, lacks nothing, and
/// nothing in it conflicts.
fn is_layer(world: &World, layer: &PackageSet) -> bool {
    let mut image = world.workload.minimal.clone();
    image.union_with(layer);
    layer.is_disjoint(&world.workload.minimal) && world.is_consistent(&image)
}

#[test]
fn designed_layers_are_closed_over_the_minimal_image_and_keep_to_the_budget() {
    for strategies in [&STACKING[..], &Strategy::ALL] {
        let world = World::new(80, 8, strategies);
        for budget in [0, 300_000, 1_200_000, 6_000_000, 200_000_000] {
            for seed in 0..3 {
                let requests = Popularity { exponent: 0.9, drift: 0.5 }.draw(79, 600, seed);
                let outcome = world.run("expected-time:100", budget, &requests);
                assert!(outcome.most_bytes_stored <= budget, "{budget}");
                assert_eq!(outcome.images_refused, 0, "{budget}");
                assert!(budget < 1_000_000 || outcome.layered > 0.5, "{outcome:?}");
                for layer in &outcome.stored.layers {
                    assert!(is_layer(&world, &layer.packages), "{budget}: {:?}", layer.packages);
                }
                for image in &outcome.stored.images {
                    assert!(world.is_consistent(&image.packages), "{budget}");
                }
                assert!(outcome.stacked <= outcome.layered && outcome.layered <= 1.0);
                let shares = outcome.hit + outcome.superset + outcome.partial + outcome.minimal;
                assert!((shares - 1.0).abs() < 1e-9);
            }
        }
    }
}

#[test]
fn where_nodes_install_there_are_no_layers_and_nothing_else_changes() {
    let world = World::new(80, 8, &[Strategy::Install]);
    let requests = Popularity { exponent: 0.9, drift: 0.5 }.draw(79, 800, 3);
    let mut with = world.run("expected-time:200", 6_000_000, &requests);
    let without = world.run("expected-time:200,images", 6_000_000, &requests);
    assert!(with.stored.layers.is_empty() && !with.stored.images.is_empty());
    assert_eq!(without.policy, "expected-time:200,images");
    with.policy.clone_from(&without.policy);
    assert_eq!(with, without);
}

#[test]
fn layers_take_less_room_than_images_so_that_builds_are_no_slower_with_them() {
    let world = World::new(120, 8, &STACKING);
    let requests = Popularity { exponent: 1.0, drift: 0.3 }.draw(119, 2000, 11);
    for budget in [600_000, 2_000_000, 6_000_000, 30_000_000] {
        let images = world.run("expected-time:300,images", budget, &requests).mean_seconds;
        let layers = world.run("expected-time:300", budget, &requests).mean_seconds;
        assert!(layers <= images * 1.005, "{layers} s with layers, {images} s without, {budget}");
    }
}

/// Weights that differ by place and seed, some of them zero.
fn targets(world: &World, seed: u32) -> Vec<WeightedTarget> {
    let numbered = world.workload.targets.iter().enumerate();
    numbered
        .map(|(place, packages)| WeightedTarget {
            packages: packages.clone(),
            weight: f64::from((place as u32 * 13 + seed * 7) % 11),
        })
        .collect()
}

#[test]
fn small_problems_are_solved_nearly_as_well_as_by_trying_every_pair_of_layers() {
    let (mut gaps, mut worst) = (Vec::new(), 0.0_f64);
    for (packages, nodes) in [(7, 4), (8, 16), (9, 32)] {
        let world = World::new(packages, nodes, &STACKING);
        let universe = &world.workload.universe;
        let layers: Vec<PackageSet> = world
            .all_images()
            .into_iter()
            .map(|image| image.difference(&world.workload.minimal).collect())
            .collect();
        assert!(layers.len() > 20);
        let sizes: Vec<u64> =
            layers.iter().map(|set| world.sizes.of_layer(universe, set)).collect();
        for seed in 0..6_u32 {
            let targets = targets(&world, seed);
            let budget = sizes.iter().max().expect("layers") * u64::from(2 + seed % 3) / 3;
            world.with_repository(budget, |repository| {
                let problem = Problem::new(repository, &targets);
                let mut best = problem.mean_seconds(&[], &[]);
                for (a, of_a) in layers.iter().zip(&sizes).filter(|(_, size)| **size <= budget) {
                    best = best.min(problem.mean_seconds(&[], std::slice::from_ref(a)));
                    for (b, of_b) in layers.iter().zip(&sizes) {
                        if of_b <= of_a && of_a + of_b <= budget {
                            let pair = [a.clone(), b.clone()];
                            best = best.min(problem.mean_seconds(&[], &pair));
                        }
                    }
                }
                let solution = problem.solve(&[], &[], None);
                assert!(solution.images.is_empty(), "a layer is never worse than an image here");
                let bytes: u64 =
                    solution.layers.iter().map(|set| world.sizes.of_layer(universe, set)).sum();
                assert!(bytes <= budget);
                let mean = problem.mean_seconds(&[], &solution.layers);
                assert!((mean - solution.mean_seconds).abs() < 1e-9);
                worst = worst.max(mean / best - 1.0);
                gaps.push(mean / best - 1.0);
            });
        }
    }
    let mean = gaps.iter().sum::<f64>() / gaps.len() as f64;
    assert!(mean < 0.01 && worst < 0.05, "mean gap {mean}, worst {worst}");
}

#[test]
fn a_problem_prices_requests_as_selection_does() {
    let world = World::new(40, 8, &Strategy::ALL);
    let universe = &world.workload.universe;
    let of = |place: usize| {
        world.workload.targets[place].difference(&world.workload.minimal).collect::<PackageSet>()
    };
    let layers = [of(36), of(23), of(29)];
    let images = [world.workload.targets[33].clone()];
    for place in [36, 23, 29, 33, 38, 1] {
        let packages = world.workload.targets[place].clone();
        let stored = Stored {
            images: world.replay(u64::MAX).images(&images),
            layers: world.replay(u64::MAX).layers(&layers),
        };
        world.with_repository(u64::MAX, |repository| {
            let mut catalogue = repository.catalogue.clone();
            for image in stored.images {
                catalogue.add(image).expect("a new image");
            }
            for layer in stored.layers {
                catalogue.add_layer(layer).expect("a new layer");
            }
            let target = vclust_core::Target::new(universe, packages.clone());
            let selection = ImageSelector::new(universe, &world.packages)
                .minimal(repository.minimal)
                .select(&catalogue, &target, &world.prices)
                .expect("the minimal image is usable");
            let problem = Problem::new(repository, &[WeightedTarget { packages, weight: 1.0 }]);
            let mean = problem.mean_seconds(&images, &layers);
            let chosen = selection.best().total.seconds;
            assert!((mean - chosen).abs() < 1e-9, "{place}: {mean} and {chosen}");
        });
    }
}

#[test]
fn what_a_layer_is_worth_is_what_would_be_lost_without_it() {
    let world = World::new(60, 8, &STACKING);
    world.with_repository(3_000_000, |repository| {
        let problem = Problem::new(repository, &targets(&world, 2));
        let of = |place: usize| world.workload.targets[place].difference(&world.workload.minimal);
        let layers: Vec<PackageSet> = [30, 57, 58, 41, 22].map(|at| of(at).collect()).to_vec();
        let all = problem.mean_seconds(&[], &layers);
        let worth = problem.worth(&[], &layers);
        for (place, worth) in worth.iter().enumerate() {
            let mut others = layers.clone();
            others.remove(place);
            let lost = problem.mean_seconds(&[], &others) - all;
            assert!((worth.expected_loss - lost).abs() < 1e-9, "{worth:?}, {lost}");
            assert!(worth.build_seconds > 0.0 && worth.share > 0.0 && worth.share <= 1.0);
        }
    });
}
