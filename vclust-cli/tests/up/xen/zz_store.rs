//! A store that ends while a cluster starts. Tests run by their names, and this module's comes last, as
//! nothing works on the host afterwards.

use std::time::{Duration, Instant};

use super::host::{site, spec, store};
use crate::failing::kill;

#[test]
#[ignore = "takes a Xen host: `make test-xen` starts one"]
fn a_store_that_ends_ends_the_start_and_is_told() {
    let site = site();
    let spec = spec(&site, "store", "layers", "nodes = 1");
    let mut running = site.start("up", &["--format", "json", "up", spec.to_str().expect("a path")]);
    running.comes_to("store-1", "starting", 1);
    kill(store());
    let begin = Instant::now();
    let ran = running.ends();
    println!("a start without a store: {:.1} s", begin.elapsed().as_secs_f64());
    assert!(!ran.stderr.contains("retrying"), "{}", ran.stderr);
    let said = ran.failed();
    assert!(said.contains("xenstored does not answer"), "{said}");
    // what the host cannot do is not claimed to be done, and not waited for
    assert!(said.contains("not everything is cleaned up"), "{said}");
    let begin = Instant::now();
    let said = site.run(&["doctor", "--clean"]).failed();
    assert!(said.contains("xenstored does not answer"), "{said}");
    assert!(begin.elapsed() < Duration::from_secs(60), "{:?}", begin.elapsed());
}
