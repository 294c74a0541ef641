//! Merging index files: which stanzas are one version, and which are two.

mod support;

use support::universe::Universe;
use vclust_core::{FileOrigin, Index, Policy, VersionView};

fn merged(files: &[&str], status: &str) -> Index {
    let mut builder = Index::builder("amd64");
    for (number, file) in files.iter().enumerate() {
        let origin = FileOrigin::named(format!("file {number}"));
        builder.packages(file.as_bytes().to_vec(), origin).expect("a Packages file");
    }
    builder.status(status.as_bytes().to_vec(), FileOrigin::named("status"));
    builder.build().expect("an index")
}

fn versions<'a>(index: &'a Index, name: &str) -> Vec<VersionView<'a>> {
    index.find(name).expect("the package is there").versions().collect()
}

const LIBRARY: &str = "Package: lib\nVersion: 1\nArchitecture: amd64\nInstalled-Size: 10\n\
    Depends: libc (>= 2.36), data (= 1)\nConflicts: old (<< 3)\nSize: 100\n";

#[test]
fn the_same_version_in_two_files_is_one_version() {
    let index = merged(&[LIBRARY, LIBRARY], "");
    let found = versions(&index, "lib");
    assert_eq!(found.len(), 1);
    let files: Vec<&str> = found[0].files().map(|file| file.name.as_str()).collect();
    assert_eq!(files, ["file 0", "file 1"]);
}

#[test]
fn an_installed_version_is_the_archives_although_dpkg_reformats_its_fields() {
    let status = "Package: lib\nStatus: install ok installed\nVersion: 1\nArchitecture: amd64\n\
        Installed-Size: 10\nDepends: libc (>= 2.36),  data (= 0:1)\nConflicts: old (<< 3)\n";
    let index = merged(&[LIBRARY], status);
    let found = versions(&index, "lib");
    assert_eq!(found.len(), 1);
    let installed = index.find("lib").and_then(|package| package.installed());
    assert_eq!(installed.map(|version| version.id()), Some(found[0].id()));
    assert_eq!(found[0].size(), 100);
}

#[test]
fn an_equal_version_with_other_relations_stays_apart_and_the_archives_goes_first() {
    let status = "Package: lib\nStatus: install ok installed\nVersion: 1\nArchitecture: amd64\n\
        Installed-Size: 10\nDepends: libc (>= 2.36)\n";
    let index = merged(&[LIBRARY], status);
    let found = versions(&index, "lib");
    assert_eq!(found.len(), 2);
    assert_eq!(found[0].size(), 100);
    let installed = index.find("lib").and_then(|package| package.installed());
    assert_eq!(installed.map(|version| version.id()), Some(found[1].id()));
}

#[test]
fn each_thing_that_tells_equal_versions_apart() {
    let other = |from: &str, to: &str| {
        let changed = LIBRARY.replace(from, to);
        assert_ne!(changed, LIBRARY);
        versions(&merged(&[LIBRARY, &changed], ""), "lib").len()
    };
    assert_eq!(other("Installed-Size: 10", "Installed-Size: 11"), 2);
    assert_eq!(other("Size: 100", "Size: 101"), 2);
    assert_eq!(other("Depends: libc", "Depends: glibc"), 2);
    assert_eq!(other("Conflicts:", "Breaks:"), 2);
    assert_eq!(other("Package: lib\n", "Package: lib\nMulti-Arch: same\n"), 2);
    assert_eq!(other("Package: lib\n", "Package: lib\nSection: libs\n"), 1);
    assert_eq!(other("Package: lib\n", "Package: lib\nRecommends: more\n"), 1);
    assert_eq!(other("(>= 2.36)", "( >=2.36 )"), 1);
}

#[test]
fn security_goes_over_main_whatever_the_order_of_the_files() {
    for order in ["% suite security\n", "% suite security\n% suite updates\n"] {
        let universe = format!(
            "{order}
             a 1 -> b
             a 1+deb12u1 -> b; suite=security
             b 2
             b 1; suite=security"
        );
        let index = Universe::parse(&universe).index();
        let candidate = |name: &str| {
            let package = index.find(name).expect("the package is there").id();
            let version = Policy::default().candidate(&index, package).expect("a candidate");
            index.version(version).version().into_owned()
        };
        assert_eq!((candidate("a").as_str(), candidate("b").as_str()), ("1+deb12u1", "2"));
    }
}

#[test]
fn versions_are_listed_from_the_highest_on() {
    let file = |version: &str| format!("Package: a\nVersion: {version}\nArchitecture: all\n");
    let (low, high, middle) = (file("1~rc1"), file("1:0"), file("1"));
    let index = merged(&[&low, &high, &middle], "");
    let listed: Vec<String> =
        versions(&index, "a").iter().map(|version| version.version().into_owned()).collect();
    assert_eq!(listed, ["1:0", "1", "1~rc1"]);
}

#[test]
fn packages_for_all_architectures_and_for_the_native_one_are_one_package() {
    let native = "Package: a\nVersion: 1\nArchitecture: amd64\n";
    let all = "Package: a\nVersion: 2\nArchitecture: all\n";
    let index = merged(&[native, all], "");
    let found = versions(&index, "a");
    let architectures: Vec<&str> = found.iter().map(VersionView::architecture).collect();
    assert_eq!(architectures, ["all", "amd64"]);
}
