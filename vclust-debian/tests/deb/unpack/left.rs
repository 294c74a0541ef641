//! What is not decided here: packages that meet older files are left to dpkg, alone and whole; and
//! packages whose order matters are refused together.

use std::fs;
use std::path::Path;

use vclust_debian::{LeftReason, UnpackError, Unpacked};

use super::root::{compare, link, put, root, snapshot, unpack_plain};
use crate::maker::{Tar, package};

fn conffiles(name: &str, lines: &str) -> Tar {
    Tar::control(name, "").entry("./conffiles", b'0', lines.as_bytes(), "")
}

/// One package is left, with this path and reason; another beside it is not.
fn left(prepare: impl Fn(&Path), control: &Tar, data: &Tar, path: &str, why: LeftReason) {
    let other = Tar::default().directories(&["./", "./usr/", "./usr/shared/"]).entry(
        "./usr/shared/other",
        b'0',
        b"other",
        "",
    );
    let other = package(Tar::control("other", ""), other);
    for threads in [1, 4] {
        let wanted = root();
        prepare(wanted.path());
        unpack_plain(wanted.path(), std::slice::from_ref(&other), threads).unwrap();
        let found = root();
        prepare(found.path());
        let packages = [package(control.clone(), data.clone()), other.clone()];
        let answers = unpack_plain(found.path(), &packages, threads).unwrap();
        let [Unpacked::Left(left), Unpacked::Done(_)] = &answers[..] else { panic!("{answers:?}") };
        assert_eq!((&left.path[..], left.why), (path.as_bytes(), why), "{left}");
        compare(&snapshot(wanted.path()), &snapshot(found.path()));
    }
}

fn data() -> Tar {
    Tar::default()
        .directories(&["./", "./usr/", "./usr/shared/", "./usr/own/", "./usr/own/deep/"])
        .entry("./usr/own/deep/f", b'0', b"f", "")
        .entry("./usr/shared/f", b'0', b"f", "")
}

#[test]
fn a_conffile_that_was_there_before() {
    let prepare = |root: &Path| put(root, "usr/conf", "changed");
    let data = data().entry("./usr/conf", b'0', b"new", "");
    left(prepare, &conffiles("a", "/usr/conf\n"), &data, "usr/conf", LeftReason::ConffileExists);
}

#[test]
fn a_file_that_was_there_before() {
    let prepare = |root: &Path| put(root, "usr/old", "old");
    for kind in [b'0', b'2', b'3', b'6'] {
        let data = data().entry("./usr/old", kind, b"", "target");
        left(prepare, &Tar::control("a", ""), &data, "usr/old", LeftReason::PathExists);
    }
    let data = data().directories(&["./usr/old/"]);
    left(prepare, &Tar::control("a", ""), &data, "usr/old", LeftReason::PathExists);
}

#[test]
fn a_link_that_was_there_before_and_leads_elsewhere() {
    let prepare = |root: &Path| {
        link("bin", &root.join("usr/alias"));
        link("nowhere", &root.join("usr/dangling"));
    };
    let control = || Tar::control("a", "");
    let data_with = |name: &str, kind: u8, target: &str| data().entry(name, kind, b"", target);
    let exists = LeftReason::PathExists;
    left(prepare, &control(), &data_with("./usr/alias", b'2', "lib"), "usr/alias", exists);
    left(prepare, &control(), &data_with("./usr/alias", b'0', ""), "usr/alias", exists);
    left(
        prepare,
        &control(),
        &data_with("./usr/dangling", b'2', "nowhere"),
        "usr/dangling",
        exists,
    );
    left(prepare, &control(), &data_with("./usr/dangling/", b'5', ""), "usr/dangling", exists);
}

#[test]
fn a_file_in_place_of_a_directory_that_was_there_before() {
    let data = data().entry("./usr/bin", b'0', b"", "");
    left(|_| {}, &Tar::control("a", ""), &data, "usr/bin", LeftReason::PathExists);
}

#[test]
fn peculiar_packages() {
    let control = || Tar::control("a", "");
    let twice = data().entry("./usr/shared/f", b'0', b"again", "");
    left(|_| {}, &control(), &twice, "usr/shared/f", LeftReason::Twice);
    let orphan = data().entry("./usr/none/f", b'0', b"", "");
    left(|_| {}, &control(), &orphan, "usr/none", LeftReason::NoParent);
    let below_link = data().entry("./ln", b'2', b"", "usr").entry("./ln/f", b'0', b"", "");
    left(|_| {}, &control(), &below_link, "ln", LeftReason::NoParent);
    let below_file = data().entry("./usr/shared/f/g", b'0', b"", "");
    left(|_| {}, &control(), &below_file, "usr/shared/f", LeftReason::NoParent);
    let link = data().entry("./usr/conf", b'2', b"", "x");
    left(|_| {}, &conffiles("a", "/usr/conf\n"), &link, "usr/conf", LeftReason::PeculiarConffile);
    let linked = data().entry("./usr/twin", b'1', b"", "./usr/shared/f");
    let control_with = conffiles("a", "/usr/shared/f\n");
    left(|_| {}, &control_with, &linked, "usr/shared/f", LeftReason::PeculiarConffile);
    let foreign = data().entry("./usr/twin", b'1', b"", "./usr/bin/sh");
    let with_shell = |root: &Path| put(root, "usr/bin/sh", "#!");
    left(with_shell, &control(), &foreign, "usr/twin", LeftReason::LinkToOther);
    let marked = data().extended(&[("SCHILY.xattr.user.a", b"b")]).entry("./usr/p", b'6', b"", "");
    left(|_| {}, &control(), &marked, "usr/p", LeftReason::Attributes);
}

#[test]
fn what_a_left_package_would_have_lost_or_won_goes_to_the_other() {
    let with = |name: &str, fields: &str, more: &str, size: usize| {
        let data = Tar::default()
            .directories(&["./", "./d/"])
            .entry("./d/f", b'0', &vec![name.as_bytes()[0]; size], "")
            .entry(more, b'0', b"", "");
        package(Tar::control(name, fields), data)
    };
    for (sizes, threads) in [((1, 100_000), 1), ((100_000, 1), 1), ((1, 1), 4)] {
        let root = root();
        put(root.path(), "usr/old", "old");
        let packages =
            [with("x", "Replaces: y\n", "./usr/old", sizes.0), with("y", "", "./d/y", sizes.1)];
        let answers = unpack_plain(root.path(), &packages, threads).unwrap();
        let [Unpacked::Left(_), Unpacked::Done(done)] = &answers[..] else { panic!("{answers:?}") };
        assert!(done.files.contains(&b"d/f".to_vec()));
        assert_eq!(fs::read(root.path().join("d/f")).unwrap()[0], b'y');
        assert_eq!(fs::read_to_string(root.path().join("usr/old")).unwrap(), "old");
    }
}

/// Both packages are refused together, for any number of threads, and the root is as before.
fn needs_order(prepare: impl Fn(&Path), one: Tar, two: Tar, place: &str) {
    let (one, two) = (package(Tar::control("one", ""), one), package(Tar::control("two", ""), two));
    for packages in [[one.clone(), two.clone()], [two, one]] {
        for threads in [1, 4] {
            let root = root();
            prepare(root.path());
            let before = snapshot(root.path());
            let error = unpack_plain(root.path(), &packages, threads).unwrap_err();
            let UnpackError::NeedsOrder { path, .. } = &error else { panic!("{error}") };
            assert_eq!(path, place, "{error}");
            compare(&before, &snapshot(root.path()));
        }
    }
}

#[test]
fn a_directory_of_one_package_that_is_a_link_or_file_in_another() {
    let directory = || Tar::default().directories(&["./x/"]).entry("./x/f", b'0', b"", "");
    for (kind, target) in [(b'2', "usr"), (b'0', ""), (b'6', "")] {
        let other = Tar::default().entry("./x", kind, b"", target);
        needs_order(|_| {}, directory(), other, "x");
    }
}

#[test]
fn a_path_below_a_link_or_directory_of_another_package() {
    let below = || Tar::default().entry("./x/f", b'0', b"", "");
    needs_order(|_| {}, Tar::default().entry("./x", b'2', b"", "usr"), below(), "x");
    needs_order(|_| {}, Tar::default().directories(&["./x/"]), below(), "x");
    let prepare = |root: &Path| link("usr/late", &root.join("x"));
    needs_order(prepare, Tar::default().directories(&["./usr/late/"]), below(), "usr/late");
}

#[test]
fn one_file_under_two_names() {
    let one = Tar::default().directories(&["./bin/"]).entry("./bin/tool", b'0', b"1", "");
    let two = Tar::default().directories(&["./usr/bin/"]).entry("./usr/bin/tool", b'0', b"2", "");
    needs_order(|_| {}, one, two, "usr/bin/tool");
}
