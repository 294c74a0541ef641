//! Indexes, and what they are asked.

use std::path::PathBuf;
use std::sync::Arc;

use arrow_array::{StringArray, UInt64Array};
use pyo3::exceptions::PyKeyError;
use pyo3::prelude::*;
use pyo3::types::PyDict;
use vclust_core::{PackageView, Request, VersionId, VersionView};
use vclust_debian::StateDirectory;
use vclust_grid::{LoadedIndex, PackageSearch};

use crate::closure::Closure;
use crate::error::Failure;
use crate::graph::Graph;
use crate::meta_package::{self, MetaPackages};
use crate::package::Package;
use crate::source::{reporter, root_of};
use crate::table::{Column, Table, texts};

/// All packages of some suites, with the policy that picks candidates and the root that requests add to.
///
/// Iterating gives the candidate of every package that has one.
#[pyclass(frozen, module = "vclust")]
pub(crate) struct Index {
    pub(crate) loaded: Arc<LoadedIndex>,
}

#[pymethods]
impl Index {
    /// The index of the machine's own apt: of each suite apt's lists or vclust's copy, whichever is newer.
    #[staticmethod]
    #[pyo3(signature = (*, root="empty", installed=None, architecture=None, state=None))]
    fn of_machine(
        py: Python<'_>,
        root: &str,
        installed: Option<PathBuf>,
        architecture: Option<String>,
        state: Option<PathBuf>,
    ) -> Result<Self, Failure> {
        let source = vclust_grid::PackageSource {
            architecture,
            state: state.map(StateDirectory::at),
            ..vclust_grid::PackageSource::default()
        };
        Self::load(py, &source, root, installed, None)
    }

    /// The index of Packages files (plain, gz, xz, zst or lz4), in apt's order of sources. An `InRelease` file
    /// beside one, named as in apt's lists, tells its suite.
    #[staticmethod]
    #[pyo3(signature = (
        files, *, root="empty", installed=None, architecture=None, foreign_architectures=vec![]
    ))]
    fn from_files(
        py: Python<'_>,
        files: Vec<PathBuf>,
        root: &str,
        installed: Option<PathBuf>,
        architecture: Option<String>,
        foreign_architectures: Vec<String>,
    ) -> Result<Self, Failure> {
        if files.is_empty() {
            return Err(Failure::value("name one file or more"));
        }
        let source = vclust_grid::PackageSource {
            packages_files: files,
            architecture,
            foreign_architectures,
            ..vclust_grid::PackageSource::default()
        };
        Self::load(py, &source, root, installed, None)
    }

    /// The index of a suite of an archive, named by its URI (http, https or file). It is fetched and
    /// verified if it is not there; `PackageSource.update` fetches it anew.
    #[staticmethod]
    #[pyo3(signature = (
        mirror, suite, *, components=vec![], keyring=None, root="empty", installed=None,
        architecture=None, state=None, on_progress=None
    ))]
    #[expect(clippy::too_many_arguments, reason = "each is a keyword of its own in Python")]
    fn of_archive(
        py: Python<'_>,
        mirror: String,
        suite: String,
        components: Vec<String>,
        keyring: Option<PathBuf>,
        root: &str,
        installed: Option<PathBuf>,
        architecture: Option<String>,
        state: Option<PathBuf>,
        on_progress: Option<Py<PyAny>>,
    ) -> Result<Self, Failure> {
        let source = vclust_grid::PackageSource {
            components,
            keyring,
            architecture,
            state: state.map(StateDirectory::at),
            ..vclust_grid::PackageSource::of_archive(mirror, suite)
        };
        Self::load(py, &source, root, installed, on_progress)
    }

    /// The native architecture, such as `amd64`.
    #[getter]
    fn architecture(&self) -> &str {
        self.loaded.index.native_architecture()
    }

    /// Names of the index files, in order.
    #[getter]
    fn files(&self) -> Vec<String> {
        self.loaded.index.files().map(|file| file.name.clone()).collect()
    }

    /// Number of versions of all packages.
    #[getter]
    fn version_count(&self) -> usize {
        self.loaded.index.version_count()
    }

    /// Number of packages, a name on each architecture counting once.
    fn __len__(&self) -> usize {
        self.loaded.index.package_count()
    }

    fn __contains__(&self, name: &str) -> bool {
        self.find(name).is_some()
    }

    /// The candidate of a package, by `name` or `name:architecture`.
    fn __getitem__(&self, name: &str) -> PyResult<Package> {
        self.get(name).ok_or_else(|| PyKeyError::new_err(name.to_owned()))
    }

    fn __iter__(&self) -> Candidates {
        let ids = self.loaded.candidates().map(|version| version.id());
        Candidates { loaded: Arc::clone(&self.loaded), ids: ids.collect::<Vec<_>>().into_iter() }
    }

    /// The candidate of a package, by `name` or `name:architecture`; None if there is none.
    fn get(&self, name: &str) -> Option<Package> {
        let package = self.find(name)?;
        let candidate = self.loaded.policy.candidate(&self.loaded.index, package.id())?;
        Some(self.package(candidate))
    }

    /// All versions of a package, the highest first; none if there is no such package.
    fn versions(&self, name: &str) -> Vec<Package> {
        let found = self.find(name);
        let versions = found.into_iter().flat_map(|package| package.versions());
        versions.map(|version| self.package(version.id())).collect()
    }

    /// What provides a virtual package.
    fn providers(&self, name: &str) -> Vec<Package> {
        self.loaded.index.providers(name).map(|version| self.package(version.id())).collect()
    }

    /// The packages that the root holds.
    fn installed(&self) -> Vec<Package> {
        self.loaded.index.installed().map(|version| self.package(version.id())).collect()
    }

    /// Names close to one that nobody is called.
    fn similar_names(&self, name: &str) -> Vec<String> {
        self.loaded.index.similar_names(name)
    }

    /// The candidates whose name or description matches all regular expressions, without regard to letter
    /// case, ordered by name.
    #[pyo3(signature = (*patterns, names_only=false))]
    fn search(
        &self,
        py: Python<'_>,
        patterns: Vec<String>,
        names_only: bool,
    ) -> Result<Vec<Package>, Failure> {
        if patterns.is_empty() {
            return Err(Failure::value("give one pattern or more"));
        }
        let found = py.detach(|| {
            let search = PackageSearch::new(patterns.iter().map(String::as_str))?;
            let found = search.names_only(names_only).find(&self.loaded);
            Ok::<_, Failure>(found.iter().map(VersionView::id).collect::<Vec<_>>())
        })?;
        Ok(found.into_iter().map(|id| self.package(id)).collect())
    }

    /// What a request adds to the root: exactly what `apt-get install` of apt 2.6 would do to it.
    ///
    /// An item is what apt takes - `name`, `name=version`, `name/suite`, `name:architecture`, `name-` to
    /// remove - or a meta-package: `meta:NAME`, or `task:NAME` for Debian's tasks.
    #[pyo3(signature = (items, *, install_recommends=false, meta_packages=None))]
    fn resolve(
        &self,
        py: Python<'_>,
        items: Vec<String>,
        install_recommends: bool,
        meta_packages: Option<&MetaPackages>,
    ) -> Result<Closure, Failure> {
        let units = meta_package::given_or_shipped(meta_packages);
        py.detach(|| {
            let LoadedIndex { index, policy, .. } = &*self.loaded;
            let items = units.expand_names(index, &items, install_recommends)?;
            let request = Request::new(items).install_recommends(install_recommends);
            Ok(Closure::of(&self.loaded, &request.resolve(index, policy)?))
        })
    }

    /// Reads every relation now, so that no later closure has to: some tens of milliseconds for a suite.
    fn prepare(&self, py: Python<'_>) {
        py.detach(|| self.loaded.index.prepare());
    }

    /// The graph of what all candidates depend on.
    fn graph(&self, py: Python<'_>) -> Graph {
        py.detach(|| Graph::of_candidates(&self.loaded))
    }

    /// The candidates as columns: a dictionary of lists of equal length, ready for a data frame.
    fn columns<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyDict>> {
        let columns = py.detach(|| {
            let (mut names, mut versions, mut architectures) = (vec![], vec![], vec![]);
            let (mut sizes, mut installed, mut sections) = (vec![], vec![], vec![]);
            for version in self.loaded.candidates() {
                names.push(version.name());
                versions.push(version.version());
                architectures.push(version.architecture());
                sections.push(version.field("Section").unwrap_or_default());
                sizes.push(version.size());
                installed.push(version.installed_size());
            }
            (names, versions, architectures, sections, sizes, installed)
        });
        let dictionary = PyDict::new(py);
        dictionary.set_item("package", columns.0)?;
        dictionary.set_item("version", columns.1)?;
        dictionary.set_item("architecture", columns.2)?;
        dictionary.set_item("section", columns.3)?;
        dictionary.set_item("size", columns.4)?;
        dictionary.set_item("installed_size", columns.5)?;
        Ok(dictionary)
    }

    /// The candidates as a table with a row each: `package`, `version`, `architecture`, `section`, `size` and
    /// `installed_size`, for whatever takes data over the Arrow C interface.
    fn table(&self, py: Python<'_>) -> Result<Table, Failure> {
        py.detach(|| {
            let candidates: Vec<_> = self.loaded.candidates().collect();
            let rows = || candidates.iter();
            let sections: StringArray = rows().map(|version| version.field("Section")).collect();
            let sizes = UInt64Array::from_iter_values(rows().map(VersionView::size));
            let installed = UInt64Array::from_iter_values(rows().map(VersionView::installed_size));
            Table::of(vec![
                Column::full("package", texts(rows().map(VersionView::name))),
                Column::full("version", texts(rows().map(VersionView::version))),
                Column::full("architecture", texts(rows().map(VersionView::architecture))),
                Column::sparse("section", sections),
                Column::full("size", sizes),
                Column::full("installed_size", installed),
            ])
        })
    }

    fn __repr__(&self) -> String {
        let index = &self.loaded.index;
        let (packages, files) = (index.package_count(), index.files().count());
        format!("<Index of {packages} packages from {files} files, {}>", self.architecture())
    }
}

impl Index {
    fn load(
        py: Python<'_>,
        source: &vclust_grid::PackageSource,
        root: &str,
        installed: Option<PathBuf>,
        on_progress: Option<Py<PyAny>>,
    ) -> Result<Self, Failure> {
        let root = root_of(root, installed)?;
        let report = reporter(on_progress);
        let loaded = py.detach(|| source.load(&root, &report))?;
        Ok(Self { loaded: Arc::new(loaded) })
    }

    fn find(&self, name: &str) -> Option<PackageView<'_>> {
        match name.rsplit_once(':') {
            Some((name, architecture)) => self.loaded.index.find_on(name, architecture),
            None => self.loaded.index.find(name),
        }
    }

    fn package(&self, id: VersionId) -> Package {
        Package::new(&self.loaded, id)
    }
}

/// Candidates, one after the other.
#[pyclass(module = "vclust")]
pub(crate) struct Candidates {
    loaded: Arc<LoadedIndex>,
    ids: std::vec::IntoIter<VersionId>,
}

#[pymethods]
impl Candidates {
    fn __iter__(this: PyRef<'_, Self>) -> PyRef<'_, Self> {
        this
    }

    fn __next__(&mut self) -> Option<Package> {
        let id = self.ids.next()?;
        Some(Package::new(&self.loaded, id))
    }
}
