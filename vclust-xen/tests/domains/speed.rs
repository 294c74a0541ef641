//! What the crate costs over the programs that it calls. The figures are printed; that they are not out of
//! all proportion is checked.

use std::process::Command;
use std::thread;
use std::time::{Duration, Instant};

use vclust_core::Hypervisor;
use vclust_xen::{GuestKind, XenOptions};

use crate::site::Site;

/// Pairs of calls that are compared.
const PAIRS: usize = 20;

#[test]
#[ignore = "takes the control domain of a Xen host; `make test-xen` starts one"]
fn a_call_costs_little_more_than_the_program_it_runs() {
    let site = Site::new(GuestKind::Pv);
    let tools = site.xen().tools();
    let mut differences = Vec::new();
    let mut plain = Vec::new();
    for _ in 0..PAIRS {
        let start = Instant::now();
        let output = Command::new("xl").args(["list", "-v"]).output().unwrap();
        let own = start.elapsed();
        assert!(output.status.success());
        let start = Instant::now();
        tools.list().unwrap();
        differences.push(start.elapsed().as_secs_f64() - own.as_secs_f64());
        plain.push(own.as_secs_f64());
    }
    let median = |values: &mut Vec<f64>| {
        values.sort_by(f64::total_cmp);
        values[values.len() / 2] * 1000.0
    };
    let (plain, difference) = (median(&mut plain), median(&mut differences));
    println!(
        "a call of xl: {plain:.1} ms; through vclust {difference:+.1} ms (median of {PAIRS} pairs)"
    );
    // in software emulation everything takes many times as long as on a machine
    assert!(difference < plain / 2.0, "{difference} ms over {plain} ms");
}

#[test]
#[ignore = "takes the control domain of a Xen host; `make test-xen` starts one"]
fn four_creations_are_not_slower_than_a_loop_of_a_shell() {
    let site = Site::with(XenOptions { kind: Some(GuestKind::Pv), at_once: 4, ..Site::options() });
    let xen = site.xen();
    let define = |number| {
        let configuration = Site::idle(&format!("s{number}"));
        xen.define(&configuration).unwrap();
        configuration.name
    };
    let names: Vec<_> = (1..=4).map(define).collect();
    let paths: Vec<_> =
        names.iter().map(|name| site.path(&format!("domains/{name}.cfg"))).collect();
    let gone = || {
        for name in &names {
            xen.kill(name).unwrap();
        }
    };
    let mut ours = Duration::MAX;
    let mut theirs = Duration::MAX;
    for _ in 0..2 {
        let start = Instant::now();
        thread::scope(|scope| {
            for name in &names {
                scope.spawn(|| xen.start(name).unwrap());
            }
        });
        ours = ours.min(start.elapsed());
        gone();
        let start = Instant::now();
        for path in &paths {
            let output = Command::new("xl").arg("create").arg(path).output().unwrap();
            assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        }
        theirs = theirs.min(start.elapsed());
        gone();
    }
    println!(
        "4 creations: {:.1} s through vclust at once, {:.1} s by `xl create` one after the other",
        ours.as_secs_f64(),
        theirs.as_secs_f64()
    );
    assert!(ours.as_secs_f64() < theirs.as_secs_f64() * 1.1, "{ours:?} and {theirs:?}");
}
