//! The inputs that fuzzing kept, run through what the fuzz target does with them.

use std::path::Path;

#[path = "../../fuzz/bodies/agent.rs"]
mod bodies;

#[test]
fn reports_that_fuzzing_kept_hold_every_promise() {
    let directory = Path::new(env!("CARGO_MANIFEST_DIR")).join("../fuzz/corpus/report");
    let mut inputs = 0;
    for entry in directory.read_dir().expect("a corpus") {
        let path = entry.expect("an entry of the corpus").path();
        println!("{}", path.display());
        bodies::report(&std::fs::read(path).expect("an input"));
        inputs += 1;
    }
    assert!(inputs > 0, "the corpus is empty");
}
