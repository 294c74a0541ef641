//! The repository of images.

use std::path::PathBuf;
use std::sync::{Mutex, MutexGuard, PoisonError};

use pyo3::prelude::*;
use serde::Serialize;
use vclust_core::{PackageVersion, Timestamp};
use vclust_debian::StateDirectory;
use vclust_grid::{ImageKind, RepositoryError};

use crate::convert;
use crate::error::Failure;

/// The images and layers of a site.
#[pyclass(frozen, module = "vclust")]
pub(crate) struct ImageRepository {
    /// None where nothing was ever built.
    inner: Option<Mutex<vclust_grid::ImageRepository>>,
    state: PathBuf,
}

/// An image, as the command line's JSON has it.
#[derive(Serialize)]
struct StoredImage<'a> {
    id: &'a str,
    kind: ImageKind,
    content: String,
    base: Option<&'a str>,
    variant: &'a str,
    request: &'a [String],
    architecture: &'a str,
    bytes: u64,
    stored_bytes: u64,
    content_bytes: u64,
    files: u64,
    uses: u64,
    created: Timestamp,
    last_used: Timestamp,
    build_seconds: f64,
    packages: Vec<PackageVersion>,
    directory: PathBuf,
}

impl ImageRepository {
    fn lock(&self) -> Option<MutexGuard<'_, vclust_grid::ImageRepository>> {
        let inner = self.inner.as_ref()?;
        Some(inner.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

impl<'a> StoredImage<'a> {
    fn of(image: &'a vclust_grid::StoredImage, directory: PathBuf) -> Self {
        Self {
            id: &image.id,
            kind: image.kind,
            content: image.content.to_string(),
            base: image.base.as_deref(),
            variant: &image.variant,
            request: &image.request,
            architecture: &image.architecture,
            bytes: image.transfer_bytes(),
            stored_bytes: image.stored_bytes(),
            content_bytes: image.content_bytes,
            files: image.files,
            uses: image.uses,
            created: image.created,
            last_used: image.last_used,
            build_seconds: image.build_seconds,
            packages: image.package_versions(),
            directory,
        }
    }
}

#[pymethods]
impl ImageRepository {
    /// The repository of a state directory, by default vclust's own. Nothing is made.
    #[new]
    #[pyo3(signature = (state=None))]
    fn new(py: Python<'_>, state: Option<PathBuf>) -> Result<Self, Failure> {
        let state = match state {
            Some(path) => StateDirectory::at(path),
            None => StateDirectory::locate()?,
        };
        let inner = py.detach(|| vclust_grid::ImageRepository::open_existing(&state))?;
        Ok(Self { inner: inner.map(Mutex::new), state: state.path().to_owned() })
    }

    /// All images and layers.
    fn images<'py>(&self, py: Python<'py>) -> Result<Vec<Bound<'py, PyAny>>, Failure> {
        let found = py.detach(|| -> Result<_, Failure> {
            let Some(repository) = self.lock() else { return Ok(Vec::new()) };
            let images = repository.list()?.into_iter();
            Ok(images.map(|image| (repository.path_of(&image), image)).collect())
        })?;
        let images: Vec<_> =
            found.iter().map(|(path, image)| StoredImage::of(image, path.clone())).collect();
        Ok(convert::values(py, "StoredImage", &images)?)
    }

    /// The image whose name begins so; `minimal` is the latest minimal one.
    fn get<'py>(&self, py: Python<'py>, name: &str) -> Result<Bound<'py, PyAny>, Failure> {
        let (path, image) = py.detach(|| self.find(name))?;
        Ok(convert::value(py, "StoredImage", &StoredImage::of(&image, path))?)
    }

    /// An image's manifest, as dictionaries and lists.
    fn manifest<'py>(&self, py: Python<'py>, name: &str) -> Result<Bound<'py, PyAny>, Failure> {
        let manifest = py.detach(|| -> Result<_, Failure> {
            let (_, image) = self.find(name)?;
            let repository = self.lock().ok_or_else(|| unknown(name))?;
            Ok(repository.manifest(&image)?)
        })?;
        Ok(convert::plain(py, &manifest)?)
    }

    /// Reads all files of an image, and tells in words what is damaged.
    fn verify(&self, py: Python<'_>, name: &str) -> Result<Vec<String>, Failure> {
        let verified = py.detach(|| -> Result<_, Failure> {
            let (_, image) = self.find(name)?;
            let repository = self.lock().ok_or_else(|| unknown(name))?;
            Ok(repository.verify(&image, &|_| ())?)
        })?;
        Ok(verified.damages.iter().map(ToString::to_string).collect())
    }

    fn __len__(&self) -> Result<usize, Failure> {
        Ok(match self.lock() {
            Some(repository) => repository.list()?.len(),
            None => 0,
        })
    }

    fn __repr__(&self) -> String {
        format!("<ImageRepository in {}>", self.state.display())
    }
}

impl ImageRepository {
    fn find(&self, name: &str) -> Result<(PathBuf, vclust_grid::StoredImage), Failure> {
        let repository = self.lock().ok_or_else(|| unknown(name))?;
        let image = repository.get(name)?;
        Ok((repository.path_of(&image), image))
    }
}

fn unknown(name: &str) -> RepositoryError {
    RepositoryError::Unknown { name: name.to_owned(), near: Vec::new() }
}
