//! Building, finding and naming images.

use std::fs;

use vclust_core::ImageListings;
use vclust_debian::StateDirectory;
use vclust_grid::{
    Begun, IfFound, ImageKind, ImageRepository, Manifest, RepositoryError, StoredImage,
    root_archive,
};

use crate::made::{Site, begin, fill, key, open};

#[test]
fn what_was_built_is_found_by_its_key_and_by_its_name() {
    let site = Site::new();
    assert_eq!(site.repository.find(key("one")).expect("an answer"), None);
    let image = site.image("one");
    assert_eq!(image.id, image.content.to_string()[..16]);
    assert_eq!((image.kind, image.uses, image.packages.len()), (ImageKind::Image, 0, 3));
    assert_eq!(image.transfer_bytes(), image.products[1].1);
    assert_eq!(image.products[1].0, root_archive());
    assert_eq!(site.names("images"), std::slice::from_ref(&image.id));
    assert!(site.names("building").is_empty() && site.names("locks").is_empty());
    // another process sees the same
    let other = open(site.path());
    for found in [
        other.find(key("one")).expect("an answer").expect("it is there"),
        other.get(&image.id).expect("an image"),
        other.get(&image.id[..4].to_uppercase()).expect("an image"),
    ] {
        assert_eq!(found, image);
    }
    let Begun::Found(found) = other.begin(key("one"), IfFound::Use, &mut || ()).expect("found")
    else {
        panic!("it is built again")
    };
    assert_eq!(*found, image);
}

#[test]
fn the_manifest_says_everything_and_keeps_its_form() {
    let site = Site::new();
    let image = site.image("one");
    let manifest: Manifest = site.repository.manifest(&image).expect("a manifest");
    assert_eq!(manifest.key, key("one"));
    let path = site.repository.path_of(&image).join("manifest.json");
    let text = fs::read(path).expect("a file");
    let json: serde_json::Value = serde_json::from_slice(&text).expect("JSON");
    for (pointer, value) in [
        ("/form", serde_json::json!(1)),
        ("/id", image.id.clone().into()),
        ("/key", key("one").to_string().into()),
        ("/kind", "image".into()),
        ("/content", image.content.to_string().into()),
        ("/base", serde_json::Value::Null),
        ("/variant", "minimal".into()),
        ("/request/0", "one".into()),
        ("/architecture", "amd64".into()),
        ("/packages/0/package", "base-files".into()),
        ("/packages/0/size", 100.into()),
        ("/packages/0/sha256", "02".repeat(32).into()),
        ("/source_date_epoch", 1_700_000_000.into()),
        ("/created", "2023-11-14T22:13:20Z".into()),
        ("/builder", "a test 1".into()),
        ("/inputs/0/name", "InRelease".into()),
        ("/phases/0/seconds", 0.5.into()),
        ("/products/0/name", root_archive().into()),
        ("/products/0/bytes", image.products[1].1.into()),
    ] {
        assert_eq!(json.pointer(pointer), Some(&value), "{pointer}");
    }
}

#[test]
fn names_that_lead_nowhere_or_to_several_images_are_told() {
    let site = Site::new();
    let error = site.repository.get("abc").expect_err("nothing").to_string();
    assert_eq!(error, "no image has the name `abc`; `vclust cache list` lists all");
    let images: Vec<_> = (0..40).map(|number| site.image(&number.to_string())).collect();
    // forty names begin with sixteen digits: two begin alike
    let same = |a: &str, b: &str| a != b && a[..1] == b[..1];
    let (first, _) = images
        .iter()
        .flat_map(|a| images.iter().map(move |b| (a, b)))
        .find(|(a, b)| same(&a.id, &b.id))
        .expect("a pair");
    let error = site.repository.get(&first.id[..1]).expect_err("several");
    let RepositoryError::Ambiguous { names, .. } = &error else { panic!("{error}") };
    assert!(names.len() > 1 && names.contains(&first.id));
    let wrong = format!("{}zz", &first.id[..5]);
    let error = site.repository.get(&wrong).expect_err("none").to_string();
    assert_eq!(error, format!("no image has the name `{wrong}`; did you mean {}?", first.id));
    assert!(site.repository.get("").is_err());
}

#[test]
fn the_same_content_from_two_builds_is_one_image() {
    let site = Site::new();
    let first = site.image("one");
    let manifest = site.repository.path_of(&first).join("manifest.json");
    let before = fs::read(&manifest).expect("a manifest");
    let building = begin(&site.repository, key("another way to one"));
    let image = fill(&building, "one", None);
    let second = building.commit(&site.repository, image).expect("an image");
    assert_eq!(second, first);
    assert_eq!(site.names("images").len(), 1);
    assert_eq!(fs::read(&manifest).expect("a manifest"), before);
    let found = site.repository.find(key("another way to one")).expect("an answer");
    assert_eq!(found, Some(first));
    assert!(site.names("building").is_empty());
}

#[test]
fn building_anew_replaces_what_is_there_and_keeps_its_uses() {
    let site = Site::new();
    let first = site.image("one");
    site.repository.record_use(&first).expect("a count");
    let archive = site.repository.path_of(&first).join(root_archive());
    fs::write(&archive, "damaged").expect("a file");
    let begun = site.repository.begin(key("one"), IfFound::Replace, &mut || ()).expect("begun");
    let Begun::Building(building) = begun else { panic!("it was to be built anew") };
    let image = fill(&building, "one", None);
    let second = building.commit(&site.repository, image).expect("an image");
    assert_eq!((&second.id, second.uses), (&first.id, 1));
    assert!(site.repository.verify(&second, &|_| ()).expect("an answer").damages.is_empty());
    assert!(site.names("building").is_empty());

    let lease = site.repository.lease(&second).expect("a lease");
    let begun = site.repository.begin(key("one"), IfFound::Replace, &mut || ()).expect("begun");
    let Begun::Building(building) = begun else { panic!("it was to be built anew") };
    let image = fill(&building, "one", None);
    let error = building.commit(&site.repository, image).expect_err("it is used");
    assert!(matches!(error, RepositoryError::InUse { .. }), "{error}");
    assert!(lease.product(root_archive()).exists());
    assert!(site.repository.verify(&second, &|_| ()).expect("an answer").damages.is_empty());
    assert!(site.names("building").is_empty());
}

#[test]
fn a_build_that_is_given_up_leaves_nothing() {
    let site = Site::new();
    let building = begin(&site.repository, key("one"));
    fill(&building, "one", None);
    let record = fs::read_to_string(building.directory().join("record.json")).expect("a record");
    let record: serde_json::Value = serde_json::from_str(&record).expect("JSON");
    assert_eq!(record["pid"], std::process::id());
    assert!(record["pid_started"].is_u64());
    drop(building);
    assert!(site.names("building").is_empty() && site.names("locks").is_empty());
    assert!(site.names("images").is_empty());
}

#[test]
fn what_is_not_what_the_builder_says_is_not_taken() {
    let site = Site::new();
    let attempt = |name: &str, change: &dyn Fn(&mut vclust_grid::NewImage, &std::path::Path)| {
        let building = begin(&site.repository, key(name));
        let mut image = fill(&building, name, None);
        change(&mut image, &building.products());
        let error = building.commit(&site.repository, image).expect_err(name).to_string();
        assert!(site.names("images").is_empty() && site.names("building").is_empty(), "{name}");
        error
    };
    let error = attempt("size", &|image, _| image.products[0].bytes += 1);
    assert!(error.contains("root.tar.zst with"), "{error}");
    let error = attempt("more", &|_, products| {
        fs::write(products.join("core"), "dumped").expect("a file");
    });
    assert!(error.contains("core, which is none of its products"), "{error}");
    let error = attempt("less", &|_, products| {
        fs::remove_file(products.join(root_archive())).expect("a file");
    });
    assert!(error.contains("cannot read"), "{error}");
    let error = attempt("out", &|image, _| image.products[0].name = "../root".to_owned());
    assert!(error.contains("manifest"), "{error}");
    let error = attempt("no base", &|image, _| {
        image.kind = ImageKind::Layer;
        image.base = Some("0123456789abcdef".to_owned());
    });
    assert_eq!(
        error,
        "the base 0123456789abcdef of the layer is not in the repository; build it first"
    );
    attempt("half a layer", &|image, _| image.kind = ImageKind::Layer);
}

#[test]
fn selection_sees_the_images_and_the_latest_minimal_one_by_that_name() {
    let site = Site::new();
    let minimal = site.image("minimal");
    let cache = site.image("one");
    site.layer("more", &cache);
    let layer = site.layer("less", &minimal);
    assert_eq!(site.repository.get("minimal").expect("an image"), minimal);
    let listings = site.repository.listings("amd64").expect("listings");
    let ids: Vec<_> = listings.images.iter().map(|image| image.id.as_str()).collect();
    let mut wanted = ["minimal", &cache.id, &layer.id];
    wanted.sort_unstable();
    let mut sorted = ids.clone();
    sorted.sort_unstable();
    assert_eq!(sorted, wanted);
    for image in &listings.images {
        let is_layer = image.id == layer.id;
        assert_eq!(image.kind == vclust_core::ImageKind::Layer, is_layer);
        assert_eq!(image.packages.len(), 2, "libc6 of two architectures is one package");
        assert!(image.bytes > 0);
    }
    assert_eq!(site.repository.listings("arm64").expect("none"), ImageListings::default());
}

#[test]
fn layers_on_other_images_are_roots_with_all_that_lies_below_them() {
    let site = Site::new();
    let minimal = site.image("minimal");
    let cache = site.image("one");
    let layer = site.layer("more", &cache);
    let over = site.layer("most", &layer);
    site.layer("less", &minimal);
    let mut stacks = site.repository.stacks("amd64").expect("stacks");
    stacks.sort_by_key(|stack| stack.parts.len());
    let parts: Vec<Vec<&str>> = stacks
        .iter()
        .map(|stack| stack.parts.iter().map(|part| part.id.as_str()).collect())
        .collect();
    let wanted = [vec![&*cache.id, &layer.id], vec![&*cache.id, &layer.id, &over.id]];
    assert_eq!(parts, wanted);
    assert_eq!(site.repository.stack(&over).expect("a stack"), stacks[1]);
    assert_eq!((stacks[1].base(), stacks[1].top()), (&cache, &over));
    let listing = stacks[1].listing();
    assert_eq!((listing.id, listing.kind), (over.id.clone(), vclust_core::ImageKind::Image));
    let sizes = [&cache, &layer, &over].map(StoredImage::transfer_bytes);
    assert_eq!(listing.bytes, sizes.iter().sum::<u64>());
    // all parts of this test have the same packages
    assert_eq!(listing.packages, cache.package_versions());
    assert_eq!(site.repository.stacks("arm64").expect("none"), []);
}

#[test]
fn uses_are_counted_for_an_image_and_what_it_lies_on() {
    let site = Site::new();
    let base = site.image("one");
    let layer = site.layer("more", &base);
    assert_ne!(layer.id, site.layer("more", &site.image("two")).id);
    site.repository.record_use(&layer).expect("a count");
    site.repository.record_use(&base).expect("a count");
    let uses = |id: &str| site.repository.get(id).expect("an image").uses;
    assert_eq!((uses(&layer.id), uses(&base.id)), (1, 2));
    assert!(site.repository.get(&base.id).expect("an image").last_used > base.last_used);
}

#[test]
fn files_that_are_no_catalogue_of_ours_are_left_alone() {
    let directory = tempfile::tempdir().expect("a directory");
    let path = directory.path().join("catalogue.sqlite");
    let state = StateDirectory::at(directory.path());
    assert!(ImageRepository::open_existing(&state).expect("an answer").is_none());
    assert!(!path.exists(), "looking makes nothing");
    fs::write(&path, "no SQLite, but some text that is long enough to be read").expect("a file");
    let error = ImageRepository::open(&state).expect_err("no database");
    assert!(matches!(error, RepositoryError::Damaged { .. }), "{error}");
    fs::remove_file(&path).expect("a file");
    let sql = rusqlite::Connection::open(&path).expect("a file");
    sql.execute_batch("CREATE TABLE theirs (it)").expect("a table");
    let error = ImageRepository::open(&state).expect_err("another's");
    assert!(matches!(error, RepositoryError::Foreign { .. }), "{error}");
    sql.execute_batch("DROP TABLE theirs; PRAGMA application_id = 0; PRAGMA user_version = 0")
        .expect("an empty file");
    drop(sql);
    drop(ImageRepository::open(&state).expect("a repository"));
    let sql = rusqlite::Connection::open(&path).expect("a file");
    sql.execute_batch("PRAGMA user_version = 3").expect("a version");
    let error = ImageRepository::open(&state).expect_err("newer");
    assert!(matches!(error, RepositoryError::Newer { version: 3, known: 2, .. }), "{error}");
}
