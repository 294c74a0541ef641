//! Paths that several packages ship.

use std::fs;
use std::path::Path;
use std::process::Command;

use vclust_debian::{Overrides, UnpackError};

use super::root::{compare, dpkg, files, info, root, same_as_dpkg, snapshot, unpack_plain};
use crate::maker::{Tar, package};

/// A package with one file, `./usr/f`, which holds the package's name.
fn with_file(name: &str, fields: &str) -> Vec<u8> {
    let data = Tar::default()
        .directories(&["./", "./usr/"])
        .entry("./usr/f", b'0', name.as_bytes(), "")
        .entry(format!("./usr/{name}"), b'0', b"", "");
    package(Tar::control(name, fields), data)
}

fn same(packages: &[Vec<u8>]) -> tempfile::TempDir {
    same_as_dpkg(|_| {}, &Overrides::default(), packages)
}

fn content(root: &Path) -> String {
    fs::read_to_string(root.join("usr/f")).unwrap()
}

/// Both fail, for both numbers of threads, and ours leaves the root as it was.
fn refused_by_both(packages: &[Vec<u8>]) -> UnpackError {
    let theirs = root();
    dpkg(theirs.path(), &files(packages)).unwrap_err();
    let ours = root();
    let before = snapshot(ours.path());
    let text = unpack_plain(ours.path(), packages, 4).unwrap_err().to_string();
    compare(&before, &snapshot(ours.path()));
    let error = unpack_plain(ours.path(), packages, 1).unwrap_err();
    compare(&before, &snapshot(ours.path()));
    assert_eq!(error.to_string(), text, "the error depends on the threads");
    error
}

#[test]
fn a_package_that_replaces_another_wins_in_both_orders() {
    let one = with_file("one", "");
    let two = with_file("two", "Replaces: one\n");
    assert_eq!(content(same(&[one.clone(), two.clone()]).path()), "two");
    assert_eq!(content(same(&[two, one]).path()), "two");
}

#[test]
fn of_two_that_replace_each_other_the_later_wins() {
    let one = with_file("one", "Replaces: two\n");
    let two = with_file("two", "Replaces: one (= 1)\n");
    assert_eq!(content(same(&[one.clone(), two.clone()]).path()), "two");
    assert_eq!(content(same(&[two, one]).path()), "one");
}

#[test]
fn chains_of_replacements_follow_the_order() {
    let one = with_file("one", "");
    let two = with_file("two", "Replaces: one\n");
    let three = with_file("three", "Replaces: two\n");
    assert_eq!(content(same(&[one.clone(), two.clone(), three.clone()]).path()), "three");
    refused_by_both(&[one, three, two]);
}

#[test]
fn without_replaces_it_is_a_conflict() {
    for (one, two) in [
        ("", ""),
        ("", "Replaces: one (<< 1)\n"),
        ("Provides: virtual\n", "Replaces: virtual\n"),
        ("", "Conflicts: three\n"),
    ] {
        let error = refused_by_both(&[with_file("one", one), with_file("two", two)]);
        assert_eq!(
            error.to_string(),
            "`two:all` ships /usr/f, which is also in `one:all`; install one of them, or versions \
             of them that fit"
        );
    }
}

#[test]
fn replacing_takes_links_and_nodes_too() {
    let link = |name: &str, fields: &str, target: &str| {
        let data = Tar::default()
            .directories(&["./"])
            .entry("./l", b'2', b"", target)
            .entry("./p", b'6', b"", "")
            .entry(format!("./{name}"), b'0', b"", "")
            .entry("./q", b'0', name.as_bytes(), "");
        package(Tar::control(name, fields), data)
    };
    let one = link("one", "", "first");
    let two = link("two", "Replaces: one\n", "second");
    same(&[one.clone(), two.clone()]);
    same(&[two, one]);
}

#[test]
fn links_to_one_directory_are_shared_as_the_directory_is() {
    let link = |name: &str, fields: &str, target: &str| {
        let data = Tar::default()
            .directories(&["./", "./usr/"])
            .entry("./usr/up", b'2', b"", target)
            .entry(format!("./{name}"), b'0', b"", "");
        package(Tar::control(name, fields), data)
    };
    let one = link("one", "", "lib");
    same(&[one.clone(), link("two", "", "../usr/lib")]);
    same(&[one.clone(), link("two", "Replaces: one\n", "./lib")]);
    same(&[one.clone(), link("two", "Replaces: one\n", "bin")]);
    refused_by_both(&[one, link("two", "", "bin")]);
    let dangling = link("one", "", "nowhere");
    refused_by_both(&[dangling.clone(), link("two", "", "nowhere")]);
}

#[test]
fn whether_a_package_disappears_is_for_dpkg_to_say() {
    let only = |name: &str, fields: &str| {
        let data = Tar::default().directories(&["./"]).entry("./f", b'0', b"", "");
        package(Tar::control(name, fields), data)
    };
    let packages = [only("one", ""), only("two", "Replaces: one\n")];
    let theirs = root();
    dpkg(theirs.path(), &files(&packages)).unwrap();
    assert_eq!(info(theirs.path(), "one", "all", "list"), None, "it is gone");
    for threads in [1, 4] {
        let ours = root();
        let before = snapshot(ours.path());
        let error = unpack_plain(ours.path(), &packages, threads).unwrap_err();
        assert!(matches!(error, UnpackError::NeedsOrder { .. }), "{error}");
        compare(&before, &snapshot(ours.path()));
    }
}

#[test]
fn a_directory_looks_as_the_first_package_says() {
    let with = |name: &str, mode: &str, size: usize| {
        let data = Tar::default()
            .directories(&["./"])
            .header(b"./shared/", b'5', 0, b"", mode)
            .entry(format!("./shared/{name}"), b'0', &vec![0; size], "");
        package(Tar::control(name, ""), data)
    };
    // the larger package is started first, whatever its place
    let one = with("one", "0000700", 10);
    let two = with("two", "0002775", 1_000_000);
    same(&[one.clone(), two.clone()]);
    same(&[two, one]);
}

#[test]
fn one_package_for_two_architectures_shares_what_is_equal() {
    let native = Command::new("dpkg").arg("--print-architecture").output().unwrap();
    let native = String::from_utf8(native.stdout).unwrap().trim().to_owned();
    let foreign = if native == "i386" { "amd64" } else { "i386" };
    let with = |architecture: &str, content: &str, target: &str| {
        let control = format!(
            "Package: both\nVersion: 1\nArchitecture: {architecture}\nMulti-Arch: same\n\
             Maintainer: Nobody <nobody@localhost>\nDescription: made for a test\n"
        );
        let data = Tar::default()
            .directories(&["./", "./doc/"])
            .entry("./doc/both", b'0', content.as_bytes(), "")
            .entry(format!("./doc/{architecture}"), b'0', b"", "")
            .entry("./doc/link", b'2', b"", target);
        package(Tar::default().entry("./control", b'0', control.as_bytes(), ""), data)
    };
    let prepare = |root: &Path| {
        fs::write(root.join("var/lib/dpkg/arch"), format!("{native}\n{foreign}\n")).unwrap();
    };
    let one = with(&native, "same", "t");
    same_as_dpkg(prepare, &Overrides::default(), &[one.clone(), with(foreign, "same", "t")]);
    for other in [with(foreign, "other", "t"), with(foreign, "same", "other")] {
        let theirs = root();
        prepare(theirs.path());
        let packages = [one.clone(), other];
        dpkg(theirs.path(), &files(&packages)).unwrap_err();
        for threads in [1, 4] {
            let ours = root();
            let before = snapshot(ours.path());
            let error = unpack_plain(ours.path(), &packages, threads).unwrap_err();
            assert!(matches!(error, UnpackError::SharedDiffers { .. }), "{error}");
            compare(&before, &snapshot(ours.path()));
        }
    }
}
