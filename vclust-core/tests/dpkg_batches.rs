//! Real dpkg takes the batches of a closure: each is unpacked and configured as a whole.

mod support;

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use support::universe::Universe;
use tempfile::TempDir;

/// Pre-Depends in a chain, through a provider and into a cycle of Depends; a cycle of its own; a
/// package that is named in both fields; and what needs all of them.
const UNIVERSE: &str = "top 1 -> left, right; pre tools
    tools 1 -> library (>= 2); pre base
    base 1; pre seed
    seed 1 -> seed-data
    seed-data 1 -> seed
    library 2 -> plugin; pre loader
    plugin 1 -> library
    loader-ng 1; provides loader
    left 1 -> right, library
    right 1 -> left
    aaa 1; pre zzz
    zzz 1 -> zzz-data
    zzz-data 1
    both 1 -> zzz (>= 1); pre zzz
    either 1 -> zzz; pre missing | zzz";

const REQUEST: &str = "top aaa both either";

/// A root that only dpkg has to do with.
struct Root {
    directory: TempDir,
}

impl Root {
    fn new() -> Self {
        let root = Self { directory: TempDir::new().expect("a temporary directory") };
        for part in ["root/var/lib/dpkg/info", "root/var/lib/dpkg/updates", "build"] {
            fs::create_dir_all(root.path(part)).expect("a directory");
        }
        for file in ["status", "available"] {
            fs::write(root.path("root/var/lib/dpkg").join(file), "").expect("a file");
        }
        root
    }

    fn path(&self, name: &str) -> PathBuf {
        self.directory.path().join(name)
    }

    /// A .deb of nothing but its control file.
    fn deb(&self, stanza: &str, name: &str) -> PathBuf {
        let tree = self.path("build").join(name);
        fs::create_dir_all(tree.join("DEBIAN")).expect("a directory");
        fs::write(tree.join("DEBIAN/control"), stanza).expect("a control file");
        let deb = self.path("build").join(format!("{name}.deb"));
        let done = Command::new("dpkg-deb")
            .args(["--root-owner-group", "-Znone", "--build"])
            .args([&tree, &deb])
            .output()
            .expect("dpkg-deb is installed");
        assert!(done.status.success(), "{done:?}");
        deb
    }

    fn dpkg(&self, arguments: &[&str], debs: &[PathBuf]) -> Output {
        let root = self.path("root");
        let option = |name: &str, path: &Path| format!("--{name}={}", path.display());
        Command::new("dpkg")
            .args(["--force-not-root", "--force-bad-path", "--force-script-chrootless"])
            .args([option("root", &root), option("log", &self.path("log"))])
            .args(arguments)
            .args(debs)
            .env("LC_ALL", "C.UTF-8")
            .output()
            .expect("dpkg is installed")
    }

    fn installed(&self) -> Vec<String> {
        let status = fs::read_to_string(self.path("root/var/lib/dpkg/status")).expect("a status");
        let stanzas = status.split("\n\n").filter(|text| text.contains("install ok installed"));
        let mut names: Vec<String> = stanzas
            .filter_map(|text| text.lines().find_map(|line| line.strip_prefix("Package: ")))
            .map(str::to_owned)
            .collect();
        names.sort();
        names
    }
}

/// Control files of all batches, with the names of their packages.
fn batches() -> Vec<Vec<(String, String)>> {
    let universe = Universe::parse(UNIVERSE);
    let control = |name: &str| {
        let package = universe.packages.iter().find(|package| package.name == name);
        package.expect("the package is there").control()
    };
    universe.resolve(REQUEST, |closure| {
        let closure = closure.expect("a closure");
        let names = |batch: Vec<vclust_core::VersionView<'_>>| -> Vec<(String, String)> {
            batch.iter().map(|v| (v.name().into_owned(), control(&v.name()))).collect()
        };
        closure.batches().map(names).collect()
    })
}

fn native_architecture() -> String {
    let done = Command::new("dpkg").arg("--print-architecture").output().expect("dpkg");
    String::from_utf8_lossy(&done.stdout).trim().to_owned()
}

fn debs(root: &Root, batch: &[(String, String)]) -> Vec<PathBuf> {
    let native = native_architecture();
    let here = |control: &str| control.replace("amd64", &native);
    batch.iter().map(|(name, control)| root.deb(&here(control), name)).collect()
}

#[test]
fn every_batch_is_unpacked_and_configured() {
    let root = Root::new();
    let batches = batches();
    assert!(batches.len() > 2, "Pre-Depends make several batches: {batches:?}");
    for batch in &batches {
        let unpacked = root.dpkg(&["--unpack"], &debs(&root, batch));
        assert!(unpacked.status.success(), "{batch:?}: {unpacked:?}");
        let configured = root.dpkg(&["--configure", "-a"], &[]);
        assert!(configured.status.success(), "{batch:?}: {configured:?}");
    }
    let mut expected: Vec<String> = batches.concat().into_iter().map(|(name, _)| name).collect();
    expected.sort();
    assert_eq!(root.installed(), expected);
    assert_eq!(expected.len(), 15);
}

#[test]
fn everything_at_once_is_not_taken() {
    let root = Root::new();
    let mut all = batches().concat();
    all.reverse();
    let done = root.dpkg(&["--unpack"], &debs(&root, &all));
    assert!(!done.status.success());
    let said = String::from_utf8_lossy(&done.stderr);
    assert!(said.contains("pre-dependency problem"), "{said}");
}

#[test]
fn the_last_batch_alone_is_not_taken() {
    let root = Root::new();
    let batches = batches();
    let done = root.dpkg(&["--unpack"], &debs(&root, &batches[batches.len() - 1]));
    assert!(!done.status.success());
}
