//! Where packages come from.

use std::ffi::{OsStr, OsString};
use std::path::PathBuf;
use std::sync::Arc;

use pyo3::prelude::*;
use vclust_debian::{AptConfiguration, Progress, Repository, StateDirectory, Wanted};
use vclust_grid::RootState;

use crate::convert;
use crate::error::Failure;
use crate::index::Index;

/// Where package indexes come from: files, an archive, or the sources of the machine's apt.
#[pyclass(frozen, module = "vclust")]
pub(crate) struct PackageSource {
    pub(crate) inner: vclust_grid::PackageSource,
}

/// What an update did to one suite.
#[derive(serde::Serialize)]
struct SuiteUpdate {
    archive: String,
    suite: String,
    changed: bool,
    downloaded_bytes: u64,
    seconds: f64,
    files: Vec<PathBuf>,
}

#[pymethods]
impl PackageSource {
    /// `packages_files` are Packages files (plain, gz, xz, zst or lz4) in apt's order of sources; `mirror`
    /// and `suite` name an archive by its URI (http, https or file) instead. With neither, packages come
    /// from the sources of the machine's apt.
    #[new]
    #[pyo3(signature = (
        *, packages_files=vec![], mirror=None, suite=None, components=vec![], keyring=None,
        architecture=None, foreign_architectures=vec![], state=None
    ))]
    #[expect(clippy::too_many_arguments, reason = "each is a keyword of its own in Python")]
    fn new(
        packages_files: Vec<PathBuf>,
        mirror: Option<String>,
        suite: Option<String>,
        components: Vec<String>,
        keyring: Option<PathBuf>,
        architecture: Option<String>,
        foreign_architectures: Vec<String>,
        state: Option<PathBuf>,
    ) -> Result<Self, Failure> {
        if mirror.is_some() != suite.is_some() {
            return Err(Failure::value("mirror and suite go together; give both or neither"));
        }
        let state = state.map(StateDirectory::at);
        let inner = vclust_grid::PackageSource {
            packages_files,
            mirror,
            suite,
            components,
            keyring,
            architecture,
            foreign_architectures,
            state,
        };
        Ok(Self { inner })
    }

    /// Loads the indexes and the root. The root holds what the dpkg status file `installed` says, or is
    /// `"empty"` or `"minimal"`: all essential packages and apt.
    ///
    /// Indexes of an archive that are not there are fetched and verified; `on_progress` is called
    /// with what is fetched, the bytes so far, and all bytes where they are known.
    #[pyo3(signature = (*, root="empty", installed=None, on_progress=None))]
    fn load(
        &self,
        py: Python<'_>,
        root: &str,
        installed: Option<PathBuf>,
        on_progress: Option<Py<PyAny>>,
    ) -> Result<Index, Failure> {
        let root = root_of(root, installed)?;
        let report = reporter(on_progress);
        let loaded = py.detach(|| self.inner.load(&root, &report))?;
        Ok(Index { loaded: Arc::new(loaded) })
    }

    /// Fetches and verifies the indexes of the archive, or of the machine's sources, and keeps them in the
    /// state directory. If anything about a suite is wrong, the indexes of before stay.
    #[pyo3(signature = (*, sources=false, on_progress=None))]
    fn update<'py>(
        &self,
        py: Python<'py>,
        sources: bool,
        on_progress: Option<Py<PyAny>>,
    ) -> Result<Vec<Bound<'py, PyAny>>, Failure> {
        let report = reporter(on_progress);
        let wanted = if sources { Wanted::PackagesAndSources } else { Wanted::Packages };
        let updates = py.detach(|| -> Result<Vec<SuiteUpdate>, Failure> {
            let apt = AptConfiguration::load()?;
            let repositories = match self.inner.repository(&apt)? {
                Some(repository) => vec![repository],
                None => Repository::of_machine(&apt)?,
            };
            let mut updates = Vec::new();
            for repository in repositories {
                let done = self.inner.update(repository, &apt, wanted, &report)?;
                updates.push(SuiteUpdate {
                    archive: done.repository.uri,
                    suite: done.repository.suite,
                    changed: done.updated.changed,
                    downloaded_bytes: done.updated.downloaded,
                    seconds: done.seconds,
                    files: done.files.into_iter().map(|file| file.path).collect(),
                });
            }
            Ok(updates)
        })?;
        Ok(convert::values(py, "SuiteUpdate", &updates)?)
    }

    /// The same, as options of the command line.
    fn _arguments(&self) -> Vec<OsString> {
        let inner = &self.inner;
        let mut options = Vec::new();
        let mut add = |name: &str, value: &OsStr| options.extend([name.into(), value.to_owned()]);
        for file in &inner.packages_files {
            add("--packages-file", file.as_os_str());
        }
        for (name, value) in [
            ("--mirror", &inner.mirror),
            ("--suite", &inner.suite),
            ("--architecture", &inner.architecture),
        ] {
            if let Some(value) = value {
                add(name, value.as_ref());
            }
        }
        for component in &inner.components {
            add("--component", component.as_ref());
        }
        if let Some(keyring) = &inner.keyring {
            add("--keyring", keyring.as_os_str());
        }
        for architecture in &inner.foreign_architectures {
            add("--foreign-architecture", architecture.as_ref());
        }
        options
    }

    fn __repr__(&self) -> String {
        let inner = &self.inner;
        match (&inner.mirror, &inner.suite) {
            _ if !inner.packages_files.is_empty() => {
                format!("<PackageSource of {} files>", inner.packages_files.len())
            }
            (Some(mirror), Some(suite)) => format!("<PackageSource {mirror} {suite}>"),
            _ => "<PackageSource of this machine's apt>".to_owned(),
        }
    }

    fn __eq__(&self, other: &Bound<'_, PyAny>) -> bool {
        other.cast::<Self>().is_ok_and(|other| self.inner == other.get().inner)
    }
}

/// What a root is said to hold.
pub(crate) fn root_of(root: &str, installed: Option<PathBuf>) -> Result<RootState, Failure> {
    match (root, installed) {
        ("empty", Some(path)) => Ok(RootState::StatusFile(path)),
        ("empty", None) => Ok(RootState::Empty),
        ("minimal", None) => Ok(RootState::Minimal),
        ("minimal", Some(_)) => {
            Err(Failure::value("a root is minimal or holds what a file says; give one of the two"))
        }
        _ => Err(Failure::value(format!("`{root}` is no root; there are empty and minimal"))),
    }
}

/// Passes progress on. What a callback raises is told as exceptions of threads are, and goes no further.
pub(crate) fn reporter(callback: Option<Py<PyAny>>) -> impl Fn(Progress<'_>) + Sync + Send {
    move |progress| {
        let Some(callback) = &callback else { return };
        Python::attach(|py| {
            let arguments = (progress.what, progress.bytes, progress.total);
            if let Err(error) = callback.call1(py, arguments) {
                error.write_unraisable(py, Some(callback.bind(py)));
            }
        });
    }
}
