//! Looking for damage.

use std::fs;
use std::sync::atomic::{AtomicU64, Ordering};

use vclust_grid::{Damage, root_archive, root_erofs};

use crate::made::{Site, key};

#[test]
fn every_damage_is_named() {
    let site = Site::new();
    let image = site.image("one");
    let read = AtomicU64::new(0);
    let count = |bytes| {
        read.fetch_add(bytes, Ordering::Relaxed);
    };
    let verified = site.repository.verify(&image, &count).expect("an answer");
    assert!(verified.damages.is_empty(), "{:?}", verified.damages);
    assert_eq!(verified.bytes, image.stored_bytes());
    assert_eq!(read.into_inner(), verified.bytes);

    let directory = site.repository.path_of(&image);
    let (archive, erofs) = (directory.join(root_archive()), directory.join(root_erofs()));
    let mut content = fs::read(&erofs).expect("a file");
    content[2000] ^= 1;
    fs::write(&erofs, &content).expect("a file");
    fs::write(&archive, "short").expect("a file");
    fs::write(directory.join("more"), "").expect("a file");
    let sql = rusqlite::Connection::open(site.path().join("catalogue.sqlite")).expect("a file");
    sql.execute("UPDATE package SET version = '1' WHERE package = 'base-files'", [])
        .expect("a row");
    let image = site.repository.get(&image.id).expect("an image");
    let damages = site.repository.verify(&image, &|_| ()).expect("an answer").damages;
    let texts: Vec<String> = damages.iter().map(ToString::to_string).collect();
    assert_eq!(texts.len(), 4, "{texts:?}");
    assert!(texts[0].starts_with("root.tar.zst has 5 bytes instead of "), "{texts:?}");
    assert!(texts[1].starts_with("root.erofs has the digest "), "{texts:?}");
    assert_eq!(texts[2], "more does not belong to the image");
    assert_eq!(texts[3], "the catalogue and manifest.json differ about its packages");

    fs::remove_file(&archive).expect("a file");
    let damages = site.repository.verify(&image, &|_| ()).expect("an answer").damages;
    assert_eq!(damages[0], Damage::Missing { name: root_archive().to_owned() });
}

#[test]
fn a_manifest_of_another_image_is_told() {
    let site = Site::new();
    let [one, two] = ["one", "two"].map(|content| site.image(content));
    let manifest = |image| site.repository.path_of(image).join("manifest.json");
    fs::copy(manifest(&two), manifest(&one)).expect("a copy");
    let damages = site.repository.verify(&one, &|_| ()).expect("an answer").damages;
    let text = damages[0].to_string();
    assert!(text.contains(&one.id) && text.contains(&two.id), "{text}");
    fs::write(manifest(&one), "{").expect("a file");
    let damages = site.repository.verify(&one, &|_| ()).expect("an answer").damages;
    assert!(damages[0].to_string().starts_with("manifest.json: it is damaged"), "{damages:?}");
    fs::remove_file(manifest(&one)).expect("a file");
    let damages = site.repository.verify(&one, &|_| ()).expect("an answer").damages;
    assert_eq!(damages, [Damage::Missing { name: "manifest.json".to_owned() }]);
    // and it counts as not built
    assert!(site.repository.find(key("one")).expect("an answer").is_none());
}
