//! Images outside of the repository.

use std::fs;
use std::path::Path;

use vclust_debian::file_digest;
use vclust_grid::{
    ExportError, ExportForm, ExportOptions, remove_unfinished_export, root_archive, root_erofs,
};

use crate::made::{Site, begin, fill, key, names};

fn options(target: &Path) -> ExportOptions {
    ExportOptions { form: ExportForm::of(target), replace: false, disk_size: None }
}

#[test]
fn the_suffix_says_what_is_exported() {
    for (name, form) in [
        ("a.tar", ExportForm::Tar),
        ("a.tar.zst", ExportForm::TarZst),
        ("A.EROFS", ExportForm::Erofs),
        ("b.img", ExportForm::Raw),
        ("b.raw", ExportForm::Raw),
        ("b.qcow2", ExportForm::Qcow2),
        ("directory", ExportForm::Directory),
        ("some.thing/", ExportForm::Directory),
    ] {
        assert_eq!(ExportForm::of(Path::new(name)), form, "{name}");
    }
}

#[test]
fn every_form_holds_the_image() {
    let site = Site::new();
    let image = site.image("one");
    let out = tempfile::tempdir().expect("a directory");
    let export = |name: &str| {
        let target = out.path().join(name);
        let bytes = site.repository.export(&image, &target, &options(&target), &|_| ());
        (bytes.unwrap_or_else(|error| panic!("{name}: {error}")), target)
    };
    let (_, directory) = export("root");
    assert_eq!(fs::read_to_string(directory.join("etc/content")).expect("a file"), "one");
    let (bytes, tar) = export("root.tar");
    let digest = file_digest(&tar, &|_| ()).expect("a file");
    assert_eq!((digest.bytes, digest.sha256), (bytes, image.content));
    for (name, product) in [("copy.tar.zst", root_archive()), ("copy.erofs", root_erofs())] {
        let (_, copy) = export(name);
        let original = site.repository.path_of(&image).join(product);
        assert_eq!(fs::read(copy).expect("a file"), fs::read(original).expect("a file"));
    }
    let (bytes, raw) = export("disk.raw");
    assert_eq!(fs::metadata(&raw).expect("a file").len(), bytes);
    let (_, qcow2) = export("disk.qcow2");
    assert_eq!(&fs::read(qcow2).expect("a file")[..4], b"QFI\xfb");
    let found = names(out.path());
    assert_eq!(found.len(), 6, "nothing else is left: {found:?}");
}

#[test]
fn what_is_there_is_replaced_only_when_told_to() {
    let site = Site::new();
    let image = site.image("one");
    let out = tempfile::tempdir().expect("a directory");
    let target = out.path().join("root.tar");
    fs::write(&target, "precious").expect("a file");
    let attempt = |target: &Path, replace| {
        let options = ExportOptions { replace, ..options(target) };
        site.repository.export(&image, target, &options, &|_| ())
    };
    assert!(matches!(attempt(&target, false), Err(ExportError::Exists(_))));
    assert_eq!(fs::read_to_string(&target).expect("a file"), "precious");
    assert!(attempt(&target, true).expect("replaced") > 8);
    let directory = out.path().join("directory");
    fs::create_dir(&directory).expect("a directory");
    attempt(&directory, false).expect("an empty directory is as good as none");
    for replace in [false, true] {
        assert!(matches!(attempt(&directory, replace), Err(ExportError::NotEmpty(_))));
    }
    let file = out.path().join("file");
    fs::write(&file, "precious").expect("a file");
    assert!(matches!(attempt(&file, true), Err(ExportError::Exists(_))));
    assert_eq!(fs::read_to_string(&file).expect("a file"), "precious");
    let nowhere = out.path().join("no/such/root.tar");
    assert!(matches!(attempt(&nowhere, false), Err(ExportError::Write { .. })));
    assert_eq!(names(out.path()).len(), 3);
}

#[test]
fn a_damaged_image_is_not_exported() {
    let site = Site::new();
    let image = site.image("one");
    let archive = site.repository.path_of(&image).join(root_archive());
    let mut content = fs::read(&archive).expect("a file");
    let middle = content.len() / 2;
    content[middle] ^= 0x10;
    fs::write(&archive, content).expect("a file");
    let out = tempfile::tempdir().expect("a directory");
    for name in ["root", "root.tar"] {
        let target = out.path().join(name);
        let error = site.repository.export(&image, &target, &options(&target), &|_| ());
        assert!(matches!(error, Err(ExportError::Product { .. })), "{name}");
    }
    assert!(names(out.path()).is_empty());
}

#[test]
fn an_image_without_an_archive_is_exported_in_every_form() {
    let site = Site::new();
    let building = begin(&site.repository, key("erofs only"));
    let mut new = fill(&building, "one", None);
    let archive = fs::read(building.products().join(root_archive())).expect("a file");
    fs::remove_file(building.products().join(root_archive())).expect("a file");
    new.products.remove(0);
    let image = building.commit(&site.repository, new).expect("an image");
    let out = tempfile::tempdir().expect("a directory");
    for name in ["root", "root.tar", "root.tar.zst", "root.erofs", "root.img"] {
        let target = out.path().join(name);
        site.repository.export(&image, &target, &options(&target), &|_| ()).expect(name);
    }
    assert_eq!(fs::read(out.path().join("root.tar.zst")).expect("a file"), archive);
    let content = fs::read_to_string(out.path().join("root/etc/content"));
    assert_eq!(content.expect("a file"), "one");
    let tar = file_digest(&out.path().join("root.tar"), &|_| ()).expect("a file");
    assert_eq!(tar.sha256, image.content);

    let file = site.repository.path_of(&image).join(root_erofs());
    let mut content = fs::read(&file).expect("a file");
    let place = content.windows(3).position(|part| part == b"one").expect("the content");
    content[place] = b'0';
    fs::write(&file, content).expect("a file");
    for name in ["bad", "bad.tar", "bad.tar.zst"] {
        let target = out.path().join(name);
        let error = site.repository.export(&image, &target, &options(&target), &|_| ());
        assert!(matches!(error, Err(ExportError::Product { .. })), "{name}");
        assert!(!target.exists());
    }
}

#[test]
fn an_image_without_an_erofs_product_gets_one() {
    let site = Site::new();
    let whole = site.image("one");
    let building = begin(&site.repository, key("archive only"));
    let mut image = fill(&building, "two", None);
    fs::remove_file(building.products().join(root_erofs())).expect("a file");
    image.products.pop();
    let lean = building.commit(&site.repository, image).expect("an image");
    let out = tempfile::tempdir().expect("a directory");
    for (image, name) in [(&whole, "one.erofs"), (&lean, "two.erofs"), (&lean, "two.img")] {
        let target = out.path().join(name);
        site.repository.export(image, &target, &options(&target), &|_| ()).expect(name);
    }
    let again = site.image("two");
    // the catalogue had this content already, without the file
    assert_eq!(again.id, lean.id);
    let made = fs::read(out.path().join("two.erofs")).expect("a file");
    let built = fs::read(site.repository.path_of(&again).join(root_erofs())).expect("a file");
    assert_eq!(made, built);
}

#[test]
fn what_a_killed_export_left_is_told_from_that_of_others() {
    let out = tempfile::tempdir().expect("a directory");
    for name in [".root-12-aB3", ".root-123-aB3", ".other-12-aB3", "root-12-aB3"] {
        fs::create_dir_all(out.path().join(name).join("new/etc")).expect("a directory");
    }
    fs::write(out.path().join(".root-12-file"), "precious").expect("a file");
    remove_unfinished_export(&out.path().join("root"), 12).expect("removed");
    let mut found = names(out.path());
    found.sort();
    assert_eq!(found, [".other-12-aB3", ".root-12-file", ".root-123-aB3", "root-12-aB3"]);
}
