//! Stacks as the definition has them: every set of layers over every image.

use super::*;
use crate::catalogue::LayerImage;

/// Whether no two of some sets clash.
fn go_together(universe: &Universe, sets: &[&PackageSet]) -> bool {
    let clash = |one: &PackageSet, other: &PackageSet| {
        one.iter().any(|id| {
            let mut in_the_way =
                universe.conflicts(id).iter().copied().chain(universe.other_versions(id));
            in_the_way.any(|id| other.contains(id))
        })
    };
    let pairs = sets.iter().enumerate().flat_map(|(at, one)| {
        let others = sets[at + 1..].iter();
        others.map(move |other| (*one, *other))
    });
    pairs.into_iter().all(|(one, other)| !clash(one, other))
}

/// The least seconds of any image with any layers over it, by any strategy that may.
fn best(
    universe: &Universe,
    costs: &PackagePrices,
    images: &[Image],
    layers: &[LayerImage],
    target: &Target,
    prices: &Prices,
    exact: bool,
) -> f64 {
    let selector = ImageSelector::new(universe, costs).exact(exact);
    let (mut least, wanted) = (f64::INFINITY, target.packages());
    let minimal = &images[0].packages;
    for (number, image) in images.iter().enumerate() {
        for strategy in &prices.strategies {
            let Some(alone) = seconds(&selector, image, wanted, strategy) else { continue };
            least = least.min(alone);
            let Some(price) = strategy.stack.filter(|_| minimal.is_subset(&image.packages)) else {
                continue;
            };
            for chosen in 1..1_usize << layers.len() {
                let taken: Vec<&LayerImage> = layers
                    .iter()
                    .enumerate()
                    .filter(|(place, _)| chosen >> place & 1 == 1)
                    .map(|(_, layer)| layer)
                    .collect();
                let in_the_way = [&target.upgraded, &target.newer, &target.conflicting];
                let usable = taken.iter().all(|layer| {
                    !in_the_way.into_iter().flatten().any(|id| layer.packages.contains(*id))
                        && (!exact || layer.packages.is_subset(wanted))
                });
                let mut sets = vec![&image.packages];
                sets.extend(taken.iter().map(|layer| &layer.packages));
                if !usable || !go_together(universe, &sets) {
                    continue;
                }
                let mut left = wanted.clone();
                for set in &sets {
                    left.difference_with(set);
                }
                let cost = costs.sum(left.iter());
                let parts = taken.len() + usize::from(number > 0);
                let known = strategy.measured.iter().find(|(name, ..)| *name == image.id);
                let mut total = strategy.fixed_seconds()
                    + known.map_or_else(|| strategy.bytes_seconds(0), |(.., known)| known.seconds)
                    + strategy.run.seconds(
                        cost.packages,
                        cost.unpack_seconds,
                        cost.configure_seconds,
                        cost.activates_ldconfig,
                    );
                if parts >= 2 {
                    total += price.start.seconds + price.each.seconds * parts as f64;
                }
                if parts >= 2 || cost.packages > 0 {
                    total += strategy.layer.map_or(0.0, |layer| layer.seconds);
                }
                least = least.min(total);
            }
        }
    }
    least
}

fn layers() -> impl Generator<Value = Vec<LayerImage>> {
    let versions = proptest::collection::vec(NAMES..3 * NAMES, 0..2);
    let layer = (package_set(), versions, 1..900_u64);
    proptest::collection::vec(layer, 0..6).prop_map(|layers| {
        let numbered = layers.into_iter().enumerate();
        let made = numbered.map(|(number, (mut packages, others, bytes))| {
            packages.extend(others.into_iter().map(PackageVersionId));
            packages.insert(PackageVersionId(number as u32 + 1));
            LayerImage { id: format!("layer-{number}"), packages, bytes }
        });
        made.collect()
    })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(if cfg!(debug_assertions) { 300 } else { 2000 }))]

    #[test]
    fn the_best_stack_is_that_of_brute_force(
        images in proptest::collection::vec((package_set(), 1..9_000_u64), 0..3),
        base in proptest::collection::vec(0..NAMES, 0..3),
        layers in layers(),
        packages in target(),
        exact in any::<bool>(),
        nodes in 1..40_u32,
    ) {
        let (universe, index) = universe();
        let estimator = InstallEstimator::new(&index, Priors::shipped());
        let costs = PackagePrices::of(&universe, &estimator);
        let base: PackageSet = base.into_iter().map(PackageVersionId).collect();
        let mut there = vec![Image { id: "minimal".into(), packages: base.clone(), bytes: 9 }];
        for (number, (mut packages, bytes)) in images.into_iter().enumerate() {
            packages.union_with(&base);
            there.push(Image { id: format!("image-{number}"), packages, bytes });
        }
        let mut catalogue = Catalogue::new();
        let ids: Vec<ImageId> =
            there.iter().map(|image| catalogue.add(image.clone()).expect("a new image")).collect();
        for layer in &layers {
            catalogue.add_layer(layer.clone()).expect("a new layer");
        }
        let prices = prices(&index, nodes);
        let target = Target::new(&universe, packages);
        let expected = best(&universe, &costs, &there, &layers, &target, &prices, exact);
        let selector = ImageSelector::new(&universe, &costs).exact(exact).minimal(ids[0]);
        for kept in [1, 20] {
            match selector.keep(kept).select(&catalogue, &target, &prices) {
                Err(SelectionError::NoImage { .. }) => prop_assert!(expected.is_infinite()),
                Err(other) => prop_assert!(false, "{other}"),
                Ok(selection) => {
                    let best = selection.best();
                    let phases: f64 = best.phases.iter().map(|part| part.estimate.seconds).sum();
                    prop_assert!((best.total.seconds - expected).abs() < 1e-9, "{best:?} {expected}");
                    prop_assert!((phases - expected).abs() < 1e-9);
                    prop_assert!(best.gap.abs() < 1e-12);
                    prop_assert_eq!(best.layers.len(), best.layer_ids.len());
                    let ordered = selection.candidates.is_sorted_by(|a, b| {
                        a.total.seconds <= b.total.seconds + 1e-9
                    });
                    prop_assert!(ordered && selection.candidates.len() <= kept);
                }
            }
        }
    }
}
