//! What dpkg-deb builds is read as it was.

use std::fs;
use std::os::unix::fs::symlink;

use vclust_debian::{DebLimits, EntryKind, PackageFile};

use crate::maker::{Tar, build, container, read, read_with, set_mode, tree, with_data};

#[test]
fn a_package_of_each_compression_is_read_as_it_was_built() {
    let tree = tree("hello", "Replaces: a (<< 2), b, c (>= 1~) | d\nMulti-Arch: same\n");
    let root = tree.path();
    let long = format!("usr/{}/{}", "d".repeat(120), "f".repeat(200));
    fs::create_dir_all(root.join(&long).parent().unwrap()).unwrap();
    let noise: Vec<u8> =
        (0..300_000_u32).flat_map(|n| n.wrapping_mul(2_654_435_761).to_le_bytes()).collect();
    fs::write(root.join(&long), &noise).unwrap();
    fs::create_dir(root.join("etc")).unwrap();
    fs::write(root.join("etc/hello.conf"), "greeting=hello\n").unwrap();
    fs::write(root.join("DEBIAN/conffiles"), "/etc/hello.conf\n").unwrap();
    fs::write(root.join("DEBIAN/postinst"), "#!/bin/sh\n").unwrap();
    set_mode(&root.join("DEBIAN/postinst"), 0o755);
    symlink("hello.conf", root.join("etc/link")).unwrap();
    fs::hard_link(root.join("etc/hello.conf"), root.join("etc/twin")).unwrap();
    for options in [
        &["-Zgzip"][..],
        &["-Zxz"],
        &["-Zzstd"],
        &["-Znone"],
        &["-Zxz", "-z9", "--no-uniform-compression"],
    ] {
        let file = build(root, options);
        let package = PackageFile::open(file.path(), DebLimits::default()).unwrap();
        let control = package.control().unwrap();
        assert_eq!(control.file("postinst").unwrap().mode, 0o755);
        assert_eq!(control.conffiles().unwrap(), [b"etc/hello.conf".to_vec()]);
        let description = control.description().unwrap();
        assert_eq!((&description.name[..], &description.version[..]), ("hello", "1"));
        assert!(description.is_multi_arch_same);
        let replaced: Vec<_> =
            description.replaces.iter().map(|replaced| &replaced.package[..]).collect();
        assert_eq!(replaced, ["a", "b", "c", "d"]);

        let entries = read_with(file.path(), DebLimits::default()).unwrap();
        let of = |path: &str| {
            entries
                .iter()
                .find(|(entry, _)| entry.path == path.as_bytes())
                .unwrap_or_else(|| panic!("no {path} with {options:?}"))
        };
        assert_eq!(of("").0.kind, EntryKind::Directory);
        assert_eq!(of(&long).1, noise);
        let (conf, content) = of("etc/hello.conf");
        let (twin, other) = of("etc/twin");
        let first = EntryKind::File { size: 15 };
        let second = |path: &str| EntryKind::HardLink { target: path.as_bytes().to_vec() };
        if conf.kind == first {
            assert_eq!(content, b"greeting=hello\n");
            assert_eq!(twin.kind, second("etc/hello.conf"));
        } else {
            assert_eq!((&twin.kind, &other[..]), (&first, &b"greeting=hello\n"[..]));
            assert_eq!(conf.kind, second("etc/twin"));
        }
        assert_eq!((&conf.user_name[..], &conf.group_name[..]), (&b"root"[..], &b"root"[..]));
        assert_eq!(of("etc/link").0.kind, EntryKind::Symlink { target: b"hello.conf".to_vec() });
    }
}

#[test]
fn the_old_lzma_is_read_in_data_members_only() {
    let options = liblzma::stream::LzmaOptions::new_preset(6).unwrap();
    let pack = |bytes: &[u8]| {
        let stream = liblzma::stream::Stream::new_lzma_encoder(&options).unwrap();
        let mut encoder = liblzma::read::XzEncoder::new_stream(bytes, stream);
        let mut packed = Vec::new();
        std::io::Read::read_to_end(&mut encoder, &mut packed).unwrap();
        packed
    };
    let control = Tar::control("a", "").end();
    let data = Tar::default().entry("./f", b'0', b"content", "").end();
    let version: (&str, &[u8]) = ("debian-binary", b"2.0\n");
    let lzma = pack(&data);
    let package = container(&[version, ("control.tar", &control), ("data.tar.lzma", &lzma)]);
    assert_eq!(read(&package).unwrap()[0].1, b"content");
    let lzma = pack(&control);
    let package = container(&[version, ("control.tar.lzma", &lzma), ("data.tar", &data)]);
    assert!(read(&package).unwrap_err().to_string().contains("`control.tar.lzma`"));
}

#[test]
fn extended_headers_replace_names_sizes_and_owners() {
    let path = "p".repeat(300);
    let link = "t".repeat(300);
    let records: &[(&str, &[u8])] = &[
        ("path", path.as_bytes()),
        ("linkpath", link.as_bytes()),
        ("uid", b"2000000000"),
        ("uname", b"someone"),
        ("mtime", b"12345.6789"),
        ("SCHILY.xattr.user.note", b"a=\0b"),
        ("comment", b"passed over"),
    ];
    let data = Tar::default()
        .extended(records)
        .entry("short", b'2', b"", "short")
        .extended(&[("size", b"3")])
        .header(b"f", b'0', 0, b"", "0000644")
        .content(b"abc")
        .entry("g", b'0', b"", "");
    let entries = read(&with_data(data)).unwrap();
    let entry = &entries[0].0;
    assert_eq!(entry.path, path.as_bytes());
    assert_eq!(entry.kind, EntryKind::Symlink { target: link.into_bytes() });
    assert_eq!(
        (entry.user, &entry.user_name[..], entry.modified),
        (2_000_000_000, &b"someone"[..], 12_345)
    );
    assert_eq!(entry.attributes, [(b"user.note".to_vec(), b"a=\0b".to_vec())]);
    assert_eq!(entries[1].1, b"abc");
    assert_eq!((entries[2].0.user, entries[2].0.attributes.len()), (0, 0));
}

#[test]
fn names_need_not_be_text() {
    let data = Tar::default().entry(b"./\xff\xfe", b'0', b"x", "");
    assert_eq!(read(&with_data(data)).unwrap()[0].0.path, b"\xff\xfe");
}
