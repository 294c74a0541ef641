//! Domains under a real Xen: `make test-xen` runs these in the control domain of one that it starts.
//!
//! They take root and a Xen host, and say so where there is none; plain test runs leave them out.

mod agent;
mod devices;
mod failures;
mod site;
mod speed;
mod zz_store;

use std::fs;
use std::io::{Read, Write};
use std::thread;
use std::time::Duration;

use site::{MEMORY, PATIENCE, Site, causes, run};
use vclust_core::{ByteSize, DomainState, Hypervisor, HypervisorProblem};
use vclust_xen::recorded::{configured, listed, store_entries};
use vclust_xen::{GuestKind, XenOptions};

use DomainState::{Off, Paused, Running};

#[test]
#[ignore = "takes the control domain of a Xen host; `make test-xen` starts one"]
fn a_pv_guest_lives_from_its_definition_to_its_removal() {
    lives(GuestKind::Pv);
}

#[test]
#[ignore = "takes the control domain of a Xen host; `make test-xen` starts one"]
fn a_pvh_guest_lives_from_its_definition_to_its_removal() {
    lives(GuestKind::Pvh);
}

fn lives(kind: GuestKind) {
    let site = Site::new(kind);
    let xen = site.xen();
    let name = site.define("n1", "");
    assert_eq!(xen.state(&name).unwrap(), Off);
    xen.start(&name).unwrap();
    assert_eq!(xen.state(&name).unwrap(), Running);
    let error = xen.start(&name).unwrap_err();
    assert!(matches!(error.problem, HypervisorProblem::State { state: Running }), "{error}");

    // the agent's lines alone come through the channel, in both directions
    let mut line = xen.channel(&name).unwrap();
    let error = causes(&site.other(XenOptions::default()).console(&name).unwrap_err());
    assert!(error.contains("another program uses its console"), "{error}");
    let mut said = vec![0; b"{\"report\":\"ready\"}\n".len()];
    line.reader.read_exact(&mut said).unwrap();
    assert_eq!(String::from_utf8_lossy(&said).trim_end(), "{\"report\":\"ready\"}");
    // more than a terminal takes as one line, if it is one for people
    let long = "x".repeat(9000);
    line.writer.write_all(format!("{long}\n").as_bytes()).unwrap();
    let mut said = vec![0; long.len() + "{\"heard\":\"\"}\n".len()];
    line.reader.read_exact(&mut said).unwrap();
    assert_eq!(String::from_utf8_lossy(&said).trim_end(), format!("{{\"heard\":\"{long}\"}}"));
    site.says(&name, "GUEST-READY");

    xen.pause(&name).unwrap();
    xen.pause(&name).unwrap();
    assert_eq!(xen.state(&name).unwrap(), Paused);
    // held once more by somebody else: Xen counts
    let id = run("xl", &["domid", "n1"]);
    run("xl", &["pause", id.trim()]);
    xen.resume(&name).unwrap();
    assert_eq!(xen.state(&name).unwrap(), Running);

    xen.wait_for_store(&name, "control/feature-poweroff", |value| value == "1", PATIENCE).unwrap();
    let before = xen.tools().list().unwrap();
    xen.reboot(&name, PATIENCE).unwrap();
    let after = xen.tools().list().unwrap();
    let id = |domains: &[vclust_xen::recorded::Listed]| {
        domains.iter().find(|domain| domain.name == "n1").map(|domain| domain.id)
    };
    assert_ne!(id(&before), id(&after), "a restart changes the number");
    // what reads a line sees the domain's end
    assert_eq!(line.reader.read(&mut [0; 16]).unwrap(), 0);
    drop(line);
    let mut line = xen.channel(&name).unwrap();
    let mut said = [0; 10];
    line.reader.read_exact(&mut said).unwrap();
    assert_eq!(&said, b"{\"report\":");
    drop(line);

    let saved = site.path("saved");
    fs::create_dir(&saved).unwrap();
    xen.wait_for_store(&name, "control/feature-suspend", |value| value == "1", PATIENCE).unwrap();
    xen.save(&name, &saved).unwrap();
    assert_eq!(xen.state(&name).unwrap(), Off);
    let copy = site.define("n2", "");
    for name in [&name, &copy] {
        xen.restore(name, &saved).unwrap();
        assert_eq!(xen.state(name).unwrap(), Running);
        let mut line = xen.channel(name).unwrap();
        line.writer.write_all(b"awake\n").unwrap();
        let mut said = [0; 17];
        line.reader.read_exact(&mut said).unwrap();
        assert_eq!(String::from_utf8_lossy(&said), "{\"heard\":\"awake\"}");
    }

    record_is_read();
    xen.stop(&name, PATIENCE).unwrap();
    assert_eq!(xen.state(&name).unwrap(), Off);
    site.says(&name, "GUEST-ENDS");
    xen.kill(&copy).unwrap();
    for name in [&name, &copy] {
        xen.stop(name, PATIENCE).unwrap();
        xen.kill(name).unwrap();
        xen.undefine(name).unwrap();
    }
    assert_eq!(xen.tools().list().unwrap().len(), 1, "the control domain alone is left");
}

/// What this Xen prints is what the recorded one did.
fn record_is_read() {
    assert!(listed(&run("xl", &["list"])).unwrap().len() > 1);
    assert!(configured(&run("xl", &["list", "-l"])).unwrap().len() > 1);
    let entries = store_entries(&run("xenstore-ls", &["-f"])).unwrap();
    assert!(entries.iter().any(|entry| entry.path.ends_with("/console/tty")));
}

#[test]
#[ignore = "takes the control domain of a Xen host; `make test-xen` starts one"]
fn what_is_written_for_xl_is_read_by_it_as_it_was_meant() {
    let site = Site::new(GuestKind::Pv);
    let odd = "a='b' \"c\" d\\e \\n #f [g] {h} ä € %s $PATH";
    let mut configuration = Site::configuration("n1", odd);
    configuration.memory = ByteSize::new(MEMORY << 20);
    let uuid = vclust_xen::recorded::Uuid::of_random([3; 16]);
    let own = vclust_xen::XlConfiguration::of(&configuration, uuid, GuestKind::Pv, None).unwrap();
    let path = site.path("n1.cfg");
    fs::write(&path, own.to_string()).unwrap();
    let understood = site.xen().tools().understood(&path).unwrap();
    assert_eq!(understood["b_info"]["cmdline"], own.command_line.as_str());
    assert_eq!(understood["c_info"]["uuid"], uuid.to_string());
    assert_eq!(understood["on_crash"], "preserve");
    assert_eq!(understood["b_info"]["max_memkb"], MEMORY << 10);
}

#[test]
#[ignore = "takes the control domain of a Xen host; `make test-xen` starts one"]
fn four_guests_run_at_once_and_one_gives_memory_back() {
    let site = Site::with(XenOptions { kind: Some(GuestKind::Pv), at_once: 2, ..Site::options() });
    let xen = site.xen();
    let names: Vec<_> = (1..=4).map(|number| site.define(&format!("m{number}"), "")).collect();
    thread::scope(|scope| {
        for name in &names {
            scope.spawn(|| {
                xen.start(name).unwrap();
                site.says(name, "GUEST-READY");
            });
        }
    });
    let list = xen.list().unwrap();
    assert_eq!(list.iter().filter(|domain| domain.state == Running).count(), 4);
    let free = xen.host().unwrap().free_mib;
    xen.balloon(&names[0], ByteSize::new((MEMORY - 16) << 20), PATIENCE).unwrap();
    assert!(xen.host().unwrap().free_mib >= free + 15);
    thread::scope(|scope| {
        for name in &names {
            scope.spawn(|| xen.stop(name, PATIENCE).unwrap());
        }
    });
    assert!(xen.list().unwrap().iter().all(|domain| domain.state == Off));
    thread::sleep(Duration::from_millis(10));
}
