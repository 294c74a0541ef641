//! Diversions and overridden owners and modes.

use std::fs;
use std::path::Path;

use vclust_debian::{LeftReason, Overrides, StatOverride, Unpacked};

use super::root::{files, root, same_as_dpkg, unpack};
use crate::maker::{Tar, package};

fn with_file(name: &str) -> Vec<u8> {
    let data = Tar::default()
        .directories(&["./", "./usr/", "./usr/bin/"])
        .entry("./usr/bin/tool", b'0', name.as_bytes(), "")
        .entry(format!("./usr/bin/{name}"), b'1', b"", "./usr/bin/tool");
    package(Tar::control(name, ""), data)
}

#[test]
fn diverted_files_go_elsewhere() {
    let prepare = |root: &Path| {
        let text = "/usr/bin/tool\n/usr/bin/tool.real\nmine\n";
        fs::write(root.join("var/lib/dpkg/diversions"), text).unwrap();
    };
    let mut overrides = Overrides::default();
    overrides.divert(b"usr/bin/tool".to_vec(), b"usr/bin/tool.real".to_vec(), Some("mine".into()));
    let root = same_as_dpkg(prepare, &overrides, &[with_file("theirs"), with_file("mine")]);
    let read = |path: &str| fs::read_to_string(root.path().join(path)).unwrap();
    assert_eq!((read("usr/bin/tool"), read("usr/bin/tool.real")), ("mine".into(), "theirs".into()));
}

#[test]
fn where_a_diversion_leads_nobody_ships_a_file() {
    let mut overrides = Overrides::default();
    overrides.divert(b"usr/bin/other".to_vec(), b"usr/bin/tool".to_vec(), None);
    let root = root();
    let answers = unpack(root.path(), &files(&[with_file("a")]), &overrides, 1).unwrap();
    let [Unpacked::Left(left)] = &answers[..] else { panic!("{answers:?}") };
    assert_eq!(left.why, LeftReason::Diverted);
    assert!(!root.path().join("usr/bin/tool").exists());
}

#[test]
fn overridden_owners_and_modes_count() {
    let prepare = |root: &Path| {
        fs::write(
            root.join("var/lib/dpkg/statoverride"),
            "#3 #4 4711 /usr/bin/tool\n#5 #6 2750 /new\n",
        )
        .unwrap();
    };
    let mut overrides = Overrides::default();
    overrides.set_stat(b"usr/bin/tool".to_vec(), StatOverride { user: 3, group: 4, mode: 0o4711 });
    overrides.set_stat(b"new".to_vec(), StatOverride { user: 5, group: 6, mode: 0o2750 });
    let data = Tar::default().directories(&["./", "./new/", "./usr/", "./usr/bin/"]).entry(
        "./usr/bin/tool",
        b'0',
        b"x",
        "",
    );
    same_as_dpkg(prepare, &overrides, &[package(Tar::control("a", ""), data)]);
}
