//! Domains under a real QEMU, with a guest of one sector.

mod bench;
mod console;
mod guest;
mod saved;
mod site;

use std::fs;
use std::io::{Read, Write};
use std::os::unix::fs::PermissionsExt;
use std::path::PathBuf;
use std::thread;
use std::time::{Duration, Instant};

use site::{PATIENCE, Site, cause};
use vclust_core::{
    ByteSize, DiskAccess, DomainLimits, DomainState, Hypervisor, HypervisorProblem, OnReboot,
};
use vclust_process::ProcessId;
use vclust_qemu::QemuOptions;

use DomainState::{Crashed, Off, Paused, Running};

#[test]
fn a_domain_lives_from_its_definition_to_its_removal() {
    let site = Site::new();
    let qemu = site.qemu();
    let name = site.define("n1");
    assert_eq!(qemu.state(&name).unwrap(), Off);
    qemu.start(&name).unwrap();
    site.says(&name, "B");
    // another process, which opens the same directory, finds it
    let other = site.qemu();
    let list = other.list().unwrap();
    assert_eq!((list.len(), list[0].state), (1, Running));
    assert!(ProcessId::of(list[0].process.unwrap()).is_some());
    assert_eq!(other.console_log(&name, 1).unwrap(), b"B");
    let error = qemu.start(&name).unwrap_err();
    assert!(matches!(error.problem, HypervisorProblem::State { state: Running }), "{error}");
    assert!(matches!(
        qemu.undefine(&name).unwrap_err().problem,
        HypervisorProblem::State { state: Running }
    ));

    let mut line = qemu.console(&name).unwrap();
    let error = other.console(&name).unwrap_err();
    assert!(cause(&error).contains("another program uses its console"), "{}", cause(&error));
    let mut said = [0; 1];
    for expected in [b"1", b"2"] {
        line.writer.write_all(b"i").unwrap();
        line.reader.read_exact(&mut said).unwrap();
        assert_eq!(&said, expected);
    }
    // a guest that is held is silent until it goes on
    other.pause(&name).unwrap();
    other.pause(&name).unwrap();
    assert_eq!(qemu.state(&name).unwrap(), Paused);
    line.writer.write_all(b"i").unwrap();
    thread::sleep(Duration::from_millis(300));
    assert_eq!(qemu.console_log(&name, 100).unwrap(), b"B12");
    qemu.resume(&name).unwrap();
    qemu.resume(&name).unwrap();
    line.reader.read_exact(&mut said).unwrap();
    assert_eq!((&said, qemu.state(&name).unwrap()), (b"3", Running));

    // what reads a line sees the domain's end
    let mut channel = qemu.channel(&name).unwrap();
    let reader = thread::spawn(move || channel.reader.read(&mut [0; 1]).unwrap());
    qemu.kill(&name).unwrap();
    assert_eq!(line.reader.read(&mut said).unwrap(), 0);
    assert_eq!(reader.join().unwrap(), 0);
    assert_eq!(qemu.state(&name).unwrap(), Off);
    assert!(ProcessId::of(list[0].process.unwrap()).is_none());
    qemu.kill(&name).unwrap();
    qemu.stop(&name, PATIENCE).unwrap();
    assert_eq!(qemu.pause(&name).unwrap_err().to_string(), "cannot pause the domain n1");
    qemu.undefine(&name).unwrap();
    qemu.undefine(&name).unwrap();
    assert!(qemu.list().unwrap().is_empty());
    let error = qemu.state(&name).unwrap_err();
    assert!(matches!(error.problem, HypervisorProblem::Unknown), "{error}");
    assert_eq!(site.left(), Vec::<String>::new());
}

#[test]
fn a_guest_that_switches_itself_off_is_off_and_one_whose_process_is_killed_has_crashed() {
    let site = Site::new();
    let qemu = site.qemu();
    let name = site.define("n1");
    qemu.start(&name).unwrap();
    site.says(&name, "B");
    site.tell(&name, b"o");
    assert_eq!(qemu.wait(&name, &[Off, Crashed], PATIENCE).unwrap(), Off);

    qemu.start(&name).unwrap();
    let process = site.process(&name);
    process.kill();
    assert!(process.ends_within(PATIENCE));
    assert_eq!(site.qemu().state(&name).unwrap(), Crashed);
    assert!(qemu.pause(&name).is_err() && qemu.console(&name).is_err());
    // it can be started again, and its console begins anew
    qemu.start(&name).unwrap();
    site.says(&name, "B");
    qemu.stop(&name, PATIENCE).unwrap();
    assert_eq!(qemu.state(&name).unwrap(), Off);
}

#[test]
fn stopping_presses_the_power_button_and_kills_at_the_deadline() {
    let site = Site::new();
    let qemu = site.qemu();
    let name = site.define("n1");
    qemu.start(&name).unwrap();
    site.says(&name, "B");
    // held, too, it hears the button
    qemu.pause(&name).unwrap();
    let start = Instant::now();
    qemu.stop(&name, PATIENCE).unwrap();
    assert!(start.elapsed() < PATIENCE / 2, "the guest switched itself off");
    assert_eq!(qemu.state(&name).unwrap(), Off);
    // its firmware alone does not
    qemu.start(&name).unwrap();
    qemu.stop(&name, Duration::ZERO).unwrap();
    assert_eq!(qemu.state(&name).unwrap(), Off);
}

#[test]
fn a_guest_that_restarts_is_off_or_starts_again_as_it_was_defined() {
    let site = Site::new();
    let qemu = site.qemu();
    let off = site.define("off");
    let mut configuration = site.configuration("again");
    configuration.on_reboot = OnReboot::Restart;
    qemu.define(&configuration).unwrap();
    for name in [&off, &configuration.name] {
        qemu.start(name).unwrap();
        site.says(name, "B");
        site.tell(name, b"r");
    }
    assert_eq!(qemu.wait(&off, &[Off, Crashed], PATIENCE).unwrap(), Off);
    site.says(&configuration.name, "BB");
    assert_eq!(qemu.state(&configuration.name).unwrap(), Running);
}

#[test]
fn definitions_are_kept_and_names_are_used_once() {
    let site = Site::new();
    let qemu = site.qemu();
    let mut configuration = site.configuration("n1");
    qemu.define(&configuration).unwrap();
    qemu.define(&configuration).unwrap();
    configuration.processors = 2;
    let error = qemu.define(&configuration).unwrap_err();
    assert!(matches!(error.problem, HypervisorProblem::InUse), "{error}");
    configuration.name = "n2".parse().unwrap();
    configuration.disks[1].serial = "boot".to_owned();
    let error = qemu.define(&configuration).unwrap_err();
    assert!(cause(&error).contains("two disks have the serial number boot"), "{}", cause(&error));
    assert_eq!(site.left(), ["n1"]);
    let mode = fs::metadata(site.path("domains/n1")).unwrap().permissions().mode();
    assert_eq!(mode & 0o777, 0o700);
}

#[test]
fn what_keeps_qemu_from_starting_is_in_the_error() {
    let site = Site::new();
    let qemu = site.qemu();
    let mut configuration = site.configuration("n1");
    configuration.disks[1].path = site.path("no,such=disk");
    qemu.define(&configuration).unwrap();
    let text = cause(&qemu.start(&configuration.name).unwrap_err());
    assert!(text.contains("no,such=disk") && text.contains("No such file"), "{text}");
    assert_eq!(qemu.state(&configuration.name).unwrap(), Off);

    let mut configuration = site.configuration("n2");
    configuration.memory = ByteSize::new(1 << 50);
    qemu.define(&configuration).unwrap();
    let error = qemu.start(&configuration.name).unwrap_err();
    assert!(matches!(error.problem, HypervisorProblem::Memory { .. }), "{}", cause(&error));

    let options = QemuOptions { program: "no-such-qemu".into(), ..Site::options() };
    let name = site.define("n3");
    let error = site.qemu_with(options).start(&name).unwrap_err();
    assert!(matches!(error.problem, HypervisorProblem::Missing { .. }), "{}", cause(&error));
    assert!(cause(&error).contains("apt-get install qemu-system-x86"));
}

#[test]
fn unfinished_definitions_of_killed_programs_are_swept_away() {
    let site = Site::new();
    site.qemu();
    let (old, new) = (site.path("domains/.n1.4000000000.0"), site.path("domains/.n2.4000000000.0"));
    let own = site.path(&format!("domains/.n3.{}.0", std::process::id()));
    for path in [&old, &new, &own] {
        fs::create_dir(path).unwrap();
        fs::write(path.join("domain.json"), "").unwrap();
    }
    let then = std::time::SystemTime::now() - Duration::from_secs(90);
    for path in [&old, &own] {
        fs::File::open(path).unwrap().set_modified(then).unwrap();
    }
    assert!(site.qemu().list().unwrap().is_empty());
    assert!(!old.exists() && new.exists() && own.exists());
}

#[test]
fn two_writers_of_one_disk_are_refused() {
    let site = Site::new();
    let qemu = site.qemu();
    for name in ["n1", "n2"] {
        let mut configuration = site.configuration(name);
        configuration.disks[1].access = DiskAccess::ReadWrite;
        qemu.define(&configuration).unwrap();
    }
    qemu.start(&"n1".parse().unwrap()).unwrap();
    let text = cause(&qemu.start(&"n2".parse().unwrap()).unwrap_err());
    assert!(text.contains("lock"), "{text}");
}

#[test]
fn limits_are_kept_or_refused() {
    let site = Site::new();
    let qemu = site.qemu();
    let mut configuration = site.configuration("n1");
    configuration.limits = DomainLimits { processors: Some(0.5), memory: None };
    qemu.define(&configuration).unwrap();
    match qemu.start(&configuration.name) {
        Ok(()) => {
            let groups = format!("/proc/{}/cgroup", site.process(&configuration.name).number);
            let groups = fs::read_to_string(groups).unwrap();
            assert!(groups.contains("/vclust-"), "{groups}");
        }
        Err(error) => {
            let text = cause(&error);
            assert!(text.contains("its limits cannot be kept"), "{text}");
        }
    }
    qemu.kill(&configuration.name).unwrap();
}

#[test]
fn a_directory_with_a_long_path_is_as_good_as_any() {
    let site = Site::below(&format!("{}/{}", "long".repeat(30), "path".repeat(30)));
    let qemu = site.qemu();
    let name = site.define("n1");
    assert!(site.path("domains/n1/console.sock").as_os_str().len() > 250);
    qemu.start(&name).unwrap();
    site.says(&name, "B");
    site.tell(&name, b"i");
    site.says(&name, "B1");
    drop(qemu.channel(&name).unwrap());
    for socket in ["qmp.sock", "console.sock", "channel.sock", "console.log", "qemu.log"] {
        let path = site.path("domains/n1").join(socket);
        let mode = fs::metadata(path).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o600, "{socket}");
    }
}

#[test]
fn a_hung_qemu_is_late_and_can_be_killed() {
    let site = Site::new();
    let options = QemuOptions { answer: Duration::from_millis(300), ..Site::options() };
    let qemu = site.qemu_with(options);
    let name = site.define("n1");
    qemu.start(&name).unwrap();
    let number = i32::try_from(site.process(&name).number).unwrap();
    let pid = rustix::process::Pid::from_raw(number).unwrap();
    rustix::process::kill_process(pid, rustix::process::Signal::STOP).unwrap();
    let start = Instant::now();
    let error = qemu.state(&name).unwrap_err();
    assert!(matches!(error.problem, HypervisorProblem::Late { .. }), "{}", cause(&error));
    assert!(qemu.pause(&name).is_err());
    assert_eq!(qemu.list().unwrap()[0].state, Running);
    assert!(start.elapsed() < PATIENCE / 4);
    qemu.stop(&name, Duration::from_millis(100)).unwrap();
    assert_eq!(qemu.state(&name).unwrap(), Off);
}

#[test]
fn what_a_killed_starter_left_is_found_by_its_mark() {
    let site = Site::new();
    let qemu = site.qemu();
    let name = site.define("n1");
    qemu.start(&name).unwrap();
    let process = site.process(&name);
    // as if the starter had been killed before it could write down the process
    let path: PathBuf = site.path("domains/n1/run.json");
    let text = fs::read_to_string(&path).unwrap();
    let mut run: serde_json::Value = serde_json::from_str(&text).unwrap();
    run["process"] = serde_json::Value::Null;
    fs::write(&path, run.to_string()).unwrap();
    assert_eq!(qemu.state(&name).unwrap(), Running);
    qemu.kill(&name).unwrap();
    assert!(!process.is_alive());
    assert_eq!(qemu.state(&name).unwrap(), Off);
}

#[test]
fn callers_that_meet_at_one_domain_wait_for_each_other() {
    let site = Site::new();
    let name = site.define("n1");
    let results: Vec<_> = thread::scope(|scope| {
        let start = || site.qemu().start(&name).is_ok();
        let threads: Vec<_> = (0..4).map(|_| scope.spawn(start)).collect();
        threads.into_iter().map(|thread| thread.join().unwrap()).collect()
    });
    assert_eq!(results.iter().filter(|started| **started).count(), 1);
    assert_eq!(site.qemu().state(&name).unwrap(), Running);
    thread::scope(|scope| {
        for _ in 0..4 {
            scope.spawn(|| site.qemu().kill(&name).unwrap());
        }
    });
    assert_eq!(site.qemu().state(&name).unwrap(), Off);
}
