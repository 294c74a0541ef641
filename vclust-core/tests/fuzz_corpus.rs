//! The inputs that fuzzing kept, run through what the fuzz targets do with them.

use std::path::Path;

#[path = "../../fuzz/bodies/core.rs"]
mod bodies;

fn each_input(target: &str, body: fn(&[u8])) {
    let directory = Path::new(env!("CARGO_MANIFEST_DIR")).join("../fuzz/corpus").join(target);
    let mut inputs = 0;
    for entry in directory.read_dir().expect("a corpus for each target") {
        let path = entry.expect("an entry of the corpus").path();
        println!("{}", path.display());
        body(&std::fs::read(path).expect("an input"));
        inputs += 1;
    }
    assert!(inputs > 0, "the corpus of {target} is empty");
}

#[test]
fn packages_files_that_fuzzing_kept_hold_every_promise() {
    each_input("packages", bodies::packages);
}

#[test]
fn status_files_that_fuzzing_kept_hold_every_promise() {
    each_input("status", bodies::status);
}

#[test]
fn relations_that_fuzzing_kept_hold_every_promise() {
    each_input("relation", bodies::relation);
}

#[test]
fn versions_that_fuzzing_kept_hold_every_promise() {
    each_input("version", bodies::version);
}

#[test]
fn release_files_that_fuzzing_kept_hold_every_promise() {
    each_input("release", bodies::release);
}

#[test]
fn source_indexes_that_fuzzing_kept_hold_every_promise() {
    each_input("source_packages", bodies::source_packages);
}
