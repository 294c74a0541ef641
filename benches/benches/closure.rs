//! Closures of requests onto a minimal root, on the machine's suite.
//!
//! `prepared`: on an index that has read all relations and answered before. `fresh`: the first
//! closure after loading, which reads the relations it meets.

#![allow(missing_docs, reason = "criterion's macros make public functions")]

use criterion::{BatchSize, Criterion, criterion_group, criterion_main};
use vclust_benches::{Lists, closure_size, request_of_size};
use vclust_core::{Policy, Request};

fn closures(criterion: &mut Criterion) {
    let lists = Lists::of_machine();
    let status = lists.minimal_status();
    let load = || lists.load_onto(Some(&status));
    let index = load();
    index.prepare();
    let policy = Policy::default();
    let mut requests: Vec<Vec<String>> =
        [1, 150, 1500].into_iter().map(|size| request_of_size(&index, size)).collect();
    requests.insert(2, vec!["octave".to_owned(), "openmpi-bin".to_owned()]);
    let mut group = criterion.benchmark_group("closure");
    group.sample_size(20);
    for names in &requests {
        for recommends in [false, true] {
            let Some(size) = closure_size(&index, names, recommends) else {
                eprintln!("bench: passed over, apt refuses it, too: {names:?}");
                continue;
            };
            let with = if recommends { "with Recommends" } else { "without Recommends" };
            let what = format!("{size} packages, {with}, {} named", names.len());
            let request = Request::new(names).install_recommends(recommends);
            group.bench_function(format!("prepared: {what}"), |bencher| {
                bencher.iter(|| request.resolve(&index, &policy).expect("it was resolved before"));
            });
            group.bench_function(format!("fresh: {what}"), |bencher| {
                bencher.iter_batched(
                    load,
                    |index| {
                        let closure = request.resolve(&index, &policy);
                        let size = closure.expect("it was resolved before").len();
                        (index, size)
                    },
                    BatchSize::PerIteration,
                );
            });
        }
    }
    group.finish();
}

criterion_group!(benches, closures);
criterion_main!(benches);
