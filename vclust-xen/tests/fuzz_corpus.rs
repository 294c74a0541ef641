//! The inputs that fuzzing kept, run through what the fuzz target does with them.

use std::path::Path;

#[path = "../../fuzz/bodies/xen.rs"]
mod bodies;

#[test]
fn outputs_that_fuzzing_kept_hold_every_promise() {
    let directory = Path::new(env!("CARGO_MANIFEST_DIR")).join("../fuzz/corpus/xen");
    let mut inputs = 0;
    for entry in directory.read_dir().expect("a corpus") {
        let path = entry.expect("an entry of the corpus").path();
        println!("{}", path.display());
        bodies::xen(&std::fs::read(path).expect("an input"));
        inputs += 1;
    }
    assert!(inputs > 0, "the corpus is empty");
}
