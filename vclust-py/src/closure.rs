//! What a request adds to a root.

use std::sync::Arc;

use pyo3::prelude::*;
use pyo3::types::{PyDict, PyIterator};
use serde::Serialize;
use vclust_core::VersionId;
use vclust_grid::LoadedIndex;

use crate::convert;
use crate::graph::Graph;
use crate::package::Package;

/// What a request adds to a root: new and upgraded packages in install order, and those that go.
///
/// Iterating gives the packages to install.
#[pyclass(frozen, module = "vclust")]
pub(crate) struct Closure {
    loaded: Arc<LoadedIndex>,
    request: Vec<String>,
    batches: Vec<Vec<VersionId>>,
    remove: Vec<VersionId>,
    download_bytes: u64,
    installed_bytes: u64,
}

/// One package, as the command line's JSON has it.
#[derive(Serialize)]
struct Change<'a> {
    package: String,
    version: String,
    architecture: &'a str,
    size: u64,
    installed_size: u64,
}

impl Closure {
    pub(crate) fn of(loaded: &Arc<LoadedIndex>, closure: &vclust_core::Closure<'_>) -> Self {
        let batches = closure.batches();
        Self {
            loaded: Arc::clone(loaded),
            request: closure.request().to_vec(),
            batches: batches
                .map(|batch| batch.iter().map(vclust_core::VersionView::id).collect())
                .collect(),
            remove: closure.remove().map(|version| version.id()).collect(),
            download_bytes: closure.download_bytes(),
            installed_bytes: closure.installed_bytes(),
        }
    }

    fn install_ids(&self) -> impl Iterator<Item = VersionId> + '_ {
        self.batches.iter().flatten().copied()
    }

    fn packages(&self, ids: impl Iterator<Item = VersionId>) -> Vec<Package> {
        ids.map(|id| Package::new(&self.loaded, id)).collect()
    }

    fn changes(&self, ids: impl Iterator<Item = VersionId>) -> Vec<Change<'_>> {
        let change = |id| {
            let version = self.loaded.index.version(id);
            Change {
                package: version.name().into_owned(),
                version: version.version().into_owned(),
                architecture: version.architecture(),
                size: version.size(),
                installed_size: version.installed_size(),
            }
        };
        ids.map(change).collect()
    }

    fn keys(&self) -> Vec<String> {
        let key = |id| {
            let version = self.loaded.index.version(id);
            format!("{} {} {}", version.name(), version.version(), version.architecture())
        };
        let gone = self.remove.iter().map(|id| format!("-{}", key(*id)));
        self.install_ids().map(key).chain(gone).collect()
    }
}

#[pymethods]
impl Closure {
    /// The request's items, meta-packages expanded.
    #[getter]
    fn request(&self) -> Vec<String> {
        self.request.clone()
    }

    /// New and upgraded packages, in install order.
    #[getter]
    fn install(&self) -> Vec<Package> {
        self.packages(self.install_ids())
    }

    /// The same in batches: dpkg can unpack and then configure each as a whole.
    #[getter]
    fn batches(&self) -> Vec<Vec<Package>> {
        self.batches.iter().map(|batch| self.packages(batch.iter().copied())).collect()
    }

    /// Installed packages that have to go.
    #[getter]
    fn remove(&self) -> Vec<Package> {
        self.packages(self.remove.iter().copied())
    }

    /// Bytes of all .debs.
    #[getter]
    fn download_bytes(&self) -> u64 {
        self.download_bytes
    }

    /// Bytes that the packages state to take once installed.
    #[getter]
    fn installed_bytes(&self) -> u64 {
        self.installed_bytes
    }

    /// The graph within the closure.
    fn graph(&self, py: Python<'_>) -> Graph {
        py.detach(|| Graph::of_versions(&self.loaded, self.install_ids()))
    }

    /// What `vclust resolve` answers in JSON, as a dictionary.
    fn to_dict<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyDict>> {
        let answer = PyDict::new(py);
        answer.set_item("request", &self.request)?;
        answer.set_item("install", convert::plain(py, &self.changes(self.install_ids()))?)?;
        answer
            .set_item("remove", convert::plain(py, &self.changes(self.remove.iter().copied()))?)?;
        answer.set_item("download_bytes", self.download_bytes)?;
        answer.set_item("installed_bytes", self.installed_bytes)?;
        Ok(answer)
    }

    fn __len__(&self) -> usize {
        self.batches.iter().map(Vec::len).sum()
    }

    fn __iter__<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyIterator>> {
        self.install().into_pyobject(py)?.try_iter()
    }

    /// Whether a package of that name is installed or upgraded.
    fn __contains__(&self, name: &str) -> bool {
        self.install_ids().any(|id| self.loaded.index.version(id).name() == name)
    }

    fn __eq__(&self, other: &Bound<'_, PyAny>) -> bool {
        other.cast::<Self>().is_ok_and(|other| self.keys() == other.get().keys())
    }

    fn __repr__(&self) -> String {
        let (install, remove) = (self.__len__(), self.remove.len());
        format!(
            "<Closure of {}: {install} to install, {remove} to remove, {} bytes to download>",
            self.request.join(" "),
            self.download_bytes
        )
    }
}
