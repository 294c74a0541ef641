//! One package, as dpkg unpacks it.

use std::fs;
use std::os::unix::fs::symlink;

use vclust_debian::{Overrides, Unpacked};

use super::root::{files, link, put, root, same_as_dpkg, unpack};
use crate::maker::{Tar, build, package, set_mode, tree};

fn same(prepare: impl Fn(&std::path::Path), data: Tar) {
    let packages = [package(Tar::control("a", ""), data)];
    same_as_dpkg(prepare, &Overrides::default(), &packages);
}

#[test]
fn every_kind_of_entry() {
    let long = format!("./{}/", "d".repeat(90));
    let deep = format!("{long}{}", "f".repeat(200));
    let mut data = Tar::default()
        .directories(&["./", "./usr/", "./usr/bin/", "./tmp/", &long])
        .entry("./usr/bin/link", b'2', b"", "../../etc/target")
        .entry("./usr/bin/b", b'0', &vec![7; 700_000], "")
        .header(b"./usr/bin/su", b'0', 3, b"", "0004755")
        .content(b"abc")
        .header(b"./tmp/sticky/", b'5', 0, b"", "0003775")
        .entry("./usr/bin/empty", b'0', b"", "")
        .entry("./usr/bin/twin", b'1', b"", "./usr/bin/su")
        .entry("./usr/bin/third", b'1', b"", "usr/bin/twin")
        .entry("./usr/bin/\u{e4} \u{a0}", b'0', b"x", "")
        .entry(b"./usr/bin/\xff\xfe", b'0', b"x", "")
        .entry("././@LongLink", b'L', format!("{deep}\0").as_bytes(), "")
        .entry("short", b'0', b"long", "")
        .entry("./usr/bin/pipe", b'6', b"", "");
    data = data.device("./usr/bin/null", b'3', 1, 3).device("./usr/bin/disk", b'4', 7, 200);
    same(|_| {}, data);
}

#[test]
fn a_package_that_dpkg_deb_built() {
    let tree = tree("built", "");
    let path = tree.path();
    for directory in ["etc/built", "usr/share/doc/built", "lib", "bin"] {
        fs::create_dir_all(path.join(directory)).unwrap();
    }
    put(path, "etc/built/conf", "a=1\n");
    put(path, "usr/share/doc/built/copyright", "free\n");
    put(path, "lib/libbuilt.so.1", "elf\n");
    put(path, "bin/built", "#!/bin/sh\n");
    set_mode(&path.join("bin/built"), 0o755);
    symlink("libbuilt.so.1", path.join("lib/libbuilt.so")).unwrap();
    fs::hard_link(path.join("bin/built"), path.join("bin/built2")).unwrap();
    put(path, "DEBIAN/conffiles", "/etc/built/conf\n");
    for compression in ["-Zxz", "-Zzstd", "-Zgzip"] {
        let file = build(path, &[compression]);
        let bytes = fs::read(file.path()).unwrap();
        same_as_dpkg(|_| {}, &Overrides::default(), &[bytes]);
    }
}

#[test]
fn directories_of_the_root_stay_as_they_are() {
    let prepare = |root: &std::path::Path| {
        fs::create_dir(root.join("srv")).unwrap();
        set_mode(&root.join("srv"), 0o2700);
        link("srv", &root.join("ln"));
        link("../srv/./", &root.join("usr/up"));
    };
    let data = Tar::default()
        .directories(&["./", "./srv/", "./srv/new/", "./ln/", "./usr/", "./usr/up/", "./bin/"])
        .directories(&["./lib64/", "./lib64/sub/"])
        .entry("./srv/f", b'0', b"1", "")
        .entry("./ln/g", b'0', b"2", "")
        .entry("./usr/up/h", b'0', b"3", "")
        .entry("./bin/sh", b'0', b"4", "")
        .entry("./lib64/sub/ld.so", b'0', b"5", "");
    let packages = [package(Tar::control("a", ""), data)];
    // dpkg follows /lib64 -> /usr/lib64 out of its root, so that it is relative for both here
    let relative = |root: &std::path::Path| {
        prepare(root);
        fs::remove_file(root.join("lib64")).unwrap();
        link("usr/lib64", &root.join("lib64"));
    };
    same_as_dpkg(relative, &Overrides::default(), &packages);
    let ours = root();
    prepare(ours.path());
    unpack(ours.path(), &files(&packages), &Overrides::default(), 2).unwrap();
    assert_eq!(fs::read(ours.path().join("usr/lib64/sub/ld.so")).unwrap(), b"5");
}

#[test]
fn links_to_directories_leave_directories_alone() {
    let data = || {
        Tar::default()
            .directories(&["./", "./usr/", "./usr/share/", "./own/"])
            .entry("./bin", b'2', b"", "usr/bin")
            .entry("./lib", b'2', b"", "./usr/../usr/lib")
            .entry("./usr/share", b'2', b"", "/elsewhere")
            .entry("./usr/bin", b'2', b"", "/elsewhere")
            .entry("./own", b'2', b"", "elsewhere")
            .entry("./new", b'2', b"", "usr")
    };
    same(|_| {}, data());
}

#[test]
fn conffiles_are_written_and_summed() {
    let control = Tar::control("a", "")
        .entry("./conffiles", b'0', b"/etc/a.conf\nremove-on-upgrade /etc/gone\n", "")
        .entry("./md5sums", b'0', b"900150983cd24fb0d6963f7d28e17f72  usr/f\n", "");
    let data = Tar::default()
        .directories(&["./", "./etc/", "./usr/"])
        .entry("./etc/a.conf", b'0', b"abc", "")
        .entry("./usr/f", b'0', b"abc", "");
    let packages = [package(control, data)];
    same_as_dpkg(|_| {}, &Overrides::default(), &packages);
    let root = root();
    let answers = unpack(root.path(), &files(&packages), &Overrides::default(), 1).unwrap();
    let Unpacked::Done(done) = &answers[0] else { panic!("{answers:?}") };
    assert_eq!(done.conffiles.len(), 1);
    assert_eq!(done.conffiles[0].0, b"etc/a.conf");
    assert_eq!(done.conffiles[0].1.to_string(), "900150983cd24fb0d6963f7d28e17f72");
    assert!(done.md5sums.is_none(), "the package has its own");
    assert_eq!(done.bytes, 6);
}
