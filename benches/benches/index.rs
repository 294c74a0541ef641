//! Reading a whole index, against `deb822-fast`; comparing versions, against `debversion`.
//!
//! The file is in memory and nothing runs beside: what is measured is parsing, on one thread.

#![allow(missing_docs, reason = "criterion's macros make public functions")]

use std::hint::black_box;
use std::str::FromStr;

use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use debversion::Version;
use vclust_benches::Lists;
use vclust_core::compare_versions;

fn load(criterion: &mut Criterion) {
    let lists = Lists::of_machine().largest();
    let bytes = lists.first();
    let text = String::from_utf8_lossy(bytes).into_owned();
    let mut group = criterion.benchmark_group("index");
    group.sample_size(20).throughput(Throughput::Bytes(bytes.len() as u64));
    group.bench_function("vclust: load", |bencher| {
        bencher.iter_with_large_drop(|| lists.load());
    });
    group.bench_function("vclust: load and read all relations", |bencher| {
        bencher.iter_with_large_drop(|| {
            let index = lists.load();
            index.prepare();
            index
        });
    });
    group.bench_function("deb822-fast: borrow all fields, one paragraph at a time", |bencher| {
        bencher.iter(|| {
            let mut fields = 0;
            for paragraph in deb822_fast::borrowed::iter_paragraphs_borrowed(&text) {
                fields += paragraph.expect("the list is well-formed").iter().count();
            }
            fields
        });
    });
    group.bench_function("deb822-fast: borrow all fields, all paragraphs", |bencher| {
        bencher.iter_with_large_drop(|| deb822_fast::borrowed::parse_borrowed(&text).unwrap());
    });
    group.bench_function("deb822-fast: own all fields", |bencher| {
        bencher.iter_with_large_drop(|| deb822_fast::Deb822::from_str(&text).unwrap());
    });
    group.finish();
}

/// Each version of the suite against that of the package after it, and against itself.
fn versions(criterion: &mut Criterion) {
    let index = Lists::of_machine().load();
    let versions: Vec<String> = index
        .packages()
        .flat_map(|package| package.versions())
        .map(|version| version.version().into_owned())
        .collect();
    let pairs: Vec<(&str, &str)> = versions
        .iter()
        .zip(versions.iter().skip(1))
        .flat_map(|(left, right)| [(left.as_str(), right.as_str()), (left, left)])
        .collect();
    let mut group = criterion.benchmark_group("versions");
    group.sample_size(20).throughput(Throughput::Elements(pairs.len() as u64));
    group.bench_function("vclust: compare texts", |bencher| {
        bencher.iter(|| {
            for (left, right) in &pairs {
                black_box(compare_versions(left.as_bytes(), right.as_bytes()));
            }
        });
    });
    group.bench_function("debversion: parse and compare", |bencher| {
        bencher.iter(|| {
            for (left, right) in &pairs {
                let parse = |text: &str| Version::from_str(text).expect("a version");
                black_box(parse(left).cmp(&parse(right)));
            }
        });
    });
    let parsed: Vec<(Version, Version)> = pairs
        .iter()
        .map(|(left, right)| (left.parse().expect("a version"), right.parse().expect("a version")))
        .collect();
    group.bench_function("debversion: compare parsed ones", |bencher| {
        bencher.iter(|| {
            for (left, right) in &parsed {
                black_box(left.cmp(right));
            }
        });
    });
    group.finish();
}

criterion_group!(benches, load, versions);
criterion_main!(benches);
