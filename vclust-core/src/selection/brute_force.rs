//! Selection as the definition has it, slow and obvious, for the fast one to be compared with.

use std::fmt::Write;

use proptest::prelude::{
    ProptestConfig, any, prop, prop_assert, prop_assert_eq, prop_oneof, proptest,
};
use proptest::strategy::{Just, Strategy as Generator};

use super::repair::REMOVAL;
use super::*;
use crate::catalogue::{Image, PackageSet};
use crate::estimate::{Estimate, InstallEstimator, PackageCost, Priors, RunCost};
use crate::history::{PackageVersion, Phase};
use crate::index::{FileOrigin, Index};
use crate::strategy::Strategy;

mod stacks;

/// Packages in the universe: versions 1 and 2 of some, and pairs that conflict.
const NAMES: u32 = 90;

/// A universe from an index where package `pN` needs `p(N/2)` and, for every seventh, conflicts with
/// the next but two. Version 1 has the same dependencies, and version 3 is known only by name.
fn universe() -> (Universe, Index) {
    let mut file = String::new();
    for (version, number) in [2, 1].into_iter().flat_map(|v| (0..NAMES).map(move |n| (v, n))) {
        let _ =
            writeln!(file, "Package: p{number}\nVersion: {version}\nArchitecture: all\nSize: 9");
        if number > 1 {
            let _ = writeln!(file, "Depends: p{}", number / 2);
        }
        if version == 2 && number % 7 == 0 {
            let _ = writeln!(file, "Conflicts: p{}", (number + 3) % NAMES);
        }
        file += "\n";
    }
    let mut builder = Index::builder("amd64");
    builder.packages(file.into_bytes(), FileOrigin::named("test")).expect("a Packages file");
    let index = builder.build().expect("an index");
    let mut universe = Universe::new();
    for version in [0, 1] {
        let versions: Vec<_> =
            index.packages().filter_map(|package| package.versions().nth(version)).collect();
        universe.add_versions(&versions);
    }
    for number in 0..NAMES {
        let package = format!("p{number}");
        universe.add(&PackageVersion { package, version: "3".to_owned() });
    }
    (universe, index)
}

/// Seconds of one image and strategy; `None` if the image cannot be used.
fn seconds(
    selector: &ImageSelector<'_>,
    image: &Image,
    target: &PackageSet,
    strategy: &StrategyPrices,
) -> Option<f64> {
    let universe = selector.universe;
    let name = |id: PackageVersionId| universe.package(id).package.as_str();
    let wanted = |id: PackageVersionId| target.iter().find(|other| name(*other) == name(id));
    let mut gone = PackageSet::new();
    let mut upgraded = Vec::new();
    for id in image.packages.difference(target) {
        match wanted(id) {
            Some(new) if universe.is_older(id, new) => upgraded.push(id),
            Some(_) => {
                gone.insert(id);
            }
            None if target.iter().any(|other| universe.conflicts(other).contains(&id)) => {
                gone.insert(id);
            }
            None => {}
        }
    }
    let usable = match selector.repair {
        Repair::Nothing => gone.is_empty() && upgraded.is_empty(),
        Repair::Upgrades => gone.is_empty(),
        Repair::Removals => true,
    };
    let extra = image.packages.difference(target).count() - upgraded.len() - gone.len();
    if !usable || selector.exact && extra > 0 {
        return None;
    }
    let mut dependants = universe.dependants(&image.packages, &gone);
    dependants.difference_with(target);
    for id in &upgraded {
        dependants.remove(*id);
    }
    let mut cost = RunCost::default();
    for id in target.difference(&image.packages) {
        cost += &selector.packages.get(id);
    }
    for id in gone.iter().chain(dependants.iter()) {
        let mut package = selector.packages.get(id);
        package.unpack_seconds *= REMOVAL;
        package.configure_seconds *= REMOVAL;
        cost += &package;
    }
    let run = strategy.run_seconds(
        cost.packages,
        cost.unpack_seconds,
        cost.configure_seconds,
        cost.activates_ldconfig,
    );
    let measured = strategy.measured.iter().find(|(name, ..)| *name == image.id);
    let transfer =
        measured.map_or_else(|| strategy.bytes_seconds(image.bytes), |(_, _, known)| known.seconds);
    Some(strategy.fixed_seconds() + transfer + run)
}

fn prices(index: &Index, nodes: u32) -> Prices {
    let estimator = InstallEstimator::new(index, Priors::shipped());
    let fixed = |phase, seconds| vec![(phase, Estimate::around(seconds, 0.1))];
    let run =
        |nodes| RunPrice::Scale { scale: estimator.run_scale(nodes), relative_half_width: 0.1 };
    Prices {
        nodes,
        strategies: vec![
            StrategyPrices {
                strategy: Strategy::Install,
                fixed: fixed(Phase::Boot, 3.0),
                by_bytes: vec![(
                    Phase::Transfer,
                    BytesPrice { start: 0.5, per_byte: 1e-3, relative_half_width: 0.1 },
                )],
                measured: vec![
                    ("image-1".to_owned(), Phase::Transfer, Estimate::around(2.0, 0.1)),
                    ("image-no-more".to_owned(), Phase::Transfer, Estimate::around(1.0, 0.1)),
                ],
                run: run(nodes),
                layer: None,
                stack: None,
            },
            StrategyPrices {
                strategy: Strategy::Layers,
                fixed: fixed(Phase::Boot, 4.0),
                by_bytes: Vec::new(),
                measured: Vec::new(),
                run: run(1),
                layer: Some(Estimate::around(0.3, 0.1)),
                stack: Some(StackPrice {
                    start: Estimate::around(0.2, 0.1),
                    each: Estimate::around(0.05, 0.01),
                }),
            },
            // slower than the one before, but for images of which there is a template
            StrategyPrices {
                strategy: Strategy::Clone,
                fixed: fixed(Phase::Ready, 2.0),
                by_bytes: vec![(
                    Phase::Boot,
                    BytesPrice { start: 2.5, per_byte: 0.0, relative_half_width: 0.1 },
                )],
                measured: vec![
                    ("minimal".to_owned(), Phase::Boot, Estimate::around(0.0, 0.0)),
                    ("image-1".to_owned(), Phase::Boot, Estimate::around(0.0, 0.0)),
                ],
                run: run(1),
                layer: Some(Estimate::around(0.3, 0.1)),
                stack: Some(StackPrice {
                    start: Estimate::around(0.2, 0.1),
                    each: Estimate::around(0.05, 0.01),
                }),
            },
        ],
    }
}

fn package_set() -> impl Generator<Value = PackageSet> {
    proptest::collection::vec(0..NAMES, 0..40)
        .prop_map(|numbers| numbers.into_iter().map(PackageVersionId).collect())
}

fn images() -> impl Generator<Value = Vec<Image>> {
    let image = (package_set(), proptest::collection::vec(NAMES..3 * NAMES, 0..3), 1..9_000_u64);
    proptest::collection::vec(image, 1..150).prop_map(|images| {
        let numbered = images.into_iter().enumerate();
        let made = numbered.map(|(number, (mut packages, others, bytes))| {
            packages.extend(others.into_iter().map(PackageVersionId));
            Image { id: format!("image-{number}"), packages, bytes }
        });
        made.collect()
    })
}

/// A target without conflicts and with one version of each package.
fn target() -> impl Generator<Value = PackageSet> {
    package_set().prop_map(|set| {
        let in_conflict = |number: u32| number % 7 == 0 || (number + NAMES - 3) % NAMES % 7 == 0;
        set.iter().filter(|id| !in_conflict(id.0)).collect()
    })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(if cfg!(debug_assertions) { 200 } else { 2000 }))]

    #[test]
    fn the_order_of_candidates_is_that_of_brute_force(
        images in images(),
        packages in target(),
        removed in proptest::collection::vec(any::<prop::sample::Index>(), 0..5),
        exact in any::<bool>(),
        repair in prop_oneof![Just(Repair::Nothing), Just(Repair::Upgrades), Just(Repair::Removals)],
        costs in proptest::collection::vec((0.001..3.0_f64, 0.0..1.0_f64, any::<bool>()), 270),
        nodes in 1..40_u32,
    ) {
        let (universe, index) = universe();
        let mut priced = PackagePrices::default();
        priced.extend(&universe, |id| {
            let (unpack, configure, ldconfig) = costs[id.index() % costs.len()];
            PackageCost {
                unpack_seconds: unpack,
                configure_seconds: configure,
                variance: 0.01,
                activates_ldconfig: ldconfig,
            }
        });
        let mut catalogue = Catalogue::new();
        let mut there = images.clone();
        for image in &images {
            catalogue.add(image.clone()).expect("a new image");
        }
        for place in removed {
            if there.len() > 1 {
                let image = there.remove(place.index(there.len()));
                let id = catalogue.find(&image.id).expect("it is there");
                catalogue.remove(id);
            }
        }
        let prices = prices(&index, nodes);
        let selector =
            ImageSelector::new(&universe, &priced).exact(exact).repair(repair).keep(usize::MAX);
        let mut expected = Vec::new();
        for image in &there {
            for strategy in &prices.strategies {
                if let Some(seconds) = seconds(&selector, image, &packages, strategy) {
                    expected.push((seconds, image.id.clone(), strategy.strategy));
                }
            }
        }
        expected.sort_by(|a, b| a.0.total_cmp(&b.0));
        let target = Target::new(&universe, packages.clone());
        match selector.select(&catalogue, &target, &prices) {
            Err(SelectionError::NoImage { .. }) => prop_assert!(expected.is_empty()),
            Err(other) => prop_assert!(false, "{other}"),
            Ok(selection) => {
                prop_assert_eq!(selection.candidates.len(), expected.len());
                prop_assert_eq!(selection.considered, expected.len());
                for (found, wanted) in selection.candidates.iter().zip(&expected) {
                    prop_assert!((found.total.seconds - wanted.0).abs() < 1e-9);
                }
                let best = selection.best();
                prop_assert!((best.total.seconds - expected[0].0).abs() < 1e-9);
                let few = selector.keep(3).select(&catalogue, &target, &prices);
                let few = few.expect("as before").candidates;
                prop_assert_eq!(&few[..], &selection.candidates[..few.len()]);
            }
        }
    }

    #[test]
    fn the_papers_rule_falls_out_of_the_minimum(
        images in images(),
        packages in target(),
        nodes in 1..40_u32,
    ) {
        let (universe, index) = universe();
        let estimator = InstallEstimator::new(&index, Priors::shipped());
        let priced = PackagePrices::of(&universe, &estimator);
        let mut catalogue = Catalogue::new();
        let minimal = Image { id: "minimal".into(), packages: PackageSet::new(), bytes: 1 };
        let minimal = catalogue.add(minimal).expect("a new image");
        for image in images {
            catalogue.add(image).expect("a new image");
        }
        let mut prices = prices(&index, nodes);
        prices.strategies.truncate(1);
        let target = Target::new(&universe, packages);
        let choice = paper_rule(&catalogue, minimal, &target, &priced, &prices.strategies[0])
            .expect("the minimal image is there");
        let selector = ImageSelector::new(&universe, &priced).repair(Repair::Nothing).keep(1);
        let selection = selector.select(&catalogue, &target, &prices).expect("minimal is usable");
        let best = selection.best();
        if best.image_id != choice.image {
            // Only equal seconds may be broken differently.
            let image = catalogue.get(choice.image).expect("it was chosen");
            let other = seconds(&selector, image, target.packages(), &prices.strategies[0]);
            prop_assert!((best.total.seconds - other.expect("usable")).abs() < 1e-9);
        }
        prop_assert!(choice.saved >= choice.transfer);
    }

    #[test]
    fn branch_and_bound_finds_what_trying_all_sets_of_layers_finds(
        layers in proptest::collection::vec((package_set(), 0.0..2.0_f64), 0..9),
        packages in target(),
        image in package_set(),
    ) {
        let (universe, index) = universe();
        let estimator = InstallEstimator::new(&index, Priors::shipped());
        let priced = PackagePrices::of(&universe, &estimator);
        let prices = prices(&index, 1);
        let run = &prices.strategies[1].run;
        let target = Target::new(&universe, packages);
        let layers: Vec<Layer> = layers
            .into_iter()
            .enumerate()
            .map(|(number, (packages, seconds))| Layer {
                id: format!("layer-{number}"),
                packages,
                seconds,
            })
            .collect();
        let conflicts = |layer: &Layer| {
            layer.packages.iter().any(|id| target.conflicting.contains(&id))
        };
        let mut best = f64::INFINITY;
        for chosen in 0..1_usize << layers.len() {
            let taken: Vec<&Layer> = layers
                .iter()
                .enumerate()
                .filter(|(place, _)| chosen >> place & 1 == 1)
                .map(|(_, layer)| layer)
                .collect();
            if taken.iter().any(|layer| conflicts(layer)) {
                continue;
            }
            let mut left = target.packages().clone();
            left.difference_with(&image);
            for layer in &taken {
                left.difference_with(&layer.packages);
            }
            let cost = priced.sum(left.iter());
            let install = run.seconds(
                cost.packages,
                cost.unpack_seconds,
                cost.configure_seconds,
                cost.activates_ldconfig,
            );
            best = best.min(install + taken.iter().map(|layer| layer.seconds).sum::<f64>());
        }
        let search = LayerSearch::new(&priced, run);
        let plan = search.search(&layers, &image, &target);
        prop_assert!((plan.seconds - best).abs() < 1e-9, "{} for {best}", plan.seconds);
        prop_assert!(plan.gap().abs() < 1e-9);
        let greedy = search.steps(0).search(&layers, &image, &target);
        prop_assert!(greedy.seconds >= best - 1e-9 && greedy.bound <= best + 1e-9);
    }
}
