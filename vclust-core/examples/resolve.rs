//! Quick resolve.
use std::time::Instant;
use vclust_core::{FileOrigin, Index, Policy, Request};
fn main() {
    let args: Vec<String> = std::env::args().skip(1).collect();
    let mut builder = Index::builder("amd64");
    let mut recommends = false;
    let mut items = vec![];
    let mut it = args.into_iter();
    while let Some(a) = it.next() {
        match a.as_str() {
            "-p" => {
                builder
                    .packages(std::fs::read(it.next().unwrap()).unwrap(), FileOrigin::named("p"))
                    .unwrap();
            }
            "-s" => {
                builder.status(std::fs::read(it.next().unwrap()).unwrap(), FileOrigin::named("s"));
            }
            "-r" => recommends = true,
            _ => items.push(a),
        }
    }
    let index = builder.build().unwrap();
    let policy = Policy::default();
    for round in 0..3 {
        let start = Instant::now();
        match Request::new(items.clone()).install_recommends(recommends).resolve(&index, &policy) {
            Ok(c) => {
                if round == 0 {
                    for v in c.install() {
                        println!("Inst {} {}", v.name(), v.version());
                    }
                    for v in c.remove() {
                        println!("Remv {} {}", v.name(), v.version());
                    }
                }
                eprintln!("{} packages in {:?}", c.len(), start.elapsed());
            }
            Err(e) => {
                println!("{e}");
            }
        }
    }
}
