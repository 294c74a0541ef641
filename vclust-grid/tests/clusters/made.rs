//! A state directory with clusters, and processes that do not outlive their test.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use vclust_core::{ClusterSpec, DomainName, Strategy};
use vclust_debian::StateDirectory;
use vclust_grid::{ClusterRecord, ClusterStore, NewCluster};
use vclust_process::{Daemon, Mark, end_marked};

pub(crate) struct Site {
    pub(crate) store: ClusterStore,
    directory: tempfile::TempDir,
}

impl Site {
    pub(crate) fn new() -> Self {
        let directory = tempfile::tempdir().expect("a directory");
        let store = open(directory.path());
        Self { store, directory }
    }

    pub(crate) fn path(&self) -> &Path {
        self.directory.path()
    }

    pub(crate) fn clusters(&self) -> PathBuf {
        self.path().join("clusters")
    }

    /// What there is in the directory of clusters.
    pub(crate) fn entries(&self) -> Vec<String> {
        entries(&self.clusters())
    }

    /// A mark that all clusters' marks of this directory are parts of.
    pub(crate) fn mark(&self) -> Mark {
        let held = self.store.create(new("for-its-mark")).expect("a cluster");
        let mark = held.record().mark.clone();
        held.remove(Duration::ZERO).expect("a cluster");
        mark.as_str().split('/').next().expect("a part").parse().expect("a mark")
    }
}

impl Drop for Site {
    fn drop(&mut self) {
        for record in self.store.list().unwrap_or_default() {
            let _ = end_marked(&record.mark, Duration::ZERO);
        }
    }
}

pub(crate) fn entries(directory: &Path) -> Vec<String> {
    let entries = std::fs::read_dir(directory).expect("a directory").flatten();
    let mut names: Vec<String> =
        entries.map(|entry| entry.file_name().to_string_lossy().into_owned()).collect();
    names.sort();
    names
}

pub(crate) fn open(path: &Path) -> ClusterStore {
    ClusterStore::open(&StateDirectory::at(path)).expect("a store")
}

pub(crate) fn new(name: &str) -> NewCluster {
    let spec = ClusterSpec::parse(&format!("name = \"{name}\"\nnodes = 2\npackages = [\"gcc\"]\n"));
    let (spec, user) = (spec.expect("a spec"), "ada".to_owned());
    NewCluster { spec, strategy: Strategy::Clone, user }
}

pub(crate) fn name(name: &str) -> DomainName {
    name.parse().expect("a name")
}

/// Starts a program that does nothing, as one of a cluster's.
pub(crate) fn start(record: &ClusterRecord, directory: &Path) -> Daemon {
    let mut command = Command::new("sleep");
    command.arg("600");
    let mark = record.mark.part("n1").expect("a mark");
    Daemon::start(command, "coreutils", &mark, &directory.join("sleep.log")).expect("sleep")
}
