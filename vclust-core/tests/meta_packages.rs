//! Meta-packages as a user meets them: the shipped ones, their own files, and their mistakes.

use std::collections::HashSet;

use vclust_core::{Member, MetaPackage, MetaPackageError, MetaPackages, Need};

fn names(members: &[Member]) -> Vec<&str> {
    members.iter().map(|member| member.choose(|_| true)).collect()
}

fn error(text: &str) -> String {
    MetaPackages::empty().merge(text, "mine.toml").expect_err("the file is wrong").to_string()
}

#[test]
fn every_shipped_meta_package_expands() {
    let shipped = MetaPackages::shipped();
    for unit in shipped.iter() {
        let members = shipped.expand(unit.id().as_str()).expect("it expands");
        assert!(members.iter().any(|member| member.need() == Need::Required), "{}", unit.id());
        assert!(!unit.title().is_empty() && !unit.description().is_empty(), "{}", unit.id());
    }
    for wanted in [
        "c-development",
        "fortran",
        "openmpi",
        "mpich",
        "octave-environment",
        "r",
        "scientific-python",
        "java",
        "web-server",
        "database-client",
        "debugging",
        "slurm-compute-node",
        "nfs-client",
        "ssh-access",
        "paper-configuration-1",
        "paper-configuration-2",
    ] {
        assert!(shipped.get(wanted).is_some(), "{wanted}");
    }
}

/// The lists hold, of all names in a release's `main` for amd64, those that the shipped files name;
/// `tests/data/meta-packages/refresh` makes them again.
#[test]
fn every_shipped_member_exists_in_debian_12_and_13() {
    let releases = [
        ("Debian 12", include_str!("data/meta-packages/debian-12.txt")),
        ("Debian 13", include_str!("data/meta-packages/debian-13.txt")),
    ];
    let shipped = MetaPackages::shipped();
    for (release, list) in releases {
        let known: HashSet<&str> = list.lines().collect();
        for member in shipped.iter().flat_map(MetaPackage::members) {
            let chosen = member.choose(|name| known.contains(name));
            assert!(known.contains(chosen), "{chosen} of {} is not in {release}", member.origin());
        }
    }
}

#[test]
fn no_shipped_name_is_hidden_by_a_package_of_the_same_name() {
    // `mpich` and `r` aside: a package wins, and `mpich` the package is most of `mpich` the unit.
    let shipped = MetaPackages::shipped();
    let list = include_str!("data/meta-packages/debian-12.txt");
    let known: HashSet<&str> = list.lines().collect();
    for unit in shipped.iter().filter(|unit| unit.id().as_str() != "mpich") {
        assert!(!known.contains(unit.id().as_str()), "{} is a package too", unit.id());
    }
}

#[test]
fn included_units_come_first_and_once() {
    let mut set = MetaPackages::empty();
    let text = r#"
        [[meta-package]]
        id = "base"
        title = "Base"
        aliases = ["ground"]
        packages = ["a", "b"]
        recommends = ["c"]

        [[meta-package]]
        id = "left"
        title = "Left"
        includes = ["base"]
        packages = ["c", "l"]

        [[meta-package]]
        id = "top"
        title = "Top"
        includes = ["left", "ground"]
        packages = ["t", "a"]
    "#;
    set.merge(text, "mine.toml").expect("the file is right");
    let members = set.expand("top").expect("it expands");
    assert_eq!(names(&members), ["a", "b", "c", "l", "t"]);
    assert_eq!(members[2].need(), Need::Required, "required by one unit is required");
    assert_eq!(members[2].origin().as_str(), "left");
}

#[test]
fn a_users_file_replaces_a_shipped_unit_and_its_aliases() {
    let mut set = MetaPackages::shipped();
    let text = "[[meta-package]]\nid = \"openmpi\"\ntitle = \"Mine\"\npackages = [\"openmpi-bin\"]";
    set.merge(text, "mine.toml").expect("the file is right");
    assert_eq!(names(&set.expand("openmpi").expect("it expands")), ["openmpi-bin"]);
    assert!(set.get("open-mpi").is_none(), "the alias went with the unit that had it");
}

#[test]
fn a_wrong_file_changes_nothing() {
    let mut set = MetaPackages::shipped();
    let text = "[[meta-package]]\nid = \"new\"\ntitle = \"New\"\npackages = [\"a\"]\n
                [[meta-package]]\nid = \"wrong\"\ntitle = \"Wrong\"\npackages = [\"A B\"]";
    set.merge(text, "mine.toml").expect_err("the file is wrong");
    assert_eq!(set, MetaPackages::shipped());
}

#[test]
fn errors_name_the_file_the_unit_and_the_fault() {
    let entry = "[[meta-package]]\nid = \"x\"\ntitle = \"X\"\npackages = [\"a b\"]";
    assert!(error(entry).starts_with("`a b` in meta-package `x` of mine.toml does not name"));
    let name = "[[meta-package]]\nid = \"X Y\"\ntitle = \"X\"";
    assert!(error(name).starts_with("`X Y` in mine.toml cannot name a meta-package"));
    let twice =
        "[[meta-package]]\nid = \"x\"\ntitle = \"X\"\n[[meta-package]]\nid = \"x\"\ntitle = \"X\"";
    assert!(error(twice).starts_with("`x` names both"));
    let misspelt = "[[meta-package]]\nid = \"x\"\ntitle = \"X\"\nrecomends = [\"a\"]";
    assert_eq!(error(misspelt), "mine.toml is not a file of meta-packages");
}

#[test]
fn an_unknown_name_gets_near_names() {
    let error = MetaPackages::shipped().expand("c-devlopment").expect_err("a typo");
    assert_eq!(
        error.to_string(),
        "there is no meta-package `c-devlopment`; did you mean `c-development`?"
    );
    let far = MetaPackages::shipped().expand("zzzzzz").expect_err("nothing like it");
    assert_eq!(far.to_string(), "there is no meta-package `zzzzzz`");
}

#[test]
fn rings_and_missing_includes_are_named_in_full() {
    let mut set = MetaPackages::empty();
    let unit = |id: &str, include: &str| {
        format!("[[meta-package]]\nid = \"{id}\"\ntitle = \"T\"\nincludes = [\"{include}\"]\n")
    };
    let text = unit("a", "b") + &unit("b", "c") + &unit("c", "b") + &unit("d", "nowhere");
    set.merge(&text, "mine.toml").expect("includes are checked on expansion");
    let ring = set.expand("a").expect_err("a ring");
    assert_eq!(ring.to_string(), "meta-packages include each other: b -> c -> b");
    let missing = set.expand("d").expect_err("a missing unit");
    assert!(matches!(missing, MetaPackageError::UnknownInclude { .. }), "{missing}");
}
