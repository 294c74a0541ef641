//! erofs images, as Linux and `fsck.erofs` see them.

use std::fs;
use std::path::Path;

use vclust_core::Sha256;
use vclust_debian::{ProductError, ProductFile, Tree, write_erofs, write_erofs_lz4hc};

use crate::archives::Mounted;
use crate::roots::{EPOCH, assert_same, describe, fill, needs_root, run};

fn image(root: &Path, path: &Path) -> (ProductFile, Sha256) {
    let tree = Tree::read(root, EPOCH).expect("a tree");
    let digest = tree.digest(&|_| ()).expect("a digest");
    (write_erofs(&tree, path, digest, &|_| ()).expect("an image"), digest)
}

#[test]
fn whiteouts_give_the_same_bytes_whether_the_kernel_linked_them_or_not() {
    needs_root();
    let directory = tempfile::tempdir().expect("a directory");
    let at = |name: &str| directory.path().join(name);
    let node = |path: &Path| {
        let kind = rustix::fs::FileType::CharacterDevice;
        let mode = rustix::fs::Mode::empty();
        rustix::fs::mknodat(rustix::fs::CWD, path, kind, mode, 0).expect("a whiteout");
    };
    for root in ["linked", "apart"] {
        fs::create_dir(at(root)).expect("a directory");
        node(&at(root).join("one"));
    }
    fs::hard_link(at("linked/one"), at("linked/two")).expect("a hard link");
    node(&at("apart/two"));
    let images = ["linked", "apart"].map(|root| {
        let times = rustix::fs::Timestamps {
            last_access: rustix::fs::Timespec { tv_sec: 1, tv_nsec: 0 },
            last_modification: rustix::fs::Timespec { tv_sec: 1, tv_nsec: 0 },
        };
        for name in ["one", "two", "."] {
            let path = at(root).join(name);
            let flags = rustix::fs::AtFlags::SYMLINK_NOFOLLOW;
            rustix::fs::utimensat(rustix::fs::CWD, path, &times, flags).expect("a time");
        }
        image(&at(root), &at(&format!("{root}.erofs")))
    });
    assert_eq!(images[0], images[1]);
}

#[test]
fn linux_sees_the_tree_in_the_image() {
    needs_root();
    let directory = tempfile::tempdir().expect("a directory");
    let at = |name: &str| directory.path().join(name);
    for name in ["one", "two", "mount"] {
        fs::create_dir(at(name)).expect("a directory");
    }
    fill(&at("one"), false);
    fill(&at("two"), true);
    let before = describe(&at("one"));
    let (one, digest) = image(&at("one"), &at("one.erofs"));
    let (two, _) = image(&at("two"), &at("two.erofs"));
    assert_eq!(one, two, "the order in which a tree was made shows in its image");
    run("fsck.erofs", &[at("one.erofs").as_os_str()]);
    // and back, to the same bytes
    let tree = Tree::read_erofs(&at("one.erofs")).expect("an image of ours");
    assert_eq!(tree.digest(&|_| ()).expect("a digest"), digest);
    let again = write_erofs(&tree, &at("again.erofs"), digest, &|_| ()).expect("an image");
    assert_eq!(again, one);
    let mount = at("mount");
    let _mounted = Mounted::erofs(&at("one.erofs"), &mount);
    assert_same(&describe(&mount), &before);
    assert_same(&describe(&at("one")), &before);
    for directory in ["usr/lib/deep", "etc"] {
        let links = |root: &Path| {
            let data = fs::metadata(root.join(directory)).expect("a directory");
            std::os::unix::fs::MetadataExt::nlink(&data)
        };
        assert_eq!(links(&mount), links(&at("one")), "{directory}");
    }
}

#[test]
fn directories_of_any_size_are_found_in_images() {
    needs_root();
    let directory = tempfile::tempdir().expect("a directory");
    let at = |name: &str| directory.path().join(name);
    for name in ["root", "mount"] {
        fs::create_dir(at(name)).expect("a directory");
    }
    // from nothing to several blocks, through every size at which a name just fits or just does not
    for count in [0_usize, 1, 2, 30, 61, 62, 63, 64, 65, 150, 300, 2000] {
        for length in [1_usize, 41, 42, 43, 200] {
            let directory = at("root").join(format!("{count}-{length}"));
            fs::create_dir(&directory).expect("a directory");
            for number in 0..count {
                let name = format!("{number:04}{}", "-".repeat(length));
                fs::write(directory.join(name), []).expect("a file");
            }
        }
    }
    let (_, digest) = image(&at("root"), &at("image"));
    run("fsck.erofs", &[at("image").as_os_str()]);
    let tree = Tree::read_erofs(&at("image")).expect("an image of ours");
    assert_eq!(tree.digest(&|_| ()).expect("a digest"), digest);
    let mount = at("mount");
    let _mounted = Mounted::erofs(&at("image"), &mount);
    assert_same(&describe(&mount), &describe(&at("root")));
}

#[test]
fn an_image_serves_as_the_lower_layer_of_an_overlay() {
    needs_root();
    let directory = tempfile::tempdir().expect("a directory");
    let at = |name: &str| directory.path().join(name);
    for name in ["base/etc", "base/upper", "upper/upper", "upper/etc", "low", "layer", "top"] {
        fs::create_dir_all(at(name)).expect("a directory");
    }
    fs::write(at("base/etc/old"), "old").expect("a file");
    fs::write(at("base/upper/hidden"), "old").expect("a file");
    let none = rustix::fs::Mode::empty();
    let kind = rustix::fs::FileType::CharacterDevice;
    rustix::fs::mknodat(rustix::fs::CWD, at("upper/etc/old"), kind, none, 0).expect("a whiteout");
    fs::write(at("upper/etc/new"), "new").expect("a file");
    let flags = rustix::fs::XattrFlags::empty();
    rustix::fs::setxattr(at("upper/upper"), "trusted.overlay.opaque", b"y", flags).expect("a mark");
    image(&at("base"), &at("base.erofs"));
    image(&at("upper"), &at("layer.erofs"));
    let (low, layer, top) = (at("low"), at("layer"), at("top"));
    let _low = Mounted::erofs(&at("base.erofs"), &low);
    let _layer = Mounted::erofs(&at("layer.erofs"), &layer);
    let options = format!("lowerdir={}:{}", layer.display(), low.display());
    let arguments = ["-t", "overlay", "-o", &options, "overlay"].map(AsRef::as_ref);
    run("mount", &[&arguments[..], &[top.as_os_str()]].concat());
    let _top = Mounted(&top);
    let names = |name: &str| -> Vec<_> {
        let entries = fs::read_dir(top.join(name)).expect("a directory");
        entries.map(|entry| entry.expect("an entry").file_name()).collect()
    };
    assert_eq!(names("etc"), ["new"]);
    assert!(names("upper").is_empty());
}

#[test]
fn a_compressed_image_holds_the_same_and_less() {
    needs_root();
    let directory = tempfile::tempdir().expect("a directory");
    let at = |name: &str| directory.path().join(name);
    for name in ["root", "mount"] {
        fs::create_dir(at(name)).expect("a directory");
    }
    fill(&at("root"), false);
    fs::write(at("root/bin/text"), "the same again and again ".repeat(40_000)).expect("a file");
    let (plain, digest) = image(&at("root"), &at("plain"));
    let once = write_erofs_lz4hc(&at("plain"), &at("once"), digest, EPOCH).expect("an image");
    let twice = write_erofs_lz4hc(&at("plain"), &at("twice"), digest, EPOCH).expect("an image");
    assert_eq!(once, twice);
    assert!(once.bytes < plain.bytes, "{once:?}");
    let mount = at("mount");
    let _mounted = Mounted::erofs(&at("once"), &mount);
    assert_same(&describe(&mount), &describe(&at("root")));
}

#[test]
fn an_attribute_without_room_is_told() {
    needs_root();
    let directory = tempfile::tempdir_in("/dev/shm").expect("a directory");
    let root = directory.path().join("root");
    fs::create_dir(&root).expect("a directory");
    let value = vec![7; 65_536];
    let flags = rustix::fs::XattrFlags::empty();
    rustix::fs::setxattr(&root, "trusted.long", &value, flags).expect("tmpfs takes it");
    let tree = Tree::read(&root, EPOCH).expect("a tree");
    let path = directory.path().join("image");
    let error = write_erofs(&tree, &path, Sha256([0; 32]), &|_| ()).expect_err("no room");
    assert!(matches!(error, ProductError::DoesNotFit { .. }), "{error}");
    assert!(!path.exists());
}

#[test]
fn a_damaged_image_ends_in_an_error_or_in_another_digest() {
    needs_root();
    let directory = tempfile::tempdir().expect("a directory");
    let at = |name: &str| directory.path().join(name);
    fs::create_dir(at("root")).expect("a directory");
    fill(&at("root"), false);
    fs::remove_file(at("root/usr/lib/big")).expect("a file");
    let (file, digest) = image(&at("root"), &at("image"));
    let good = fs::read(at("image")).expect("a file");
    // every part of the superblock and the inodes, and some of the content
    let mut flips: Vec<usize> = (1024..60_000).step_by(263).collect();
    flips.extend((60_000..good.len()).step_by(100_003));
    let mut refused = 0;
    for flip in flips {
        let mut bad = good.clone();
        bad[flip] ^= 1 << (flip % 8);
        fs::write(at("bad"), &bad).expect("a file");
        match Tree::read_erofs(&at("bad")).and_then(|tree| tree.digest(&|_| ())) {
            Err(
                ProductError::Image { .. }
                | ProductError::Read { .. }
                | ProductError::Changed { .. },
            ) => {
                refused += 1;
            }
            Err(error) => panic!("byte {flip}: {error}"),
            // links, numbers and the ends of blocks are not part of the stream
            Ok(found) => assert!(found != digest || flip >= 4096, "byte {flip}"),
        }
    }
    assert!(refused > 10, "{refused} of the images were refused");
    for length in [0, 1000, 1100, 4096, 20_000, file.bytes as usize - 4096] {
        fs::write(at("cut"), &good[..length]).expect("a file");
        let read = Tree::read_erofs(&at("cut")).and_then(|tree| tree.digest(&|_| ()));
        assert!(read.is_err(), "{length} bytes");
    }
}
