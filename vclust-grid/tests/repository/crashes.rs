//! What crashes leave, state by state, and full disks.

use std::fs;
use std::path::Path;
use std::process::Command;

use vclust_debian::StateDirectory;
use vclust_grid::{ImageRepository, RepositoryError, root_archive, root_erofs};

use crate::made::{Site, begin, fill, key, names, open};

#[test]
fn images_that_are_not_in_the_catalogue_are_taken_in_again() {
    let site = Site::new();
    let base = site.image("one");
    let layer = site.layer("more", &base);
    for suffix in ["", "-wal", "-shm"] {
        let _ = fs::remove_file(site.path().join(format!("catalogue.sqlite{suffix}")));
    }
    let repository = open(site.path());
    let mut found = repository.list().expect("images");
    found.sort_by_key(|image| image.base.is_some());
    assert_eq!(found, [base.clone(), layer]);
    assert_eq!(repository.find(key("one")).expect("an answer"), Some(base));
}

#[test]
fn rows_without_files_and_files_that_are_no_image_go() {
    let site = Site::new();
    let [gone, kept, cut] = ["one", "two", "three"].map(|content| site.image(content));
    fs::remove_dir_all(site.repository.path_of(&gone)).expect("a directory");
    // a file that is cut, of an image that the catalogue does not know
    fs::write(site.repository.path_of(&cut).join(root_archive()), "cut").expect("a file");
    let sql = rusqlite::Connection::open(site.path().join("catalogue.sqlite")).expect("a file");
    sql.execute("DELETE FROM image WHERE id = ?1", [&cut.id]).expect("a row");
    fs::create_dir(site.path().join("images/0000000000000000")).expect("a directory");
    // what a newer vclust made is not ours to remove
    let newer = site.path().join("images/1111111111111111");
    fs::create_dir(&newer).expect("a directory");
    fs::write(newer.join("manifest.json"), r#"{"form":2}"#).expect("a file");
    let recovered = site.repository.recover().expect("order");
    let mut dropped = recovered.dropped;
    dropped.sort();
    let mut expected = ["0000000000000000", &cut.id, &gone.id];
    expected.sort_unstable();
    assert_eq!(dropped, expected);
    assert_eq!(site.repository.list().expect("images"), std::slice::from_ref(&kept));
    let mut left = vec!["1111111111111111".to_owned(), kept.id];
    left.sort();
    assert_eq!(site.names("images"), left);
    assert_eq!(site.repository.find(key("one")).expect("an answer"), None);
}

#[test]
fn directories_of_dead_builders_go_and_those_of_others_stay() {
    let site = Site::new();
    let building = begin(&site.repository, key("one"));
    let dead = site.path().join("building/0123-1-0");
    fs::create_dir_all(dead.join("root/proc")).expect("a directory");
    fs::write(dead.join("record.json"), "{}").expect("a file");
    fs::create_dir(site.path().join("building/without-a-record")).expect("a directory");
    let recovered = site.repository.recover().expect("order");
    assert_eq!(recovered.builds, 2);
    assert_eq!(names(&site.path().join("building")).len(), 1);
    let image = fill(&building, "one", None);
    building.commit(&site.repository, image).expect("an image");
}

fn mount(what: &[&str], at: &Path) {
    let status = Command::new("mount").args(what).arg(at).status().expect("mount starts");
    assert!(status.success(), "this test needs root: it mounts");
}

#[test]
fn what_a_dead_builder_mounted_is_unmounted_and_not_removed() {
    let site = Site::new();
    let precious = site.path().join("precious");
    fs::create_dir(&precious).expect("a directory");
    fs::write(precious.join("file"), "precious").expect("a file");
    let root = site.path().join("building/dead one/root");
    fs::create_dir_all(root.join("deep")).expect("a directory");
    mount(&["--bind", precious.to_str().expect("text")], &root);
    // and another on top
    mount(&["-t", "tmpfs", "tmpfs"], &root);
    assert_eq!(site.repository.recover().expect("order").builds, 1);
    assert_eq!(fs::read_to_string(precious.join("file")).expect("a file"), "precious");
    assert!(site.names("building").is_empty());
    let mounts = fs::read_to_string("/proc/self/mountinfo").expect("mounts");
    assert!(!mounts.contains(&site.path().display().to_string()), "{mounts}");

    // the same when a build is given up
    let building = begin(&site.repository, key("one"));
    let root = building.directory().join("root");
    fs::create_dir(&root).expect("a directory");
    mount(&["--bind", precious.to_str().expect("text")], &root);
    drop(building);
    assert_eq!(fs::read_to_string(precious.join("file")).expect("a file"), "precious");
    assert!(site.names("building").is_empty());
}

/// A small file system that goes with its test.
struct Small<'a>(&'a Path);

impl Drop for Small<'_> {
    fn drop(&mut self) {
        let _ = Command::new("umount").arg("-l").arg(self.0).status();
    }
}

#[test]
fn a_full_disk_leaves_the_repository_as_it_was() {
    let directory = tempfile::tempdir().expect("a directory");
    mount(&["-t", "tmpfs", "-o", "size=3m", "tmpfs"], directory.path());
    let small = Small(directory.path());
    let repository = open(small.0);
    let first = {
        let building = begin(&repository, key("one"));
        let image = fill(&building, "one", None);
        building.commit(&repository, image).expect("room")
    };
    // the disk is full at a later moment each time: while the root is made, the manifest is
    // written, the catalogue is written; until there is room for all
    let mut failures = Vec::new();
    let filler = small.0.join("filler");
    for room in (0..80).map(|kib| kib << 10) {
        let building = begin(&repository, key("two"));
        let image = fill(&building, "two", None);
        let mut free = rustix::fs::statvfs(small.0).expect("a file system").f_bavail * 4096;
        free -= free.min(room);
        fs::write(&filler, vec![1; free as usize]).expect("room for the filler");
        let result = building.commit(&repository, image);
        fs::remove_file(&filler).expect("the filler");
        match result {
            Ok(image) => {
                assert!(repository.verify(&image, &|_| ()).expect("an answer").damages.is_empty());
                break;
            }
            Err(error) => {
                failures.push(error.to_string());
                assert_eq!(repository.list().expect("images"), std::slice::from_ref(&first));
                assert_eq!(names(&small.0.join("images")), std::slice::from_ref(&first.id));
                assert!(names(&small.0.join("building")).is_empty());
                assert!(repository.verify(&first, &|_| ()).expect("read").damages.is_empty());
            }
        }
    }
    failures.dedup();
    assert!(failures.iter().any(|failure| failure.contains("manifest.json")), "{failures:?}");
    assert!(failures.iter().any(|failure| failure.contains("catalogue")), "{failures:?}");
    assert!(failures.iter().all(|failure| failure.contains("free some space")), "{failures:?}");
    assert_eq!(repository.list().expect("images").len(), 2, "{failures:?}");
}

#[test]
fn a_damaged_catalogue_can_be_moved_away() {
    let site = Site::new();
    let image = site.image("one");
    let path = site.path().join("catalogue.sqlite");
    drop(site.repository);
    let bytes = fs::metadata(&path).expect("a file").len() as usize;
    fs::write(&path, vec![0x55; bytes.max(4096)]).expect("a file");
    let _ = fs::remove_file(site.directory.path().join("catalogue.sqlite-wal"));
    let state = StateDirectory::at(site.directory.path());
    let error = ImageRepository::open(&state).expect_err("damaged");
    assert!(matches!(error, RepositoryError::Damaged { .. }), "{error}");
    assert!(error.to_string().contains("move it away"), "{error}");
    fs::rename(&path, site.directory.path().join("old")).expect("a move");
    let repository = open(site.directory.path());
    assert_eq!(repository.list().expect("images"), std::slice::from_ref(&image));
    assert!(repository.path_of(&image).join(root_erofs()).exists());
}
