//! Servers and networks that fail, and processes that stop in between.

use std::fs;
use std::time::Duration;

use vclust_debian::{Mirror, MirrorOptions, StateDirectory, Wanted};

use crate::archive::{Archive, Edition, chain, now};
use crate::server::Fault;

const INDEX: &str = "Packages.xz";

#[test]
fn a_download_that_breaks_off_is_resumed() {
    let archive = Archive::new();
    let edition = Edition::new("1");
    archive.publish(&edition);
    archive.server.fault(INDEX, &[Fault::CloseAfter(1000), Fault::CloseAfter(500)]);
    archive.update().unwrap();
    let ranges: Vec<_> = archive.server.take_log().into_iter().map(|entry| entry.range).collect();
    let expected = [None, None, Some("bytes=1000-".into()), Some("bytes=1500-".into())];
    assert_eq!(ranges, expected);
    assert_eq!(archive.cached(&archive.repository()), Some(edition.packages));
}

#[test]
fn a_server_that_dies_leaves_the_old_index_and_the_next_update_resumes() {
    let archive = Archive::new();
    let (one, two) = (Edition::new("1"), Edition::new("2"));
    archive.publish(&one);
    archive.update().unwrap();
    archive.publish(&two);
    archive.server.fault(INDEX, &[Fault::CloseAfter(700); 4]);
    let message = archive.refuses(Some(&one), &archive.repository());
    assert!(message.contains("Packages.xz (4 attempts)"), "{message}");
    archive.server.take_log();
    archive.update().unwrap();
    let log = archive.server.take_log();
    assert_eq!(log[1].range.as_deref(), Some("bytes=2800-"));
    assert_eq!(archive.cached(&archive.repository()), Some(two.packages));
}

#[test]
fn a_server_without_ranges_sends_the_whole_file_again() {
    let archive = Archive::new();
    let edition = Edition::new("1");
    archive.publish(&edition);
    archive.server.fault(INDEX, &[Fault::CloseAfter(1000), Fault::NoRange]);
    archive.update().unwrap();
    assert_eq!(archive.cached(&archive.repository()), Some(edition.packages));
}

#[test]
fn a_start_that_does_not_fit_is_thrown_away() {
    let archive = Archive::new();
    let edition = Edition::new("1");
    archive.publish(&edition);
    archive.server.fault(INDEX, &[Fault::CloseAfter(1000); 4]);
    archive.update().unwrap_err();
    let lists = archive.state.path().join("lists");
    let suite = fs::read_dir(lists).unwrap().next().unwrap().unwrap().path();
    let partial = fs::read_dir(suite.join("partial")).unwrap().next().unwrap().unwrap().path();
    fs::write(&partial, vec![7; 1234]).unwrap();
    archive.update().unwrap();
    assert_eq!(archive.cached(&archive.repository()), Some(edition.packages));
}

#[test]
fn a_passing_error_of_the_server_is_survived_and_a_lasting_one_is_named() {
    let archive = Archive::new();
    archive.publish(&Edition::new("1"));
    archive.server.fault("InRelease", &[Fault::Status(503), Fault::CloseAfter(100)]);
    archive.update().unwrap();
    archive.server.fault("InRelease", &[Fault::Status(403)]);
    let error = archive.update().unwrap_err();
    assert!(error.to_string().ends_with("the server answers with status 403"), "{error}");
}

#[test]
fn a_wrong_length_is_refused_before_anything_is_read() {
    let archive = Archive::new();
    archive.publish(&Edition::new("1"));
    archive.server.fault(INDEX, &[Fault::Length(1 << 40)]);
    let message = archive.refuses(None, &archive.repository());
    assert!(message.contains("has 1099511627776 bytes instead of"), "{message}");
}

#[test]
fn a_silent_server_is_given_up() {
    let archive = Archive::new();
    archive.publish(&Edition::new("1"));
    archive.server.fault("InRelease", &[Fault::Silence(Duration::from_secs(20)); 2]);
    let options = MirrorOptions {
        retries: 1,
        pause: Duration::from_millis(1),
        silence: Duration::from_millis(200),
        now: Some(now()),
        ..MirrorOptions::default()
    };
    let mirror = Mirror::new(StateDirectory::at(archive.state.path()), options);
    let error = mirror.update(&archive.repository(), Wanted::Packages, &|_| {}).unwrap_err();
    let message = chain(&error);
    assert!(message.contains("InRelease (2 attempts)") && message.contains("timeout"), "{message}");
}

#[test]
fn a_proxy_is_used_and_its_failure_named() {
    let archive = Archive::new();
    archive.publish(&Edition::new("1"));
    let options = MirrorOptions {
        proxy: Some("http://127.0.0.1:1".into()),
        retries: 0,
        ..MirrorOptions::default()
    };
    let mirror = Mirror::new(StateDirectory::at(archive.state.path()), options);
    let error = mirror.update(&archive.repository(), Wanted::Packages, &|_| {}).unwrap_err();
    assert!(error.to_string().contains("or the proxy in apt.conf"), "{error}");
    assert!(archive.server.take_log().is_empty());
}

#[test]
fn what_a_crash_left_behind_does_not_matter() {
    let archive = Archive::new();
    let (one, two) = (Edition::new("1"), Edition::new("2"));
    archive.publish(&one);
    archive.update().unwrap();
    archive.publish(&two);
    let lists = archive.state.path().join("lists");
    let suite = fs::read_dir(lists).unwrap().next().unwrap().unwrap().path();
    fs::create_dir(suite.join("new-half")).unwrap();
    fs::write(suite.join("new-half/InRelease"), "half").unwrap();
    std::os::unix::fs::symlink("nowhere", suite.join("current.new")).unwrap();
    archive.update().unwrap();
    assert!(!suite.join("new-half").exists());
    assert_eq!(archive.cached(&archive.repository()), Some(two.packages));
}

#[test]
fn a_lock_that_is_not_given_up_is_named() {
    let archive = Archive::new();
    archive.publish(&Edition::new("1"));
    archive.update().unwrap();
    let lists = archive.state.path().join("lists");
    let suite = fs::read_dir(lists).unwrap().next().unwrap().unwrap().path();
    let file = fs::File::open(suite.join("lock")).unwrap();
    rustix::fs::flock(&file, rustix::fs::FlockOperation::LockExclusive).unwrap();
    let options =
        MirrorOptions { lock_patience: Duration::from_millis(200), ..MirrorOptions::default() };
    let mirror = Mirror::new(StateDirectory::at(archive.state.path()), options);
    let error = mirror.update(&archive.repository(), Wanted::Packages, &|_| {}).unwrap_err();
    assert!(error.to_string().starts_with("another vclust has held"), "{error}");
}
