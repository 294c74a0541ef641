//! Packages and machines that would do harm: the root is then as it was, and nothing else is touched.

use std::fs;
use std::io::Write;
use std::os::unix::fs::symlink;
use std::path::Path;
use std::process::Command;

use vclust_debian::{DebError, DebLimits, LeftReason, Overrides, UnpackError, Unpacked, Unpacker};

use super::root::{compare, root, snapshot, unpack_plain};
use crate::maker::{Tar, container, package, with_data, written};

/// A good package, which must not stay behind when another one fails.
fn good() -> Vec<u8> {
    let data = Tar::default()
        .directories(&["./", "./good/", "./usr/", "./usr/bin/"])
        .entry("./good/f", b'0', &[1; 5000], "")
        .entry("./usr/bin/good", b'0', b"x", "");
    package(Tar::control("good", ""), data)
}

/// The error of unpacking a package beside a good one; the root is as it was.
fn fails(bad: &[u8]) -> UnpackError {
    let mut last = None;
    for threads in [1, 4] {
        let root = root();
        let before = snapshot(root.path());
        let error = unpack_plain(root.path(), &[good(), bad.to_vec()], threads).unwrap_err();
        compare(&before, &snapshot(root.path()));
        last = Some(error);
    }
    last.unwrap()
}

#[test]
fn a_package_that_ends_in_the_middle_leaves_nothing_behind() {
    let noise: Vec<u8> =
        (0..200_000_u32).flat_map(|n| n.wrapping_mul(2_654_435_761).to_le_bytes()).collect();
    let data = Tar::default()
        .directories(&["./", "./own/"])
        .entry("./own/first", b'0', &noise, "")
        .entry("./own/second", b'0', &noise, "")
        .end();
    let mut encoder = liblzma::write::XzEncoder::new(Vec::new(), 0);
    encoder.write_all(&data).unwrap();
    let packed = encoder.finish().unwrap();
    let control = Tar::control("bad", "").end();
    for end in [packed.len() / 3, packed.len() / 2, packed.len() - 10] {
        let bad = container(&[
            ("debian-binary", b"2.0\n"),
            ("control.tar", &control),
            ("data.tar.xz", &packed[..end]),
        ]);
        let error = fails(&bad);
        assert!(matches!(error, UnpackError::Package(DebError::Damaged { .. })), "{error}");
    }
}

#[test]
fn a_bomb_stops_at_its_limit_and_leaves_nothing_behind() {
    let data = Tar::default()
        .directories(&["./", "./own/"])
        .entry("./own/first", b'0', &vec![0; 3 << 20], "")
        .entry("./own/bomb", b'0', &vec![0; 8 << 20], "")
        .end();
    let mut encoder = liblzma::write::XzEncoder::new(Vec::new(), 0);
    encoder.write_all(&data).unwrap();
    let packed = encoder.finish().unwrap();
    let control = Tar::control("bad", "").end();
    let bomb = written(&container(&[
        ("debian-binary", b"2.0\n"),
        ("control.tar", &control),
        ("data.tar.xz", &packed),
    ]));
    let root = root();
    let before = snapshot(root.path());
    let overrides = Overrides::default();
    let limits = DebLimits { data_bytes: 4 << 20, ..DebLimits::default() };
    let unpacker = Unpacker::new(root.path(), &overrides).limits(limits);
    let packages = unpacker.read(&[bomb.path().to_owned()]).unwrap();
    let text = unpacker.unpack(&packages).unwrap_err().to_string();
    assert!(text.contains("bytes more than 4194304 (at the entry `./own/bomb`)"), "{text}");
    assert!(text.contains(&bomb.path().display().to_string()), "{text}");
    compare(&before, &snapshot(root.path()));
}

#[test]
fn names_that_lead_out_of_the_root() {
    for name in ["../outside", "/outside", "./good/../../outside"] {
        let error = fails(&with_data(Tar::default().entry(name, b'0', b"", "")));
        assert!(matches!(error, UnpackError::Package(DebError::Entry { .. })), "{error}");
    }
    let error = fails(&with_data(Tar::default().entry("./passwd", b'1', b"", "../../etc/passwd")));
    assert!(error.to_string().contains("links to a name that leads out"), "{error}");
}

#[test]
fn links_of_the_root_that_lead_out_of_it_stay_inside() {
    let outside = tempfile::tempdir().unwrap();
    fs::create_dir(outside.path().join("d")).unwrap();
    let data = Tar::default()
        .directories(&["./up/", "./abs/"])
        .entry("./up/f", b'0', b"", "")
        .entry("./abs/f", b'0', b"", "");
    let planted = |root: &Path| {
        let up =
            format!("{}{}", "../".repeat(20), outside.path().strip_prefix("/").unwrap().display());
        symlink(up, root.join("up")).unwrap();
        symlink(outside.path(), root.join("abs")).unwrap();
    };
    // the same names do not exist inside the root
    let first = root();
    planted(first.path());
    let answers = unpack_plain(first.path(), &[with_data(data.clone())], 1).unwrap();
    let [Unpacked::Left(left)] = &answers[..] else { panic!("{answers:?}") };
    assert_eq!((&left.path[..], left.why), (&b"up"[..], LeftReason::PathExists));
    // and where they do, that is where they lead
    let second = root();
    planted(second.path());
    let inside = second.path().join(outside.path().strip_prefix("/").unwrap());
    fs::create_dir_all(&inside).unwrap();
    let answers = unpack_plain(second.path(), &[with_data(data)], 1).unwrap();
    let [Unpacked::Left(left)] = &answers[..] else { panic!("{answers:?}") };
    assert_eq!((&left.path[..], left.why), (&b"abs/f"[..], LeftReason::Twice));
    assert_eq!(fs::read_dir(outside.path()).unwrap().count(), 1, "only `d` is outside");
    assert_eq!(fs::read_dir(inside).unwrap().count(), 0);
}

#[test]
fn a_link_planted_by_one_package_is_not_followed_by_another() {
    let outside = tempfile::tempdir().unwrap();
    let target = outside.path().display().to_string();
    let plant = package(
        Tar::control("plant", ""),
        Tar::default()
            .entry("././@LongLink", b'K', format!("{target}\0").as_bytes(), "")
            .entry("./trap", b'2', b"", "short"),
    );
    for through in [
        Tar::default().directories(&["./trap/"]).entry("./trap/f", b'0', b"", ""),
        Tar::default().entry("./trap/f", b'0', b"", ""),
    ] {
        let through = package(Tar::control("through", ""), through);
        for threads in [1, 4] {
            let root = root();
            for packages in [[plant.clone(), through.clone()], [through.clone(), plant.clone()]] {
                let error = unpack_plain(root.path(), &packages, threads).unwrap_err();
                assert!(matches!(error, UnpackError::NeedsOrder { .. }), "{error}");
            }
        }
        // planted before, in a run of its own, it leads inside the root
        let root = root();
        unpack_plain(root.path(), std::slice::from_ref(&plant), 1).unwrap();
        let answers = unpack_plain(root.path(), &[through], 1).unwrap();
        assert!(matches!(&answers[..], [Unpacked::Left(_)]), "{answers:?}");
    }
    assert_eq!(fs::read_dir(outside.path()).unwrap().count(), 0);
}

#[test]
fn a_setuid_file_of_a_package_that_fails_does_not_stay() {
    let data = Tar::default()
        .directories(&["./", "./s/"])
        .header(b"./s/su", b'0', 4, b"", "0004755")
        .content(b"evil")
        .header(b"./s/large", b'0', 1 << 20, b"", "0004755")
        .content(&[0; 1000]);
    let error = fails(&with_data(data));
    assert!(error.to_string().contains("it ends within or after the entry `./s/large`"), "{error}");
}

#[test]
fn a_name_that_the_file_system_does_not_take() {
    let name = "n".repeat(300);
    let data = Tar::default()
        .entry("././@LongLink", b'L', format!("./usr/{name}\0").as_bytes(), "")
        .entry("short", b'0', b"", "");
    let error = fails(&with_data(data));
    assert!(error.to_string().starts_with("cannot make /usr/nnn"), "{error}");
    assert!(error.to_string().ends_with("which `a:all` ships"), "{error}");
}

#[test]
fn a_full_disk() {
    let mount = tempfile::tempdir().unwrap();
    let status = Command::new("mount")
        .args(["-t", "tmpfs", "-o", "size=1m", "tmpfs"])
        .arg(mount.path())
        .status()
        .unwrap();
    assert!(status.success(), "this test needs root that may mount");
    let data = Tar::default()
        .directories(&["./", "./own/"])
        .entry("./own/small", b'0', &[1; 1000], "")
        .entry("./own/large", b'0', &vec![1; 2 << 20], "");
    let before = snapshot(mount.path());
    let result = unpack_plain(mount.path(), &[good(), with_data(data)], 2);
    let after = snapshot(mount.path());
    let unmounted = Command::new("umount").arg(mount.path()).status().unwrap();
    assert!(unmounted.success());
    let error = result.unwrap_err();
    compare(&before, &after);
    let UnpackError::Write { package, action, source, .. } = &error else { panic!("{error}") };
    assert_eq!((&package[..], *action), ("a:all", "write"));
    assert_eq!(source.kind(), std::io::ErrorKind::StorageFull);
}

#[test]
fn a_root_that_is_none() {
    let root = root();
    let missing = root.path().join("missing");
    let error = unpack_plain(&missing, &[good()], 1).unwrap_err();
    assert!(error.to_string().starts_with("cannot use "), "{error}");
    fs::write(&missing, "").unwrap();
    unpack_plain(&missing, &[good()], 1).unwrap_err();
}
