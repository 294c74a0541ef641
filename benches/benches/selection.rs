//! Selection over a large repository: 10,000 images, a closure of about 300 packages of Debian.
//!
//! The peer is what the definition says, image by image: sets as bits, differences summed up.

use criterion::Criterion;
use vclust_benches::Lists;
use vclust_core::{
    BlendedTransfer, Catalogue, Conditions, Estimators, Image, ImageSelector, ImageSizes,
    InstallEstimator, Layer, LayerSearch, NodeSpeed, PackagePrices, PackageSet, PhaseEstimator,
    Policy, Priors, Request, Strategy, Target, Workload,
};

const IMAGES: usize = 10_000;
/// Packages that the closure should have, the minimal root left out.
const CLOSURE: usize = 300;

fn selection(criterion: &mut Criterion) {
    let lists = Lists::of_machine();
    let status = lists.minimal_status();
    let index = lists.load_onto(Some(&status));
    let policy = Policy::default();
    let mut workload = Workload::new(&index);
    let mut push = |request: &Request| {
        let versions = Workload::resolve(&index, &policy, request).ok()?;
        Some(workload.push(&index, &versions))
    };
    let names = vclust_benches::request_of_size(&index, CLOSURE);
    let wanted = push(&Request::new(names)).expect("it was resolved before");
    // Closures of packages spread over the archive are the building blocks of images.
    let names: Vec<String> =
        index.packages().step_by(97).map(|package| package.name().into_owned()).collect();
    for name in &names {
        push(&Request::new([name.as_str()]));
    }
    let universe = &workload.universe;
    let sizes = ImageSizes::default();
    let mut catalogue = Catalogue::new();
    let mut random = 1_u64;
    let mut draw = |below: usize| {
        random = random.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
        (random >> 33) as usize % below
    };
    for number in 0..IMAGES {
        let mut packages = workload.minimal.clone();
        for _ in 0..=draw(6) {
            packages.union_with(&workload.targets[draw(workload.targets.len())]);
        }
        let bytes = sizes.of(universe, &packages);
        let image = Image { id: format!("image-{number}"), packages, bytes };
        catalogue.add(image).expect("a new name");
    }
    let installs = InstallEstimator::new(&index, Priors::shipped());
    let (transfers, phases) = (BlendedTransfer::default(), PhaseEstimator::default());
    let speed = NodeSpeed::default();
    let estimators =
        Estimators { installs: &installs, nodes: &speed, transfers: &transfers, phases: &phases };
    let prices = estimators.prices(&Conditions::new("here", 16), &Strategy::ALL, &Catalogue::new());
    let costs = PackagePrices::of(universe, &installs);
    let set = workload.targets[wanted as usize].clone();
    println!(
        "{IMAGES} images of {} packages, a target of {} packages, {} of them beyond the minimal root",
        universe.len(),
        set.len(),
        set.difference(&workload.minimal).count()
    );

    let mut group = criterion.benchmark_group("selection");
    group.sample_size(50);
    group.bench_function("vclust", |bencher| {
        bencher.iter(|| {
            let target = Target::new(universe, set.clone());
            ImageSelector::new(universe, &costs).select(&catalogue, &target, &prices)
        });
    });
    group.bench_function("vclust, three candidates shown", |bencher| {
        let target = Target::new(universe, set.clone());
        let selector = ImageSelector::new(universe, &costs).keep(3);
        bencher.iter(|| selector.select(&catalogue, &target, &prices));
    });
    group.sample_size(10);
    group.bench_function("image by image", |bencher| {
        bencher.iter(|| by_definition(&catalogue, &costs, &prices, &set));
    });
    group.finish();

    // What single packages bring, those that share most with the target first.
    let mut parts: Vec<&PackageSet> = workload.targets[1..].iter().collect();
    parts.sort_by_key(|part| std::cmp::Reverse(part.intersection_len(&set)));
    let layers: Vec<Layer> = parts
        .iter()
        .enumerate()
        .map(|(number, part)| {
            let mut packages = (*part).clone();
            packages.difference_with(&workload.minimal);
            let seconds = 0.05 + sizes.of(universe, &packages) as f64 / 1e9;
            Layer { id: format!("layer-{number}"), packages, seconds }
        })
        .collect();
    let target = Target::new(universe, set);
    let run = &prices.strategies[1].run;
    let mut group = criterion.benchmark_group("layers");
    group.sample_size(10);
    for count in [20, 60, 200] {
        let search = LayerSearch::new(&costs, run);
        let plan = search.search(&layers[..count], &workload.minimal, &target);
        println!(
            "{count} layers: {} taken, {:.2} s for {:.2} s without, gap {:.1} %",
            plan.layers.len(),
            plan.seconds,
            search.search(&[], &workload.minimal, &target).seconds,
            100.0 * plan.gap()
        );
        group.bench_function(format!("branch and bound over {count}"), |bencher| {
            bencher.iter(|| search.search(&layers[..count], &workload.minimal, &target));
        });
    }
    group.finish();
}

/// The cheapest candidate, by the definition.
fn by_definition(
    catalogue: &Catalogue,
    costs: &PackagePrices,
    prices: &vclust_core::Prices,
    wanted: &PackageSet,
) -> f64 {
    let mut best = f64::INFINITY;
    for (_, image) in catalogue.iter() {
        let cost = costs.sum_of_difference(wanted, &image.packages);
        for strategy in &prices.strategies {
            let run = strategy.run_seconds(
                cost.packages,
                cost.unpack_seconds,
                cost.configure_seconds,
                cost.activates_ldconfig,
            );
            let seconds = strategy.fixed_seconds() + strategy.bytes_seconds(image.bytes) + run;
            best = best.min(seconds);
        }
    }
    best
}

fn main() {
    let mut criterion = Criterion::default().configure_from_args();
    selection(&mut criterion);
    criterion.final_summary();
}
