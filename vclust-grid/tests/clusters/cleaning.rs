//! What killed commands left is cleaned up, and nothing else.
//!
//! The last test starts itself again as the command that is killed, told apart by a variable.

use std::fs;
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use rustix::mount::{MountFlags, mount};
use vclust_grid::{Cleaned, ClusterError, ClusterState};
use vclust_process::marked;

use crate::made::{Site, name, new, open, start};

/// The state directory that the command of a test is to use; the parent has none.
const STATE: &str = "VCLUST_TEST_STATE";

#[test]
fn an_abandoned_cluster_goes_with_its_processes_and_others_stay() {
    let site = Site::new();
    let mut ready = site.store.create(new("ready")).unwrap();
    ready.update(|record| record.state = ClusterState::Ready).unwrap();
    let running = start(ready.record(), &ready.directory());
    drop(ready);
    let mut failed = site.store.create(new("failed")).unwrap();
    failed.update(|record| record.state = ClusterState::Failed).unwrap();
    drop(failed);
    let held = site.store.create(new("held")).unwrap();
    let mut gone = Vec::new();
    for (name, state) in [("one", ClusterState::Starting), ("two", ClusterState::Stopping)] {
        let mut abandoned = site.store.create(new(name)).unwrap();
        abandoned.update(|record| record.state = state).unwrap();
        gone.push(start(abandoned.record(), &abandoned.directory()));
    }
    let cleaned = site.store.clean_abandoned().unwrap();
    let clusters = vec![name("one"), name("two")];
    let mut expected = Cleaned::default();
    (expected.clusters, expected.processes) = (clusters, 2);
    assert_eq!(cleaned, expected);
    assert!(gone.iter_mut().all(|daemon| !daemon.is_alive()));
    assert!(running.id().is_alive());
    assert_eq!(site.entries(), [".locks", "failed", "held", "ready"]);
    assert!(site.store.clean_abandoned().unwrap().is_nothing());
    drop(held);
    assert_eq!(site.store.clean_abandoned().unwrap().clusters, [name("held")]);
    running.kill();
}

#[test]
fn processes_of_a_cluster_that_is_not_there_are_ended_and_those_of_other_sites_not() {
    let (site, other) = (Site::new(), Site::new());
    let held = site.store.create(new("a")).unwrap();
    let mut lost = start(held.record(), site.path());
    // somebody removed its directory by hand
    fs::remove_dir_all(held.directory()).unwrap();
    drop(held);
    assert!(other.store.clean_abandoned().unwrap().is_nothing());
    assert!(lost.is_alive());
    assert_eq!(site.store.clean_abandoned().unwrap().processes, 1);
    assert!(!lost.is_alive());
}

#[test]
fn what_is_mounted_in_an_abandoned_cluster_is_unmounted_and_not_removed() {
    assert!(rustix::process::geteuid().is_root(), "this test mounts and needs root");
    let site = Site::new();
    let precious = site.path().join("precious");
    fs::create_dir(&precious).unwrap();
    fs::write(precious.join("file"), "precious").unwrap();
    let held = site.store.create(new("a")).unwrap();
    let shared = held.directory().join("shared");
    fs::create_dir(&shared).unwrap();
    rustix::mount::mount_bind(&precious, &shared).unwrap();
    drop(held);
    assert_eq!(site.store.clean_abandoned().unwrap().clusters, [name("a")]);
    assert_eq!(fs::read_to_string(precious.join("file")).unwrap(), "precious");
    assert_eq!(mounts_below(site.path()), 0);
}

#[test]
fn directories_on_their_way_in_or_out_go_unless_somebody_attends_to_them() {
    let site = Site::new();
    let held = site.store.create(new("held")).unwrap();
    for directory in [".new-held", ".new-a", ".gone-b"] {
        fs::create_dir(site.clusters().join(directory)).unwrap();
    }
    assert_eq!(site.store.clean_abandoned().unwrap().directories, 2);
    assert_eq!(site.entries(), [".locks", ".new-held", "held"]);
    held.remove(Duration::ZERO).unwrap();
    // entering a name removes what is left of one that was not entered
    drop(site.store.create(new("held")).unwrap());
    assert_eq!(site.entries(), [".locks", "held"]);
}

fn mounts_below(path: &Path) -> usize {
    let mounts = fs::read_to_string("/proc/self/mountinfo").unwrap();
    mounts.lines().filter(|line| line.contains(path.to_str().unwrap())).count()
}

/// Starts and removes clusters, as commands would, until it is killed.
fn work(path: &Path) {
    let store = open(path);
    for round in 0.. {
        let mut held = store.create(new("a")).expect("a cluster");
        let shared = held.directory().join("shared");
        fs::create_dir(&shared).expect("a directory");
        mount("tmpfs", &shared, "tmpfs", MountFlags::empty(), None).expect("a mount");
        for _ in 0..3 {
            start(held.record(), &held.directory()).detach();
        }
        held.update(|record| record.state = ClusterState::Ready).expect("a change");
        if round % 3 == 2 {
            drop(held);
            held = store.hold(&name("a")).expect("the cluster");
        }
        held.remove(Duration::ZERO).expect("an end");
    }
}

#[test]
fn a_command_killed_at_any_moment_leaves_nothing_that_is_not_cleaned_up() {
    if let Some(path) = std::env::var_os(STATE) {
        return work(Path::new(&path));
    }
    assert!(rustix::process::geteuid().is_root(), "this test mounts and needs root");
    let site = Site::new();
    let mark = site.mark();
    let mut moments = fastrand_like(11);
    let mut cleaned = [0; 3];
    for _ in 0..40 {
        let mut child = Command::new(std::env::current_exe().unwrap())
            .args([
                "--exact",
                "cleaning::a_command_killed_at_any_moment_leaves_nothing_that_is_not_cleaned_up",
            ])
            .env(STATE, site.path())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let begun = Instant::now();
        // killed in one of its first rounds, once it has begun
        while site.entries() == [".locks"] && begun.elapsed() < Duration::from_secs(20) {
            std::thread::sleep(Duration::from_micros(200));
        }
        std::thread::sleep(Duration::from_micros(moments() % 60_000));
        child.kill().unwrap();
        child.wait().unwrap();

        // a program that was about to be started when the command was killed has the lock until it
        // has its mark: then the cluster is still in somebody's hands
        let end = Instant::now() + Duration::from_secs(5);
        loop {
            let done = site.store.clean_abandoned().unwrap();
            cleaned[0] += done.clusters.len();
            cleaned[1] += done.processes;
            cleaned[2] += done.directories;
            let is_free = match site.store.hold(&name("a")) {
                // it was ready: as after any other command it can be ended
                Ok(held) if held.record().state == ClusterState::Ready => {
                    held.remove(Duration::ZERO).unwrap();
                    true
                }
                Ok(_) | Err(ClusterError::Busy { .. }) => false,
                Err(ClusterError::Unknown { .. }) => true,
                Err(error) => panic!("{error}"),
            };
            if is_free {
                break;
            }
            assert!(Instant::now() < end, "the lock of a killed command is held");
        }
        assert!(marked(&mark).unwrap().is_empty());
        assert_eq!(mounts_below(site.path()), 0);
        assert_eq!(site.entries(), [".locks"]);
        let held = site.store.create(new("a")).expect("the name is free");
        held.remove(Duration::ZERO).unwrap();
    }
    eprintln!(
        "cleaned up: {} clusters, {} processes, {} directories",
        cleaned[0], cleaned[1], cleaned[2]
    );
    assert!(cleaned[0] > 5 && cleaned[1] > 5, "too few kills were in the midst of work");
}

/// Numbers that look random, the same in each run.
fn fastrand_like(seed: u64) -> impl FnMut() -> u64 {
    let mut state = seed;
    move || {
        // Knuth's linear congruential generator of MMIX; its upper bits are the good ones
        state =
            state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        state >> 33
    }
}
