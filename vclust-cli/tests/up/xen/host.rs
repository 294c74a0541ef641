//! The Xen host that these tests run on, seen without vclust's help.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::thread;
use std::time::{Duration, Instant};

use vclust_xen::recorded::{Listed, configured, listed};
use vclust_xen::{GuestKind, Machine};

use crate::left::numbers;
use crate::site::{Running, Site};

/// How long anything may take in software emulation.
pub(super) const PATIENCE: Duration = Duration::from_secs(300);

/// The state directory with images, clean.
pub(super) fn site() -> Site {
    assert_eq!(
        Machine::this(),
        Machine::Host,
        "this is no control domain of a Xen host; `make test-xen` starts one"
    );
    let state = std::env::var_os("VCLUST_TEST_XEN_STATE");
    Site::at(Path::new(&state.expect("`make test-xen` says where images are")))
}

/// A spec for machines of 256 MiB under Xen.
pub(super) fn spec(site: &Site, name: &str, strategy: &str, before: &str) -> PathBuf {
    site.spec(name, strategy, before, "hypervisor = \"xen\"")
}

/// How guests have to be virtualised on this host.
pub(super) fn kind() -> GuestKind {
    match std::env::var("VCLUST_TEST_XEN").as_deref() {
        Ok("pv") => GuestKind::Pv,
        Ok("pvh") => GuestKind::Pvh,
        other => panic!("`make test-xen` says how guests are virtualised, not {other:?}"),
    }
}

/// Runs `xl`; what it says.
pub(super) fn xl(arguments: &[&str]) -> String {
    let output = Command::new("xl").args(arguments).output().expect("xl starts");
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "xl {arguments:?}: {said}");
    String::from_utf8_lossy(&output.stdout).into_owned()
}

/// All domains but the control domain.
pub(super) fn domains() -> Vec<Listed> {
    let all = listed(&xl(&["list", "-v"])).expect("a list");
    all.into_iter().filter(|domain| domain.id != 0).collect()
}

/// The names of all domains but the control domain.
pub(super) fn names() -> Vec<String> {
    let mut names: Vec<_> = domains().into_iter().map(|domain| domain.name).collect();
    names.sort();
    names
}

/// How all domains but the control domain are virtualised.
pub(super) fn kinds() -> Vec<GuestKind> {
    let all = configured(&xl(&["list", "-l"])).expect("configurations");
    let others = all.into_iter().filter(|domain| domain.id != 0);
    others.filter_map(|domain| domain.kind).collect()
}

/// Waits until a domain's guest runs, while a command goes on.
pub(super) fn runs(running: &mut Running, name: &str) {
    let end = Instant::now() + PATIENCE;
    let is_there = |domain: &Listed| {
        domain.name == name && domain.memory_mib > 0 && !domain.state.paused && !domain.state.dying
    };
    while !domains().iter().any(is_there) {
        assert!(Instant::now() < end && !running.has_ended(), "{name} does not run");
        thread::sleep(Duration::from_millis(50));
    }
}

/// Fails if anything is left: of vclust, or of Xen. The kernel takes a moment to let go of devices.
pub(super) fn nothing_is_left(site: &Site) {
    assert_eq!(names(), Vec::<String>::new());
    let end = Instant::now() + Duration::from_secs(20);
    while !site.left(&[]).is_empty() && Instant::now() < end {
        thread::sleep(Duration::from_millis(200));
    }
    site.nothing_is_left_but(&[]);
}

/// The file that a disk of a domain is in, and whether the domain may write it, by the host's end of it.
pub(super) fn disks_of(name: &str) -> Vec<(String, bool)> {
    let all = configured(&xl(&["list", "-l", name])).expect("a configuration");
    let disks = all.into_iter().flat_map(|domain| domain.disks);
    disks.map(|disk| (disk.path.unwrap_or_default(), disk.is_writable)).collect()
}

/// Waits until no process of vclust is left: the kernel ends one whose parent was killed.
pub(super) fn commands_end() {
    let is_one = |number: &u32| {
        fs::read_to_string(format!("/proc/{number}/comm")).is_ok_and(|name| name.trim() == "vclust")
    };
    let end = Instant::now() + PATIENCE;
    while numbers(Path::new("/proc")).iter().any(is_one) {
        assert!(Instant::now() < end, "vclust does not end");
        thread::sleep(Duration::from_millis(20));
    }
}

/// The number of the process that keeps the store.
pub(super) fn store() -> u32 {
    let text = fs::read_to_string("/run/xen/xenstored.pid").expect("xenstored has a number");
    text.trim().parse().expect("a number")
}
