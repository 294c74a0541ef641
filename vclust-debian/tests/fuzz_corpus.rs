//! The inputs that fuzzing kept, run through what the fuzz target does with them.

use std::path::Path;

#[path = "../../fuzz/bodies/debian.rs"]
mod bodies;

#[test]
fn apt_configuration_that_fuzzing_kept_holds_every_promise() {
    each_input("sources", bodies::sources);
}

#[test]
fn packages_that_fuzzing_kept_hold_every_promise() {
    each_input("deb", bodies::deb);
}

fn each_input(corpus: &str, body: fn(&[u8])) {
    let directory = Path::new(env!("CARGO_MANIFEST_DIR")).join("../fuzz/corpus").join(corpus);
    let mut inputs = 0;
    for entry in directory.read_dir().expect("a corpus") {
        let path = entry.expect("an entry of the corpus").path();
        println!("{}", path.display());
        body(&std::fs::read(path).expect("an input"));
        inputs += 1;
    }
    assert!(inputs > 0, "the corpus is empty");
}
