//! Ways to fail, each of which has to name the package and the step.

use std::fs;
use std::thread;
use std::time::{Duration, Instant};

use vclust_debian::{InstallError, Installation, SandboxError};

use crate::root::{Package, architecture, error, install, install_with};

#[test]
fn a_script_that_fails_is_named_with_its_words() {
    let package = Package::new("made", "").script("postinst", "echo the disk is sad >&2\nexit 7");
    let error = error(install(&[&package])).to_string();
    assert!(error.starts_with("dpkg failed while it configured made ("), "{error}");
    assert!(error.contains("the disk is sad") && error.contains("exit status 7"), "{error}");
}

#[test]
fn a_preinst_that_fails_is_named() {
    let package = Package::new("made", "").script("preinst", "echo no room >&2; exit 1");
    let error = error(install(&[&package])).to_string();
    assert!(error.starts_with("dpkg failed while it unpacked made ("), "{error}");
    assert!(error.contains("no room"), "{error}");
}

#[test]
fn a_script_that_hangs_is_ended_in_time() {
    let package = Package::new("made", "").script("postinst", "echo waiting; sleep 1000 & wait");
    let start = Instant::now();
    let result =
        install_with(&[&package], |installation| installation.timeout(Duration::from_secs(2)));
    let InstallError::Sandbox { during, source } = error(result) else { panic!() };
    assert_eq!(during, "while dpkg configured made".replace("dpkg", "it"));
    let SandboxError::TimedOut { log, .. } = source else { panic!("{source}") };
    assert!(log.contains("waiting"), "{log}");
    assert!(start.elapsed() < Duration::from_secs(30));
}

#[test]
fn what_a_script_leaves_behind_does_not_live_on() {
    let mark = format!("{}", std::process::id() + 100_000);
    let script = format!("setsid sh -c 'sleep 1; sleep {mark}' >/dev/null 2>&1 </dev/null &");
    let package = Package::new("made", "").script("postinst", &script);
    install(&[&package]).unwrap();
    thread::sleep(Duration::from_millis(1300));
    let alive = fs::read_dir("/proc").unwrap().flatten().any(|entry| {
        fs::read_to_string(entry.path().join("cmdline")).is_ok_and(|line| line.contains(&mark))
    });
    assert!(!alive, "a process of the script outlived the installation");
}

#[test]
fn a_missing_dependency_is_an_error() {
    let package = Package::new("made", "Depends: nobody-has-this\n");
    let error = error(install(&[&package])).to_string();
    assert!(error.contains("nobody-has-this"), "{error}");
}

#[test]
fn a_link_that_a_package_planted_leads_nowhere() {
    let outside = tempfile::tempdir().unwrap();
    let target = outside.path().join("dpkg");
    fs::create_dir(&target).unwrap();
    let root = tempfile::tempdir().unwrap();
    // a root whose database is a link to the machine's own disk
    fs::create_dir_all(root.path().join("var/lib")).unwrap();
    std::os::unix::fs::symlink(&target, root.path().join("var/lib/dpkg")).unwrap();
    fs::write(target.join("status"), "").unwrap();
    let package = Package::new("made", "").file("usr/share/made", "", 0o644);
    let result = Installation::new(root.path(), architecture(), [package.build()]).run(&|_| ());
    assert!(matches!(result, Err(InstallError::NoRoot { .. })), "{result:?}");
    assert_eq!(fs::read_dir(&target).unwrap().count(), 1);
}

#[test]
fn a_directory_that_is_no_root_is_refused() {
    let root = tempfile::tempdir().unwrap();
    fs::write(root.path().join("letter"), "dear").unwrap();
    let package = Package::new("made", "");
    let result = Installation::new(root.path(), architecture(), [package.build()]).run(&|_| ());
    let error = result.unwrap_err().to_string();
    assert!(error.contains("is neither empty nor a root of Debian"), "{error}");
    assert_eq!(fs::read_to_string(root.path().join("letter")).unwrap(), "dear");
}

#[test]
fn the_same_package_twice_is_refused() {
    let one = Package::new("made", "");
    let two = Package::new("made", "Version: 2\n");
    let error = error(install(&[&one, &two])).to_string();
    assert_eq!(error, "made:all is to be installed in two versions at once");
}
