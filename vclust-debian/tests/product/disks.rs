//! Disks, as `e2fsck` and Linux see them.

use std::ffi::OsStr;
use std::fs;
use std::path::Path;

use vclust_debian::{
    DiskContent, DiskFormat, DiskOptions, ProductError, Tree, file_digest, write_disk, write_erofs,
};

use crate::archives::Mounted;
use crate::roots::{EPOCH, assert_same, describe, fill, needs_root, noise, run};

fn options(root: &Path, image: &Path, format: DiskFormat) -> DiskOptions {
    let tree = Tree::read(root, EPOCH).expect("a tree");
    let digest = tree.digest(&|_| ()).expect("a digest");
    write_erofs(&tree, image, digest, &|_| ()).expect("an image");
    DiskOptions {
        format,
        size: None,
        digest,
        entries: tree.entries() as u64,
        content_bytes: tree.content_bytes(),
        source_date_epoch: EPOCH,
    }
}

#[test]
fn a_disk_holds_the_tree_and_is_the_same_every_time() {
    needs_root();
    let directory = tempfile::tempdir().expect("a directory");
    let at = |name: &str| directory.path().join(name);
    for name in ["root", "mount"] {
        fs::create_dir(at(name)).expect("a directory");
    }
    fill(&at("root"), false);
    let raw = options(&at("root"), &at("image"), DiskFormat::Raw);
    let qcow2 = DiskOptions { format: DiskFormat::Qcow2, ..raw };
    for (options, name) in [(raw, "raw"), (qcow2, "qcow2")] {
        let [once, twice] = ["once", "twice"].map(|time| {
            let path = at(&format!("{time}.{name}"));
            write_disk(DiskContent::Image(&at("image")), &path, &options).expect("a disk");
            // a clock in the file would show
            std::thread::sleep(std::time::Duration::from_millis(1100));
            file_digest(&path, &|_| ()).expect("a file")
        });
        assert_eq!(once, twice, "{name}");
    }
    run("e2fsck", &[OsStr::new("-fn"), at("once.raw").as_os_str()]);
    let check = ["check", "-f", "qcow2"].map(OsStr::new);
    run("qemu-img", &[&check[..], &[at("once.qcow2").as_os_str()]].concat());
    let compare = ["compare", "-f", "raw", "-F", "qcow2"].map(OsStr::new);
    let disks = [at("once.raw"), at("once.qcow2")];
    run("qemu-img", &[&compare[..], &[disks[0].as_os_str(), disks[1].as_os_str()]].concat());

    let mount = at("mount");
    let arguments = ["-t", "ext4", "-o", "ro,loop"].map(OsStr::new);
    run("mount", &[&arguments[..], &[at("once.raw").as_os_str(), mount.as_os_str()]].concat());
    let _mounted = Mounted(&mount);
    let mut found = describe(&mount);
    let mut wanted = describe(&at("root"));
    // ext4's own directory, which changes the one above it
    assert!(found.remove(&b"lost+found"[..]).is_some());
    assert!(found.remove(&b""[..]).is_some() && wanted.remove(&b""[..]).is_some());
    assert_same(&found, &wanted);
    let left: Vec<_> = fs::read_dir(directory.path()).expect("a directory").collect();
    assert_eq!(left.len(), 7, "{left:?}");
}

#[test]
fn a_disk_has_the_size_asked_for_or_is_refused() {
    needs_root();
    let directory = tempfile::tempdir().expect("a directory");
    let at = |name: &str| directory.path().join(name);
    fs::create_dir(at("root")).expect("a directory");
    let noise = noise(20_000_000);
    fs::write(at("root/noise"), noise).expect("a file");
    let options = options(&at("root"), &at("image"), DiskFormat::Raw);
    let asked = DiskOptions { size: Some(100 << 20), ..options };
    write_disk(DiskContent::Image(&at("image")), &at("disk"), &asked).expect("a disk");
    assert_eq!(fs::metadata(at("disk")).expect("a disk").len(), 100 << 20);
    let small = DiskOptions { size: Some(16 << 20), ..options };
    let error =
        write_disk(DiskContent::Image(&at("image")), &at("small"), &small).expect_err("too small");
    let ProductError::TooSmall { needed, .. } = error else { panic!("{error}") };
    assert!(!at("small").exists());
    // what it says is enough, is enough
    let enough = DiskOptions { size: Some(needed), ..options };
    write_disk(DiskContent::Image(&at("image")), &at("enough"), &enough).expect("a disk");
    run("e2fsck", &[OsStr::new("-fn"), at("enough").as_os_str()]);
}
