//! How long it takes to learn from one more install, to refit, and to estimate, after a long
//! history: 100,000 runs of 30 packages drawn from the 63,000 of a release.

#![allow(missing_docs, reason = "criterion's macros make public functions")]

use std::hint::black_box;

use criterion::{BatchSize, Criterion, criterion_group, criterion_main};
use vclust_benches::{long_history, made_up_index};
use vclust_core::{Estimator, InstallEstimator, InstallTask, Priors, RunCost};

const PACKAGES: usize = 63_000;
const RUNS: usize = 100_000;
const RUN: usize = 30;
/// Packages of the run that is learned from and estimated.
const ASKED: usize = 300;

fn estimate(criterion: &mut Criterion) {
    let index = made_up_index(PACKAGES);
    let mut estimator = InstallEstimator::new(&index, Priors::shipped());
    for event in long_history(RUNS, RUN, PACKAGES) {
        estimator.learn(&[&event]);
    }
    let snapshot = serde_json::to_string(estimator.statistics()).expect("numbers");
    eprintln!(
        "{RUNS} runs of {RUN} packages: {} packages known, a snapshot of {:.1} MB",
        estimator.statistics().packages(),
        snapshot.len() as f64 / 1e6
    );
    let event = long_history(1, ASKED, PACKAGES).next().expect("one run");
    let task = InstallTask::from(&event);
    let mut group = criterion.benchmark_group("install estimator after 100,000 runs");
    group.sample_size(20);
    group.bench_function("learn one run of 300 packages", |bencher| {
        bencher.iter(|| estimator.learn(black_box(&[&event])));
    });
    group.bench_function("refit", |bencher| bencher.iter(|| estimator.refit()));
    group.bench_function("estimate 300 packages", |bencher| {
        bencher.iter(|| estimator.estimate(black_box(&task)));
    });
    let costs: Vec<_> = task.packages.iter().map(|it| estimator.package_cost(it)).collect();
    let scale = estimator.run_scale(1);
    group.bench_function("add up 300 costs", |bencher| {
        bencher.iter(|| {
            let run: RunCost = black_box(&costs).iter().copied().collect();
            let RunCost { packages, unpack_seconds, configure_seconds, .. } = run;
            scale.seconds(packages, unpack_seconds, configure_seconds, run.activates_ldconfig)
        });
    });
    group.bench_function("read a snapshot", |bencher| {
        bencher.iter_batched(
            || serde_json::from_str(&snapshot).expect("a snapshot"),
            |statistics| InstallEstimator::with_statistics(&index, Priors::shipped(), statistics),
            BatchSize::LargeInput,
        );
    });
    group.finish();
}

criterion_group!(benches, estimate);
criterion_main!(benches);
