//! Archives: written, read by GNU tar, and unpacked again.

use std::fs;
use std::io::Write;
use std::num::NonZero;
use std::path::Path;

use vclust_core::Sha256;
use vclust_debian::{
    Archive, Compression, ProductError, Tree, copy_tar, file_digest, unpack_archive,
};

use crate::roots::{EPOCH, assert_same, describe, fill, needs_root, noise, run};

fn compression(threads: u32) -> Compression {
    Compression { level: 3, threads: NonZero::new(threads).expect("threads") }
}

fn archive(root: &Path, name: &Path, threads: u32) -> Archive {
    let tree = Tree::read(root, EPOCH).expect("a tree");
    tree.write_tar_zst(name, compression(threads), &|_| ()).expect("an archive")
}

#[test]
fn the_same_tree_gives_the_same_bytes_whatever_the_order_and_the_threads() {
    needs_root();
    let directory = tempfile::tempdir().expect("a directory");
    let at = |name: &str| directory.path().join(name);
    for (name, backwards) in [("one", false), ("two", true)] {
        fs::create_dir(at(name)).expect("a directory");
        fill(&at(name), backwards);
    }
    // enough for several jobs of the compressor
    for name in ["one", "two"] {
        let noise = noise(20_000_000);
        fs::write(at(name).join("noise"), noise).expect("a file");
    }
    let first = archive(&at("one"), &at("1.tar.zst"), 1);
    for (name, threads) in [("two", 1), ("one", 2), ("two", 3), ("one", 8)] {
        let file = at(&format!("{name}-{threads}.tar.zst"));
        assert_eq!(archive(&at(name), &file, threads), first, "{name}, {threads} threads");
    }
    assert_eq!(file_digest(&at("1.tar.zst"), &|_| ()).expect("a file"), first.file);
    let tree = Tree::read(&at("two"), EPOCH).expect("a tree");
    assert_eq!(tree.digest(&|_| ()).expect("a digest"), first.content);
    // what is read does not change what was there
    let other = Tree::read(&at("one"), EPOCH - 100_000_000).expect("a tree");
    assert_ne!(other.digest(&|_| ()).expect("a digest"), first.content);
}

#[test]
fn gnu_tar_unpacks_what_was_packed() {
    needs_root();
    let directory = tempfile::tempdir().expect("a directory");
    let at = |name: &str| directory.path().join(name);
    for name in ["root", "out"] {
        fs::create_dir(at(name)).expect("a directory");
    }
    fill(&at("root"), false);
    archive(&at("root"), &at("root.tar.zst"), 2);
    run(
        "tar",
        &[
            "--zstd".as_ref(),
            "--xattrs".as_ref(),
            "--xattrs-include=*".as_ref(),
            "--numeric-owner".as_ref(),
            "-xpf".as_ref(),
            at("root.tar.zst").as_os_str(),
            "-C".as_ref(),
            at("out").as_os_str(),
        ],
    );
    assert_same(&describe(&at("out")), &describe(&at("root")));
}

#[test]
fn unpacking_gives_back_the_tree() {
    needs_root();
    let directory = tempfile::tempdir().expect("a directory");
    let at = |name: &str| directory.path().join(name);
    for name in ["root", "out"] {
        fs::create_dir(at(name)).expect("a directory");
    }
    fill(&at("root"), false);
    let before = describe(&at("root"));
    let written = archive(&at("root"), &at("root.tar.zst"), 2);
    let unpacked = unpack_archive(&at("root.tar.zst"), written.content, &at("out"), &|_| ());
    assert_eq!(unpacked.expect("unpacked").content_bytes, written.content_bytes);
    assert_same(&describe(&at("out")), &before);
    assert_same(&describe(&at("root")), &before);
    let again = archive(&at("out"), &at("again.tar.zst"), 1);
    assert_eq!(again, written);

    copy_tar(&at("root.tar.zst"), written.content, &at("root.tar"), &|_| ()).expect("a copy");
    let plain = file_digest(&at("root.tar"), &|_| ()).expect("a file");
    assert_eq!((plain.bytes, plain.sha256), (written.content_bytes, written.content));
}

#[test]
fn a_damaged_archive_is_told() {
    needs_root();
    let directory = tempfile::tempdir().expect("a directory");
    let at = |name: &str| directory.path().join(name);
    fs::create_dir(at("root")).expect("a directory");
    fs::write(at("root").join("file"), vec![7; 100_000]).expect("a file");
    let written = archive(&at("root"), &at("good"), 1);
    let good = fs::read(at("good")).expect("an archive");
    let attempt = |name: &str, content: &[u8], digest| {
        fs::write(at(name), content).expect("an archive");
        let out = at(&format!("{name}-out"));
        fs::create_dir(&out).expect("a directory");
        unpack_archive(&at(name), digest, &out, &|_| ()).expect_err("damaged").to_string()
    };
    let cut = attempt("cut", &good[..good.len() / 2], written.content);
    assert!(cut.contains("cannot read the archive") && cut.contains("cut"), "{cut}");
    let mut flipped = good.clone();
    let middle = flipped.len() / 2;
    flipped[middle] ^= 0x40;
    attempt("flipped", &flipped, written.content);
    attempt("nothing", b"", written.content);
    let other = attempt("other", &good, Sha256([1; 32]));
    assert!(other.contains(&written.content.to_string()), "{other}");
}

/// An archive with one entry of a user's making, after a directory and a link that leads out of it.
fn hostile(path: &Path, out: &Path, name: &[u8], kind: tar::EntryType, link: &[u8]) {
    let mut plain = Vec::new();
    let mut put = |name: &[u8], kind: tar::EntryType, link: &[u8], content: &[u8]| {
        let mut header = tar::Header::new_ustar();
        header.set_entry_type(kind);
        header.set_mode(0o755);
        header.set_uid(0);
        header.set_gid(0);
        header.set_mtime(1);
        header.set_size(content.len() as u64);
        header.as_old_mut().name[..name.len()].copy_from_slice(name);
        header.as_old_mut().linkname[..link.len()].copy_from_slice(link);
        header.set_cksum();
        plain.extend_from_slice(header.as_bytes());
        if !content.is_empty() {
            plain.extend_from_slice(content);
            plain.resize(plain.len().next_multiple_of(512), 0);
        }
    };
    put(b"./", tar::EntryType::Directory, b"", b"");
    let outside = out.join("outside");
    put(b"./way", tar::EntryType::Symlink, outside.to_str().expect("text").as_bytes(), b"");
    let content: &[u8] = if kind == tar::EntryType::Regular { b"hostile" } else { b"" };
    put(name, kind, link, content);
    plain.extend_from_slice(&[0; 1024]);
    let mut encoder = zstd::Encoder::new(fs::File::create(path).expect("a file"), 1).expect("zstd");
    encoder.write_all(&plain).expect("room");
    encoder.finish().expect("room");
}

#[test]
fn no_entry_leads_out_of_the_directory() {
    needs_root();
    for (number, (name, kind, link)) in [
        (&b"../outside/file"[..], tar::EntryType::Regular, &b""[..]),
        (b"./way/file", tar::EntryType::Regular, b""),
        (b"./way", tar::EntryType::Regular, b""),
        (b"./a/../../outside/file", tar::EntryType::Regular, b""),
        (b"./file", tar::EntryType::Link, b"../outside/secret"),
        (b"./file", tar::EntryType::Link, b"./way/secret"),
        (b"/etc/vclust-hostile", tar::EntryType::Regular, b""),
        (b"./way/directory", tar::EntryType::Directory, b""),
        (b"./odd", tar::EntryType::GNUSparse, b""),
    ]
    .into_iter()
    .enumerate()
    {
        let directory = tempfile::tempdir().expect("a directory");
        let at = |name: &str| directory.path().join(name);
        fs::create_dir_all(at("outside")).expect("a directory");
        fs::create_dir(at("root")).expect("a directory");
        fs::write(at("outside/secret"), "secret").expect("a file");
        hostile(&at("hostile"), directory.path(), name, kind, link);
        let error = unpack_archive(&at("hostile"), Sha256([0; 32]), &at("root"), &|_| ());
        let error = error.expect_err("refused");
        // never so far as to compare digests
        assert!(!matches!(error, ProductError::Digest { .. }), "{number}: {error}");
        let outside: Vec<_> = fs::read_dir(at("outside")).expect("a directory").collect();
        assert_eq!(outside.len(), 1, "{number}: {error}");
        assert_eq!(fs::read(at("outside/secret")).expect("a file"), b"secret");
        assert!(!Path::new("/etc/vclust-hostile").exists());
    }
}

#[test]
fn a_full_disk_is_told() {
    needs_root();
    let directory = tempfile::tempdir().expect("a directory");
    let small = directory.path().join("small");
    fs::create_dir(&small).expect("a directory");
    let root = directory.path().join("root");
    fs::create_dir(&root).expect("a directory");
    let noise = noise(4_000_000);
    fs::write(root.join("noise"), noise).expect("a file");
    let mounted = Mounted::tmpfs(&small, "size=1m");
    let tree = Tree::read(&root, EPOCH).expect("a tree");
    let name = mounted.0.join("root.tar.zst");
    let error = tree.write_tar_zst(&name, compression(1), &|_| ()).expect_err("no room");
    assert!(error.to_string().contains("root.tar.zst"), "{error}");
    let ProductError::Write { source, .. } = error else { panic!("{error}") };
    assert_eq!(source.kind(), std::io::ErrorKind::StorageFull);
    fs::remove_file(&name).expect("a file");
    let image = vclust_debian::write_erofs(&tree, &name, Sha256([0; 32]), &|_| ());
    let ProductError::Write { source, .. } = image.expect_err("no room") else { panic!() };
    assert_eq!(source.kind(), std::io::ErrorKind::StorageFull);
}

/// A file system that is unmounted at the end of its test.
pub(crate) struct Mounted<'a>(pub(crate) &'a Path);

impl<'a> Mounted<'a> {
    pub(crate) fn tmpfs(at: &'a Path, options: &str) -> Self {
        let arguments = ["-t", "tmpfs", "-o", options, "tmpfs"].map(AsRef::as_ref);
        run("mount", &[&arguments[..], &[at.as_os_str()]].concat());
        Self(at)
    }

    pub(crate) fn erofs(image: &Path, at: &'a Path) -> Self {
        let arguments = ["-t", "erofs", "-o", "ro,loop"].map(AsRef::as_ref);
        run("mount", &[&arguments[..], &[image.as_os_str(), at.as_os_str()]].concat());
        Self(at)
    }
}

impl Drop for Mounted<'_> {
    fn drop(&mut self) {
        run("umount", &[self.0.as_os_str()]);
    }
}

#[test]
fn a_mount_in_the_tree_and_a_file_that_grows_are_refused() {
    needs_root();
    let directory = tempfile::tempdir().expect("a directory");
    let root = directory.path().join("root");
    fs::create_dir_all(root.join("proc")).expect("a directory");
    fs::write(root.join("file"), "some").expect("a file");
    let proc = root.join("proc");
    {
        let _mounted = Mounted::tmpfs(&proc, "size=1m");
        let error = Tree::read(&root, EPOCH).expect_err("refused");
        assert!(matches!(error, ProductError::Mounted { ref path } if *path == proc), "{error}");
    }
    let tree = Tree::read(&root, EPOCH).expect("a tree");
    for content in ["some more", "s"] {
        fs::write(root.join("file"), content).expect("a file");
        let error = tree.digest(&|_| ()).expect_err("changed");
        assert!(matches!(error, ProductError::Changed { .. }), "{error}");
    }
    // a link that takes its place is not followed
    fs::remove_file(root.join("file")).expect("a file");
    std::os::unix::fs::symlink("/etc/passwd", root.join("file")).expect("a link");
    assert!(tree.digest(&|_| ()).is_err());
}
