//! Which images, layers and stacks of them plans are made with.

use std::fs;

use vclust_core::{ClusterSpec, Strategy};
use vclust_debian::{StateDirectory, file_digest};
use vclust_grid::{
    ClusterPlan, ClusterPlanner, ManifestPackage, PackageSource, Product, ROOT_STATUS, StoredImage,
};

use crate::made::{Site, begin, fill, key};

const PACKAGES: [&str; 6] = ["base", "apt", "one", "two", "three", "four"];

fn stanza(package: &str, status: &str) -> String {
    let essential = if package == "base" { "Essential: yes\n" } else { "" };
    format!("Package: {package}\nStatus: {status}\n{essential}Version: 1\nArchitecture: amd64\n\n")
}

/// Builds an image of packages, or a layer over one, beside which dpkg's status is what `status` says.
fn build(
    site: &Site,
    name: &str,
    base: Option<&StoredImage>,
    packages: &[&str],
    status: &str,
) -> StoredImage {
    let building = begin(&site.repository, key(name));
    let mut image = fill(&building, name, base.map(|base| base.id.clone()));
    let path = building.products().join(ROOT_STATUS);
    fs::write(&path, status).expect("a status");
    let file = file_digest(&path, &|_| ()).expect("its digest");
    image.products.push(Product {
        name: ROOT_STATUS.to_owned(),
        bytes: file.bytes,
        sha256: file.sha256,
    });
    let package = |package: &&str| ManifestPackage {
        package: (*package).to_owned(),
        version: "1".to_owned(),
        architecture: "amd64".to_owned(),
        size: 100,
        sha256: image.content,
    };
    image.packages = packages.iter().map(package).collect();
    building.commit(&site.repository, image).expect("an image")
}

fn installed(packages: &[&str]) -> String {
    packages.iter().map(|package| stanza(package, "install ok installed")).collect()
}

/// A site with a minimal image, another one, and a layer for each of `one`, `two` and `three` on top of each
/// other; beside the highest dpkg's status is what `status` says.
fn site(status: &str) -> (Site, Vec<StoredImage>) {
    let site = Site::new();
    let minimal = ["base", "apt"];
    let mut there = minimal.to_vec();
    let mut parts = vec![build(&site, "cache", None, &minimal, &installed(&minimal))];
    for name in ["one", "two", "three"] {
        there.push(name);
        let status = if name == "three" { status.to_owned() } else { installed(&there) };
        let layer = build(&site, name, parts.last(), &[name], &status);
        parts.push(layer);
    }
    // the latest image that was asked for nothing is the minimal one
    build(&site, "minimal", None, &minimal, &installed(&minimal));
    (site, parts)
}

fn plan(site: &Site, packages: &[&str], strategy: Strategy) -> ClusterPlan {
    let index = site.path().join("Packages");
    let of = |package: &&str| stanza(package, "install").replace("Status: install\n", "");
    let text: String = PACKAGES.iter().map(of).collect();
    fs::write(&index, text).expect("a file");
    let planner = ClusterPlanner {
        state: Some(StateDirectory::at(site.path())),
        source: PackageSource {
            architecture: Some("amd64".to_owned()),
            ..PackageSource::of_files([index])
        },
        ..ClusterPlanner::default()
    };
    let spec = format!(
        "name = \"c\"\nnodes = 4\npackages = {packages:?}\n[deploy]\nstrategy = \"{}\"\n",
        strategy.name()
    );
    planner.plan(ClusterSpec::parse(&spec).expect("a spec"), &|_| ()).expect("a plan")
}

fn images(plan: &ClusterPlan) -> Vec<&str> {
    plan.selection.candidates.iter().map(|candidate| &*candidate.image).collect()
}

#[test]
fn a_stack_that_has_everything_is_chosen_as_high_as_it_is() {
    let (site, parts) = site(&installed(&["base", "apt", "one", "two", "three"]));
    let all = plan(&site, &["one", "two", "three"], Strategy::Layers);
    let best = all.selection.best();
    assert_eq!((&best.image, best.missing), (&parts[3].id, 0));
    let some = plan(&site, &["one", "two"], Strategy::Layers);
    assert_eq!(some.selection.best().missing, 0);
}

#[test]
fn nothing_goes_on_top_of_the_highest_stack_nor_is_a_stack_installed() {
    let (site, parts) = site(&installed(&["base", "apt", "one", "two", "three"]));
    let more = plan(&site, &["one", "two", "three", "four"], Strategy::Layers);
    assert!(!images(&more).contains(&&*parts[3].id), "{:?}", images(&more));
    let best = more.selection.best();
    assert_eq!((&best.image, best.missing), (&parts[2].id, 2));
    assert_eq!(more.selection.considered, more.selection.candidates.len());
    let install = plan(&site, &["one"], Strategy::Install);
    assert!(!images(&install).contains(&&*parts[1].id), "{:?}", images(&install));
}

#[test]
fn a_stack_whose_layer_removed_what_is_wanted_is_not_taken() {
    let mut status = installed(&["base", "apt", "two", "three"]);
    status += &stanza("one", "deinstall ok config-files");
    let (site, parts) = site(&status);
    let plan = plan(&site, &["one", "two", "three"], Strategy::Layers);
    assert!(!images(&plan).contains(&&*parts[3].id), "{:?}", images(&plan));
    assert_eq!(plan.selection.best().image, parts[2].id);
}
