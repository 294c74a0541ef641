//! The simulation of a site, up to 10,000 nodes.

#![allow(missing_docs, reason = "criterion's macros make public functions")]

use criterion::{Criterion, criterion_group, criterion_main};
use vclust_core::{Observation, SiteDescription, SiteTask, Software, Strategy, TransferMethod};

fn sites(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("site");
    group.sample_size(10);
    for nodes in [16, 1_000, 10_000] {
        for strategy in Strategy::ALL {
            for transfer in TransferMethod::ALL {
                let site = SiteDescription::paper();
                let software = Software::paper();
                let task = SiteTask { strategy, transfer, nodes, software, seed: 1 };
                group.bench_function(format!("{nodes} nodes, {strategy}, {transfer}"), |bencher| {
                    bencher.iter(|| site.simulate(&task).expect("a possible task"));
                });
            }
        }
    }
    // All nodes on one host: the most that ever share one resource.
    let mut crowded = SiteDescription::laboratory();
    crowded.node.jitter = 0.1;
    let task = SiteTask {
        strategy: Strategy::Install,
        transfer: TransferMethod::SharedServer,
        nodes: 10_000,
        software: Software::paper(),
        seed: 1,
    };
    group.bench_function("10000 nodes on one host, install", |bencher| {
        bencher.iter(|| crowded.simulate(&task).expect("a possible task"));
    });
    let observations = Observation::paper();
    group.bench_function("calibration to the paper's tables", |bencher| {
        let hardware = SiteDescription::paper_hardware();
        bencher.iter(|| hardware.calibrate(&observations).expect("the paper's tables"));
    });
    group.finish();
}

criterion_group!(benches, sites);
criterion_main!(benches);
