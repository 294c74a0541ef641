//! What is refused, and that the old index stays in each case.

use std::fs;

use vclust_debian::{Repository, SignedBy, Wanted};

use crate::archive::{Archive, Edition, tamper, xz};
use crate::keys::Key;

/// An archive whose first edition has been fetched and whose second is published.
fn archive() -> (Archive, Edition, Edition) {
    let archive = Archive::new();
    let (one, two) = (Edition::new("1"), Edition::new("2"));
    archive.publish(&one);
    archive.update().unwrap();
    archive.publish(&two);
    (archive, one, two)
}

#[track_caller]
fn assert_says(message: &str, parts: &[&str]) {
    for part in parts {
        assert!(message.contains(part), "`{part}` is not in: {message}");
    }
}

#[test]
fn an_altered_index() {
    let (archive, one, _) = archive();
    tamper(&archive.suite().join("main/binary-amd64/Packages.xz"));
    let message = archive.refuses(Some(&one), &archive.repository());
    assert_says(&message, &["Packages.xz has the SHA-256", "instead of", "was altered"]);
}

#[test]
fn an_altered_inrelease() {
    let (archive, one, _) = archive();
    let path = archive.suite().join("InRelease");
    let text = fs::read_to_string(&path).unwrap();
    fs::write(&path, text.replace("Suite: stable", "Suite: Stable")).unwrap();
    let message = archive.refuses(Some(&one), &archive.repository());
    assert_says(&message, &["InRelease is refused", "does not fit its content"]);
}

#[test]
fn text_outside_of_the_armor() {
    let (archive, one, _) = archive();
    let path = archive.suite().join("InRelease");
    let text = fs::read_to_string(&path).unwrap();
    for altered in [format!("Suite: evil\n\n{text}"), format!("{text}\nSuite: evil\n")] {
        fs::write(&path, altered).unwrap();
        let message = archive.refuses(Some(&one), &archive.repository());
        assert_says(&message, &["InRelease is refused", "not covered by its signature"]);
    }
}

#[test]
fn an_inrelease_without_signature() {
    let (archive, one, _) = archive();
    fs::copy(archive.suite().join("Release"), archive.suite().join("InRelease")).unwrap();
    let message = archive.refuses(Some(&one), &archive.repository());
    assert_says(&message, &["InRelease is refused: it is not signed"]);
}

#[test]
fn a_release_without_its_signature() {
    let (archive, one, _) = archive();
    fs::remove_file(archive.suite().join("InRelease")).unwrap();
    fs::remove_file(archive.suite().join("Release.gpg")).unwrap();
    let message = archive.refuses(Some(&one), &archive.repository());
    assert_says(&message, &["Release is not signed", "trusted=yes"]);
}

#[test]
fn an_altered_release_with_its_old_signature() {
    let (archive, one, _) = archive();
    fs::remove_file(archive.suite().join("InRelease")).unwrap();
    let path = archive.suite().join("Release");
    let text = fs::read_to_string(&path).unwrap();
    fs::write(&path, text.replace("Components: main", "Components: Main")).unwrap();
    let message = archive.refuses(Some(&one), &archive.repository());
    assert_says(&message, &["Release is refused", "does not fit its content"]);
}

#[test]
fn a_key_that_is_not_known() {
    let (archive, one, _) = archive();
    let other = Key::new().export(&archive.state.path().join("other.gpg"), false);
    let keys = SignedBy::Keys { files: vec![other], fingerprints: vec![] };
    let message = archive.refuses(Some(&one), &archive.repository_with(keys));
    let id = &archive.key.fingerprint[24..];
    assert_says(&message, &["not in the keyrings", id, "signed-by", "other.gpg"]);
}

#[test]
fn a_key_that_signed_by_does_not_name() {
    let (archive, one, _) = archive();
    let file = archive.key.export(&archive.state.path().join("k.gpg"), false);
    let fingerprints = vec!["0".repeat(40)];
    let keys = SignedBy::Keys { files: vec![file], fingerprints };
    let message = archive.refuses(Some(&one), &archive.repository_with(keys));
    assert_says(&message, &["not among the fingerprints of `signed-by`"]);
}

#[test]
fn a_keyring_that_is_missing_or_damaged() {
    let (archive, one, _) = archive();
    let path = archive.state.path().join("missing.gpg");
    let keys = || SignedBy::Keys { files: vec![path.clone()], fingerprints: vec![] };
    let message = archive.refuses(Some(&one), &archive.repository_with(keys()));
    assert_says(&message, &["cannot read the keyring", "missing.gpg"]);
    fs::write(&path, "-----BEGIN PGP PUBLIC KEY BLOCK-----\n\nabc").unwrap();
    let message = archive.refuses(Some(&one), &archive.repository_with(keys()));
    assert_says(&message, &["missing.gpg is damaged", "does not end"]);
    let message = archive.refuses(Some(&one), &archive.repository_with(SignedBy::Trusted));
    assert_says(&message, &["no keyring", "debian-archive-keyring"]);
}

#[test]
fn an_expired_key() {
    let archive = Archive::with_key(Key::expired());
    archive.publish(&Edition::new("1"));
    let message = archive.refuses(None, &archive.repository());
    assert_says(&message, &["has expired", &archive.key.fingerprint[24..]]);
}

#[test]
fn a_revoked_key() {
    let (archive, one, _) = archive();
    archive.key.revoke();
    let message = archive.refuses(Some(&one), &archive.repository());
    assert_says(&message, &["was revoked"]);
}

#[test]
fn a_suite_that_is_no_longer_valid() {
    let (archive, one, two) = archive();
    let valid_until = Some("Sat, 31 May 2025 21:00:00 UTC");
    archive.publish(&Edition { valid_until, ..two });
    let message = archive.refuses(Some(&one), &archive.repository());
    assert_says(&message, &["InRelease expired 3 hours ago", "check-valid-until=no"]);
}

#[test]
fn a_suite_from_the_future() {
    let (archive, one, two) = archive();
    archive.publish(&Edition { date: "Tue, 03 Jun 2025 00:00:00 UTC", ..two });
    let message = archive.refuses(Some(&one), &archive.repository());
    assert_says(&message, &["dated 2 days in the future", "clock"]);
}

#[test]
fn an_older_state_than_the_one_that_is_there() {
    let (archive, one, two) = archive();
    archive.publish(&Edition { date: "Sat, 31 May 2025 11:00:00 UTC", ..two });
    let message = archive.refuses(Some(&one), &archive.repository());
    assert_says(&message, &["60 minutes older", "replays"]);
}

#[test]
fn another_suite_than_the_one_asked_for() {
    let (archive, _, _) = archive();
    let other = archive.root.path().join("dists/sid");
    fs::rename(archive.suite(), &other).unwrap();
    let repository = Repository { suite: "sid".into(), ..archive.repository() };
    let message = archive.refuses(None, &repository);
    assert_says(&message, &["of the suite stable/testing-ground, but sid was asked for"]);
}

#[test]
fn a_component_that_the_suite_does_not_have() {
    let (archive, _, _) = archive();
    let repository = Repository { components: vec!["man".into()], ..archive.repository() };
    let error = archive.mirror().update(&repository, Wanted::Packages, &|_| {}).unwrap_err();
    assert_says(&error.to_string(), &["has no man/binary-amd64/Packages", "components main"]);
}

#[test]
fn a_suite_that_is_not_there() {
    let (archive, _, _) = archive();
    let repository = Repository { suite: "nowhere".into(), ..archive.repository() };
    let message = archive.refuses(None, &repository);
    assert_says(&message, &["neither InRelease nor Release", "name of the suite"]);
}

#[test]
fn an_index_of_another_size() {
    let (archive, one, _) = archive();
    let path = archive.suite().join("main/binary-amd64/Packages.xz");
    let mut content = fs::read(&path).unwrap();
    content.push(0);
    fs::write(&path, &content).unwrap();
    let message = archive.refuses(Some(&one), &archive.repository());
    assert_says(&message, &["Packages.xz has", "instead of", "that Release promises"]);
}

#[test]
fn an_index_that_unpacks_to_something_else() {
    let (archive, one, two) = archive();
    let path = archive.suite().join("main/binary-amd64/Packages.xz");
    let altered = two.packages.replace("p7\n", "q7\n");
    fs::write(&path, xz(altered.as_bytes())).unwrap();
    archive.sign(&two, &[]);
    let message = archive.refuses(Some(&one), &archive.repository());
    assert_says(&message, &["Packages.xz (unpacked) has the SHA-256"]);
}

#[test]
fn an_index_that_unpacks_without_end() {
    let (archive, one, two) = archive();
    let zeros = vec![0; 60 << 20];
    fs::write(archive.suite().join("main/binary-amd64/Packages.xz"), xz(&zeros)).unwrap();
    archive.sign(&two, &[]);
    let message = archive.refuses(Some(&one), &archive.repository());
    assert_says(&message, &["cannot be unpacked", "decompression bomb"]);
    // and one that Release declares
    archive.sign(&two, &[("main/binary-amd64/Packages", &zeros)]);
    let message = archive.refuses(Some(&one), &archive.repository());
    assert_says(&message, &["cannot be unpacked", "decompression bomb"]);
}

#[test]
fn a_release_without_hashes_or_with_paths_that_lead_away() {
    let (archive, one, two) = archive();
    archive.publish(&Edition { fields: "MD5Sum:\n 0 0 x/y\nSha256:\n", ..two.clone() });
    let message = archive.refuses(Some(&one), &archive.repository());
    assert_says(&message, &["InRelease is malformed", "is there twice"]);
}
