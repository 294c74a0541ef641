//! What goes wrong with a real Xen, and what is told about it.

use std::fs;
use std::io::Read;
use std::thread;
use std::time::{Duration, Instant};

use vclust_core::{
    ByteSize, DiskAccess, DiskFormat, DomainBoot, DomainDisk, DomainState, Hypervisor,
    HypervisorProblem,
};
use vclust_xen::{GuestKind, XenOptions};

use crate::site::{PATIENCE, Site, causes};

use DomainState::{Crashed, Off, Running};

#[test]
#[ignore = "takes the control domain of a Xen host; `make test-xen` starts one"]
fn what_cannot_be_made_is_told_and_nothing_is_left_of_it() {
    let site = Site::new(GuestKind::Pv);
    let xen = site.xen();
    let left = || xen.tools().list().unwrap().len();

    let mut large = Site::configuration("large", "");
    large.memory = ByteSize::new(100 << 30);
    xen.define(&large).unwrap();
    let error = xen.start(&large.name).unwrap_err();
    assert!(matches!(error.problem, HypervisorProblem::Memory { .. }), "{}", causes(&error));

    let mut unbootable = Site::configuration("unbootable", "");
    let text = site.path("text");
    fs::write(&text, "no kernel").unwrap();
    unbootable.boot =
        DomainBoot::Kernel { image: text, initramfs: None, command_line: String::new() };
    xen.define(&unbootable).unwrap();
    let error = causes(&xen.start(&unbootable.name).unwrap_err());
    assert!(error.contains("Xen does not take its kernel"), "{error}");

    let mut diskless = Site::configuration("diskless", "");
    diskless.disks = vec![DomainDisk {
        serial: "base".to_owned(),
        path: site.path("nowhere"),
        format: DiskFormat::Raw,
        access: DiskAccess::ReadOnly,
    }];
    xen.define(&diskless).unwrap();
    let error = causes(&xen.start(&diskless.name).unwrap_err());
    assert!(error.contains("its disks cannot be attached"), "{error}");
    assert_eq!(left(), 1);

    // a name that a domain of another directory has
    let name = site.define("n1", "");
    xen.start(&name).unwrap();
    let other = Site::new(GuestKind::Pv);
    let same = other.define("n1", "");
    let error = causes(&other.xen().start(&same).unwrap_err());
    assert!(error.contains("Xen has another domain of that name"), "{error}");
    assert_eq!((xen.state(&name).unwrap(), other.xen().state(&same).unwrap()), (Running, Off));
    xen.kill(&name).unwrap();
    assert_eq!(left(), 1);
}

#[test]
#[ignore = "takes the control domain of a Xen host; `make test-xen` starts one"]
fn guests_that_crash_end_or_ignore_their_shutdown_are_told_apart() {
    let site = Site::new(GuestKind::Pv);
    let xen = site.xen();
    let crashing = site.define("crashing", "test=crash");
    xen.start(&crashing).unwrap();
    assert_eq!(xen.wait(&crashing, &[Crashed, Off], PATIENCE).unwrap(), Crashed);
    assert!(xen.resume(&crashing).is_err(), "`xl unpause` answers 0 to that");
    let ending = site.define("ending", "test=off");
    xen.start(&ending).unwrap();
    assert_eq!(xen.wait(&ending, &[Crashed, Off], PATIENCE).unwrap(), Off);
    xen.start(&crashing).unwrap();
    // what reads its line sees the end, though Xen keeps the domain
    if let Ok(mut line) = xen.channel(&crashing) {
        assert_eq!(line.reader.read(&mut [0; 8]).unwrap(), 0);
    }
    xen.kill(&crashing).unwrap();
    assert_eq!(xen.state(&crashing).unwrap(), Off);

    // the kernel of a guest without a program to end it ends it all the same, so this one has one that
    // does nothing
    let deaf = site.define("deaf", "test=deaf");
    xen.start(&deaf).unwrap();
    site.says(&deaf, "GUEST-READY");
    let start = Instant::now();
    xen.stop(&deaf, Duration::from_secs(4)).unwrap();
    assert!(start.elapsed() >= Duration::from_secs(4));
    assert_eq!(xen.state(&deaf).unwrap(), Off);
    assert_eq!(xen.tools().list().unwrap().len(), 1);
}

#[test]
#[ignore = "takes the control domain of a Xen host; `make test-xen` starts one"]
fn sixteen_creations_at_once_are_queued_and_those_that_fail_disturb_none() {
    let site = Site::with(XenOptions { kind: Some(GuestKind::Pv), at_once: 4, ..Site::options() });
    let xen = site.xen();
    let free = xen.host().unwrap().free_mib;
    let names: Vec<_> = (1..=16)
        .map(|number| {
            let mut configuration = Site::idle(&format!("q{number}"));
            if number % 5 == 0 {
                let nowhere = site.path("nowhere");
                configuration.boot = DomainBoot::Kernel {
                    image: nowhere,
                    initramfs: None,
                    command_line: String::new(),
                };
            }
            xen.define(&configuration).unwrap();
            configuration.name
        })
        .collect();
    let start = Instant::now();
    let outcomes: Vec<_> = thread::scope(|scope| {
        let threads: Vec<_> = names.iter().map(|name| scope.spawn(|| xen.start(name))).collect();
        threads.into_iter().map(|thread| thread.join().unwrap()).collect()
    });
    println!("16 creations, 4 at a time: {:.1} s", start.elapsed().as_secs_f64());
    for ((name, outcome), number) in names.iter().zip(outcomes).zip(1..) {
        if number % 5 == 0 {
            let error = causes(&outcome.unwrap_err());
            assert!(error.contains("Xen does not take its kernel"), "{error}");
            assert_eq!(xen.state(name).unwrap(), Off);
        } else {
            outcome.unwrap();
            assert_eq!(xen.state(name).unwrap(), Running);
        }
    }
    for name in &names {
        xen.kill(name).unwrap();
    }
    assert_eq!(xen.tools().list().unwrap().len(), 1);
    assert!(xen.host().unwrap().free_mib + 8 >= free, "memory comes back");
}
