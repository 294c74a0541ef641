//! What works.

use std::fs;
use std::sync::Mutex;
use std::thread;

use vclust_debian::{Expiry, Keyring, Repository, SignedBy, SourceKind, Trust, Wanted, open_index};

use crate::archive::{Archive, Edition};
use crate::keys::Key;

#[test]
fn an_index_is_fetched_verified_and_kept_plain() {
    let archive = Archive::new();
    let edition = Edition::new("1");
    archive.publish(&edition);
    let seen = Mutex::new(Vec::new());
    let on_progress = |progress: vclust_debian::Progress<'_>| {
        seen.lock().unwrap().push((progress.what.to_owned(), progress.bytes, progress.total));
    };
    let repository = archive.repository();
    let updated = archive.mirror().update(&repository, Wanted::Packages, &on_progress).unwrap();
    assert!(updated.changed);
    assert_eq!(updated.release.codename.as_deref(), Some("testing-ground"));
    let files = archive.mirror().cached(&repository, SourceKind::Binary).unwrap();
    assert_eq!(files.len(), 1);
    assert_eq!(files[0].suite().archive.as_deref(), Some("stable"));
    assert_eq!(files[0].suite().site, "127.0.0.1");
    assert_eq!(archive.cached(&repository), Some(edition.packages));
    let seen = seen.into_inner().unwrap();
    let (what, bytes, total) = seen.last().unwrap();
    assert!(what.ends_with("Packages.xz"), "{what}");
    assert_eq!(Some(*bytes), *total);
    assert_eq!(updated.downloaded, *bytes);
}

#[test]
fn an_unchanged_suite_costs_one_request() {
    let archive = Archive::new();
    archive.publish(&Edition::new("1"));
    archive.update().unwrap();
    archive.server.take_log();
    let updated = archive.update().unwrap();
    assert!(!updated.changed);
    let log = archive.server.take_log();
    assert_eq!(log.len(), 1, "{log:?}");
    assert_eq!((log[0].status, log[0].path.as_str()), (304, "/dists/stable/InRelease"));
}

#[test]
fn a_new_edition_replaces_the_old_one_and_leaves_open_files_whole() {
    let archive = Archive::new();
    let (one, two, three) = (Edition::new("1"), Edition::new("2"), Edition::new("3"));
    archive.publish(&one);
    archive.update().unwrap();
    let repository = archive.repository();
    let file = archive.mirror().cached(&repository, SourceKind::Binary).unwrap().remove(0);
    let mapped = open_index(&file.path).unwrap();
    for edition in [&two, &three] {
        archive.publish(edition);
        assert!(archive.update().unwrap().changed);
        assert_eq!(archive.cached(&repository).as_ref(), Some(&edition.packages));
    }
    assert_eq!(mapped, one.packages.as_bytes());
    let suite = fs::read_dir(archive.state.path().join("lists")).unwrap().next().unwrap().unwrap();
    let names: Vec<_> =
        fs::read_dir(suite.path()).unwrap().map(|e| e.unwrap().file_name()).collect();
    assert_eq!(names.len(), 4, "lock, link and two generations: {names:?}");
}

#[test]
fn an_index_that_did_not_change_is_not_fetched_again() {
    let archive = Archive::new();
    let mut edition = Edition::new("1");
    archive.publish(&edition);
    archive.update().unwrap();
    edition.date = "Sat, 31 May 2025 18:00:00 UTC";
    archive.publish(&edition);
    archive.server.take_log();
    let updated = archive.update().unwrap();
    assert_eq!((updated.changed, updated.downloaded), (false, 0));
    assert_eq!(archive.server.take_log().len(), 1);
    assert_eq!(archive.cached(&archive.repository()), Some(edition.packages));
}

#[test]
fn names_by_hash_come_first_and_plain_names_stand_in_for_them() {
    let archive = Archive::new();
    let edition = Edition { by_hash: true, ..Edition::new("1") };
    archive.publish(&edition);
    archive.update().unwrap();
    let log = archive.server.take_log();
    assert!(log[1].path.contains("/main/binary-amd64/by-hash/SHA256/"), "{log:?}");
    assert_eq!(log.len(), 2);

    let edition = Edition { by_hash: true, ..Edition::new("2") };
    archive.publish(&edition);
    fs::remove_dir_all(archive.suite().join("main/binary-amd64/by-hash")).unwrap();
    archive.update().unwrap();
    let statuses: Vec<_> = archive.server.take_log().iter().map(|entry| entry.status).collect();
    assert_eq!(statuses, [200, 404, 200]);
    assert_eq!(archive.cached(&archive.repository()), Some(edition.packages));
}

#[test]
fn a_form_that_is_missing_gives_way_to_the_next() {
    let archive = Archive::new();
    let edition = Edition::new("1");
    archive.publish(&edition);
    fs::remove_file(archive.suite().join("main/binary-amd64/Packages.xz")).unwrap();
    archive.update().unwrap();
    assert_eq!(archive.cached(&archive.repository()), Some(edition.packages));
}

#[test]
fn sources_are_fetched_on_demand_and_kept_up_to_date_from_then_on() {
    let archive = Archive::new();
    archive.publish(&Edition::new("1"));
    archive.update().unwrap();
    let repository = archive.repository();
    let mirror = archive.mirror();
    assert!(mirror.cached(&repository, SourceKind::Source).unwrap().is_empty());
    let updated = mirror.update(&repository, Wanted::PackagesAndSources, &|_| {}).unwrap();
    assert!(updated.changed);
    assert_eq!(mirror.cached(&repository, SourceKind::Source).unwrap().len(), 1);
    archive.publish(&Edition::new("2"));
    archive.update().unwrap();
    let file = mirror.cached(&repository, SourceKind::Source).unwrap().remove(0);
    let sources = vclust_core::Sources::parse(open_index(&file.path).unwrap()).unwrap();
    assert!(sources.find("p7").next().unwrap().version().starts_with("2-"));
}

#[test]
fn a_detached_signature_will_do_and_is_asked_for_once() {
    let archive = Archive::new();
    let edition = Edition::new("1");
    archive.publish(&edition);
    fs::remove_file(archive.suite().join("InRelease")).unwrap();
    assert!(archive.update().unwrap().changed);
    assert!(!archive.update().unwrap().changed);
    assert_eq!(archive.cached(&archive.repository()), Some(edition.packages));
}

#[test]
fn keys_may_be_armored_embedded_or_named_by_fingerprint() {
    let archive = Archive::new();
    archive.publish(&Edition::new("1"));
    let directory = archive.state.path();
    let armored = archive.key.export(&directory.join("key.asc"), true);
    let text = fs::read_to_string(&armored).unwrap();
    let fingerprints = vec![archive.key.fingerprint.clone()];
    let other = Key::new().export(&directory.join("other.gpg"), false);
    for signed_by in [
        SignedBy::Keys { files: vec![armored.clone()], fingerprints: vec![] },
        SignedBy::Keys { files: vec![other, armored.clone()], fingerprints },
        SignedBy::parse(&text.replace("\n\n", "\n.\n")),
    ] {
        let repository = archive.repository_with(signed_by);
        archive.mirror().update(&repository, Wanted::Packages, &|_| {}).unwrap();
    }
    let keyring = Keyring { signed_by: SignedBy::Trusted, trusted: vec![armored] };
    let repository = Repository { keyring, ..archive.repository() };
    archive.mirror().update(&repository, Wanted::Packages, &|_| {}).unwrap();
}

#[test]
fn a_mirror_on_this_machine_needs_no_server() {
    let archive = Archive::new();
    let edition = Edition::new("1");
    archive.publish(&edition);
    let uri = format!("file:{}/", archive.root.path().display());
    let repository = Repository { uri, ..archive.repository() };
    let update = || archive.mirror().update(&repository, Wanted::Packages, &|_| {}).unwrap();
    assert!(update().changed);
    assert!(!update().changed);
    assert_eq!(archive.cached(&repository), Some(edition.packages));
    assert!(archive.server.take_log().is_empty());
}

#[test]
fn a_flat_repository_that_is_declared_trusted_needs_no_signature() {
    let archive = Archive::new();
    archive.publish(&Edition::new("1"));
    let flat = archive.root.path().join("flat");
    fs::create_dir(&flat).unwrap();
    let packages = "Package: a\nVersion: 1\n";
    fs::write(flat.join("Packages"), packages).unwrap();
    let digest = {
        use sha2::Digest;
        format!("{:x}", sha2::Sha256::digest(packages.as_bytes()))
    };
    let release = format!("SHA256:\n {digest} {} Packages\n", packages.len());
    fs::write(flat.join("Release"), release).unwrap();
    let repository = Repository {
        suite: "flat/".into(),
        components: Vec::new(),
        trust: Trust::Always,
        ..archive.repository()
    };
    archive.mirror().update(&repository, Wanted::Packages, &|_| {}).unwrap();
    assert_eq!(archive.cached(&repository).as_deref(), Some(packages));
    let signed = Repository { trust: Trust::Signed, ..repository };
    let error = archive.mirror().update(&signed, Wanted::Packages, &|_| {}).unwrap_err();
    assert!(error.to_string().contains("is not signed: there is no Release.gpg"), "{error}");
}

#[test]
fn an_expired_suite_is_accepted_where_it_is_allowed() {
    let archive = Archive::new();
    let valid_until = Some("Sat, 31 May 2025 13:00:00 UTC");
    archive.publish(&Edition { valid_until, ..Edition::new("1") });
    let repository = Repository { expiry: Expiry::Ignore, ..archive.repository() };
    archive.mirror().update(&repository, Wanted::Packages, &|_| {}).unwrap();
}

#[test]
fn processes_that_update_at_once_do_not_hinder_each_other() {
    let archive = Archive::new();
    let edition = Edition::new("1");
    archive.publish(&edition);
    let repository = archive.repository();
    let changed: usize = thread::scope(|scope| {
        let threads: Vec<_> = (0..4)
            .map(|_| {
                scope.spawn(|| {
                    archive.mirror().update(&repository, Wanted::Packages, &|_| {}).unwrap().changed
                })
            })
            .collect();
        threads.into_iter().map(|thread| usize::from(thread.join().unwrap())).sum()
    });
    assert_eq!(changed, 1, "one fetched it, the others found it there");
    let fetched = archive.server.take_log();
    assert_eq!(fetched.iter().filter(|entry| entry.path.ends_with("Packages.xz")).count(), 1);
    assert_eq!(archive.cached(&repository), Some(edition.packages));
}
