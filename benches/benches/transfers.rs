//! Estimates of transfers and phases: learning from one more build, and one estimate.

#![allow(missing_docs, reason = "criterion's macros make public functions")]

use criterion::{BatchSize, Criterion, criterion_group, criterion_main};
use vclust_core::{
    BlendedTransfer, Estimator, Phase, PhaseEstimator, PhaseEvent, PhaseTask, TransferEvent,
    TransferTask,
};

/// As many different situations as a fit looks at.
const SITUATIONS: u32 = 64;

fn transfer(number: u32) -> TransferEvent {
    let nodes = 1 + number % 16;
    let bytes = 40_000_000 + 1_000_000 * u64::from(number);
    TransferEvent {
        at: "2026-01-01T00:00:00Z".parse().expect("a moment"),
        site: "site".to_owned(),
        image: format!("image {number}"),
        bytes,
        nodes,
        method: "nfs".to_owned(),
        seconds: 0.3 + 0.02 * f64::from(nodes) + 0.15e-6 * bytes as f64,
    }
}

fn phase(number: u32) -> PhaseEvent {
    PhaseEvent {
        at: "2026-01-01T00:00:00Z".parse().expect("a moment"),
        site: "site".to_owned(),
        cluster: "cluster".to_owned(),
        strategy: "layers".to_owned(),
        phase: Phase::Boot,
        nodes: 1 + number % 16,
        seconds: 2.0 + 0.1 * f64::from(number % 16),
        hypervisor: Some("qemu".to_owned()),
        memory_bytes: Some(u64::from(1 + number / 16) << 29),
        bytes: None,
    }
}

fn estimates(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("estimates");
    let transfers: Vec<_> = (0..SITUATIONS).map(transfer).collect();
    let mut blended = BlendedTransfer::default();
    blended.learn(&transfers.iter().collect::<Vec<_>>());
    group.bench_function("a transfer is learned", |bencher| {
        let next = transfer(7);
        let learn = |mut known: BlendedTransfer| known.learn(&[&next]);
        bencher.iter_batched(|| blended.clone(), learn, BatchSize::LargeInput);
    });
    let task = TransferTask::from(&transfer(7));
    group.bench_function("a transfer is estimated", |bencher| {
        bencher.iter(|| blended.estimate(&task));
    });
    group.bench_function("a transfer is estimated without a history", |bencher| {
        let none = BlendedTransfer::default();
        bencher.iter(|| none.estimate(&task));
    });
    let phases: Vec<_> = (0..SITUATIONS).map(phase).collect();
    let mut estimator = PhaseEstimator::default();
    estimator.learn(&phases.iter().collect::<Vec<_>>());
    group.bench_function("a phase is learned", |bencher| {
        let next = phase(7);
        let learn = |mut known: PhaseEstimator| known.learn(&[&next]);
        bencher.iter_batched(|| estimator.clone(), learn, BatchSize::LargeInput);
    });
    let task = PhaseTask::from(&phase(7));
    group.bench_function("a phase is estimated", |bencher| {
        bencher.iter(|| estimator.estimate(&task));
    });
    group.finish();
}

criterion_group!(benches, estimates);
criterion_main!(benches);
