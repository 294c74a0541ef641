//! Taking images out.

use std::time::Duration;

use vclust_grid::{CollectOptions, Held, Removal};

use crate::made::{Site, open};

fn budget(bytes: u64) -> CollectOptions {
    CollectOptions { budget: Some(bytes), ..CollectOptions::default() }
}

#[test]
fn what_was_not_used_for_the_longest_time_goes_first() {
    let site = Site::new();
    let [a, b, c] = ["a", "b", "c"].map(|content| site.image(content));
    for image in [&b, &a] {
        site.repository.record_use(image).expect("a count");
    }
    let two = a.stored_bytes() + b.stored_bytes();
    let dry = CollectOptions { dry_run: true, ..budget(two) };
    let told = site.repository.collect(&dry).expect("an answer");
    assert_eq!(site.repository.list().expect("images").len(), 3);
    let done = site.repository.collect(&budget(two)).expect("an answer");
    assert_eq!(told, done);
    let removed: Vec<_> = done.removed.iter().map(|removed| (&removed.id, removed.why)).collect();
    assert_eq!(removed, [(&c.id, Removal::Budget)]);
    assert_eq!((done.bytes_before, done.bytes_after), (two + c.stored_bytes(), two));
    let done = site.repository.collect(&budget(two - 1)).expect("an answer");
    assert_eq!(done.removed[0].id, b.id);
    assert_eq!(site.names("images"), std::slice::from_ref(&a.id));
    assert!(site.names("building").is_empty());
    let done = site.repository.collect(&budget(two - 1)).expect("an answer");
    assert!(done.removed.is_empty() && done.held.is_empty());
    // without a limit nothing goes
    let done = site.repository.collect(&CollectOptions::default()).expect("an answer");
    assert!(done.removed.is_empty());
    assert!(site.repository.find(crate::made::key("b")).expect("an answer").is_none());
}

#[test]
fn what_is_in_use_stays() {
    let site = Site::new();
    let [leased, held, asked, base, free] =
        ["leased", "held", "asked", "base", "free"].map(|content| site.image(content));
    let layer = site.layer("more", &base);
    site.repository.record_use(&layer).expect("a count");
    let other = open(site.path());
    let lease = other.lease(&leased).expect("a lease");
    let second = other.lease(&leased).expect("users share");
    other.hold(&held, "cluster-1").expect("held");
    other.hold(&layer, "cluster-1").expect("held");
    drop(other);
    let other = open(site.path());
    let _lease = other.lease(&leased).expect("a lease of another");
    drop((lease, second));
    let options = CollectOptions { keep: vec![asked.id.clone()], ..budget(0) };
    let done = site.repository.collect(&options).expect("an answer");
    assert_eq!(done.removed.len(), 1);
    assert_eq!(done.removed[0].id, free.id);
    let mut found = done.held;
    found.sort_by(|a, b| a.0.cmp(&b.0));
    let holders = || Held::Holders(vec!["cluster-1".to_owned()]);
    let mut wanted = vec![
        (leased.id.clone(), Held::Leased),
        (held.id.clone(), holders()),
        (asked.id.clone(), Held::Asked),
        (base.id.clone(), Held::Base(vec![layer.id.clone()])),
        (layer.id.clone(), holders()),
    ];
    wanted.sort_by(|a, b| a.0.cmp(&b.0));
    assert_eq!(found, wanted);

    // a layer that is free goes, and then its base
    assert_eq!(site.repository.release("cluster-1").expect("released"), 2);
    let dry = CollectOptions { dry_run: true, ..budget(0) };
    let told = site.repository.collect(&dry).expect("an answer");
    let done = site.repository.collect(&budget(0)).expect("an answer");
    assert_eq!(told.removed, done.removed);
    let gone: Vec<_> = done.removed.iter().map(|removed| removed.id.clone()).collect();
    let place = |id: &String| gone.iter().position(|other| other == id);
    assert!(place(&layer.id) < place(&base.id) && place(&base.id).is_some(), "{gone:?}");
    assert_eq!(site.names("images"), std::slice::from_ref(&leased.id));
    assert_eq!(done.held, [(leased.id, Held::Leased)]);
}

#[test]
fn what_was_not_used_for_too_long_goes_whatever_the_budget() {
    let site = Site::new();
    // images of tests were made in 2023
    let old = site.image("old");
    let new = site.image("new");
    site.repository.record_use(&new).expect("a count");
    let options =
        CollectOptions { unused_for: Some(Duration::from_secs(3600)), ..CollectOptions::default() };
    let done = site.repository.collect(&options).expect("an answer");
    assert_eq!(done.removed.len(), 1);
    assert_eq!((&done.removed[0].id, done.removed[0].why), (&old.id, Removal::Age));
    assert_eq!(site.names("images"), [new.id]);
}

#[test]
fn what_was_made_of_images_for_nodes_counts_and_goes_with_them() {
    let site = Site::new();
    let [kept, gone] = ["kept", "gone"].map(|content| site.image(content));
    let alone = site.repository.collect(&CollectOptions::default()).expect("an answer").bytes_after;
    for image in [&kept, &gone] {
        let _lease = site.repository.lease(image).expect("a lease");
        site.repository.directory(image).expect("a directory");
    }
    let of = |image: &str, name: &str| site.path().join("derived").join(image).join(name);
    std::fs::write(of(&gone.id, "some.tar.zst"), vec![0; 5000]).expect("a file");
    // what a killed process has begun with goes, unless somebody uses the image
    for image in [&kept, &gone] {
        std::fs::create_dir(of(&image.id, ".root-1-abc")).expect("a directory");
        std::fs::write(of(&image.id, ".root-1-abc/file"), vec![0; 1 << 20]).expect("a file");
    }
    let lease = site.repository.lease(&kept).expect("a lease");
    let recovered = site.repository.recover().expect("an answer");
    assert_eq!(recovered.derived, 1);
    assert!(of(&kept.id, ".root-1-abc").exists() && !of(&gone.id, ".root-1-abc").exists());
    drop(lease);
    site.repository.record_use(&kept).expect("a count");
    let done = site.repository.collect(&budget(alone)).expect("an answer");
    let content = kept.content_bytes + gone.content_bytes;
    assert_eq!(done.bytes_before, alone + content + 5000);
    assert_eq!(done.removed.len(), 1);
    assert_eq!(done.removed[0].bytes, gone.stored_bytes() + gone.content_bytes + 5000);
    assert!(!of(&gone.id, "").exists() && of(&kept.id, "root/etc/content").exists());
    assert_eq!(done.bytes_after, kept.stored_bytes() + kept.content_bytes);
}
