//! The end of everything: a dead xenstored. Tests run by their names, and this module's comes last, as
//! nothing works in this system afterwards.

use std::fs;
use std::time::{Duration, Instant};

use vclust_core::Hypervisor;
use vclust_process::ProcessId;
use vclust_xen::{GuestKind, XenOptions};

use crate::site::{PATIENCE, Site, causes, run};

#[test]
#[ignore = "takes the control domain of a Xen host; `make test-xen` starts one"]
fn a_dead_store_is_told_within_the_deadline() {
    let answer = Duration::from_secs(10);
    let options = XenOptions { kind: Some(GuestKind::Pv), answer, ..Site::options() };
    let site = Site::with(options);
    let xen = site.xen();
    let name = site.define("n1", "");
    let number = fs::read_to_string("/run/xen/xenstored.pid").expect("xenstored has a number");
    let store = ProcessId::of(number.trim().parse().unwrap()).expect("xenstored runs");
    store.kill();
    assert!(store.ends_within(PATIENCE));
    for outcome in [xen.state(&name).map(drop), xen.start(&name), xen.kill(&name)] {
        let start = Instant::now();
        let error = causes(&outcome.unwrap_err());
        assert!(error.contains("xenstored does not answer"), "{error}");
        assert!(start.elapsed() < Duration::from_secs(40));
    }
    // what does not go through the store still works
    assert!(run("xl", &["info"]).contains("xen_version"));
    assert!(xen.host().is_ok());
}
