//! Images that clusters run on stay as long as the clusters are there.

use std::time::Duration;

use vclust_core::{ClusterSpec, Strategy};
use vclust_debian::StateDirectory;
use vclust_grid::{ClusterStore, HeldCluster, NewCluster, StoredImage};

use crate::made::Site;

fn start(site: &Site, store: &ClusterStore, image: &StoredImage) -> HeldCluster {
    let spec = ClusterSpec::parse("name = \"a\"\nnodes = 1\n").expect("a spec");
    let new = NewCluster { spec, strategy: Strategy::Layers, user: "ada".to_owned() };
    let mut held = store.create(new).expect("a cluster");
    held.update(|record| record.images = vec![image.id.clone()]).expect("a change");
    site.repository.hold(image, held.record().mark.as_str()).expect("an image");
    held
}

fn store(site: &Site) -> ClusterStore {
    ClusterStore::open(&StateDirectory::at(site.path())).expect("a store")
}

#[test]
fn a_cluster_that_is_removed_or_abandoned_lets_its_images_go() {
    let site = Site::new();
    let store = store(&site);
    let image = site.image("one");
    let held = start(&site, &store, &image);
    assert_eq!(site.repository.holders().expect("holders"), [held.record().mark.as_str()]);
    held.remove(Duration::ZERO).expect("an end");
    assert!(site.repository.holders().expect("holders").is_empty());

    drop(start(&site, &store, &image));
    assert_eq!(store.clean_abandoned().expect("order").clusters.len(), 1);
    assert!(site.repository.holders().expect("holders").is_empty());
}

#[test]
fn images_held_for_a_cluster_that_is_not_there_are_released_and_those_of_others_not() {
    let site = Site::new();
    let store = store(&site);
    let image = site.image("one");
    let held = start(&site, &store, &image);
    site.repository.hold(&image, "somebody-else").expect("an image");
    assert!(store.clean_abandoned().expect("order").is_nothing());
    std::fs::remove_dir_all(held.directory()).expect("a directory");
    assert_eq!(store.clean_abandoned().expect("order").images, 1);
    assert_eq!(site.repository.holders().expect("holders"), ["somebody-else"]);
}
