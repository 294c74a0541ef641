//! Loads an index and says how long it took.
use std::time::Instant;
use vclust_core::{FileOrigin, Index};
fn main() {
    let file = std::env::args().nth(1).unwrap();
    let bytes = bytes::Bytes::from(std::fs::read(&file).unwrap());
    for _ in 0..5 {
        let start = Instant::now();
        let mut builder = Index::builder("amd64");
        builder.packages(bytes.clone(), FileOrigin::named("p")).unwrap();
        let index = builder.build().unwrap();
        println!("{:?} {} {}", start.elapsed(), index.package_count(), index.version_count());
        let start = Instant::now();
        index.prepare();
        println!("prepare {:?}", start.elapsed());
    }
}
