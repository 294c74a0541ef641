//! Plans.

use std::path::PathBuf;
use std::sync::{Arc, OnceLock};

use pyo3::prelude::*;
use vclust_core::ImageListings;
use vclust_debian::StateDirectory;
use vclust_grid::{ClusterPlan, ClusterPlanner, KnownEvents, KnownImages};

use crate::convert;
use crate::error::Failure;
use crate::history::History;
use crate::index::Index;
use crate::meta_package::{self, MetaPackages};
use crate::source::{PackageSource, reporter};
use crate::spec::ClusterSpec;

/// Plans clusters for a site: the closure, and every image and strategy with what it would take.
#[pyclass(frozen, module = "vclust")]
pub(crate) struct Planner(ClusterPlanner);

#[pymethods]
impl Planner {
    /// A planner for packages of `source`, by default those of the machine's apt or of the spec.
    ///
    /// `images` are those to choose from besides the minimal one: a list of `ImageListing`, a file as
    /// `vclust cache generate` writes it, or by default those of the site's repository. `history` is what to
    /// learn from: a `History`, a file of JSON lines, or by default the site's own.
    #[new]
    #[pyo3(signature = (
        source=None, *, images=None, history=None, site="here", meta_packages=None, state=None
    ))]
    fn new(
        source: Option<&PackageSource>,
        images: Option<&Bound<'_, PyAny>>,
        history: Option<&Bound<'_, PyAny>>,
        site: &str,
        meta_packages: Option<&MetaPackages>,
        state: Option<PathBuf>,
    ) -> Result<Self, Failure> {
        let units = meta_package::given_or_shipped(meta_packages);
        Ok(Self(ClusterPlanner {
            state: state.map(StateDirectory::at),
            source: source.map(|source| source.inner.clone()).unwrap_or_default(),
            meta_packages: units.clone(),
            images: known_images(images)?,
            events: known_events(history)?,
            site: site.to_owned(),
            kept: usize::MAX,
        }))
    }

    /// The root that every cluster starts from: the keywords that `Index.from_files` and the like take for it.
    fn root<'py>(&self, py: Python<'py>) -> Result<Bound<'py, pyo3::types::PyDict>, Failure> {
        let keywords = pyo3::types::PyDict::new(py);
        match py.detach(|| self.0.root())? {
            vclust_grid::RootState::StatusFile(path) => keywords.set_item("installed", path)?,
            vclust_grid::RootState::Minimal => keywords.set_item("root", "minimal")?,
            vclust_grid::RootState::Empty => keywords.set_item("root", "empty")?,
        }
        Ok(keywords)
    }

    /// Plans a cluster. Nothing is built.
    ///
    /// With an `index`, packages are those of it and none are loaded, which saves most of the time where many
    /// clusters are planned; its root has to be what `Planner.root` says.
    #[pyo3(signature = (spec, *, index=None, on_progress=None))]
    fn plan(
        &self,
        py: Python<'_>,
        spec: &ClusterSpec,
        index: Option<&Index>,
        on_progress: Option<Py<PyAny>>,
    ) -> Result<Plan, Failure> {
        let spec = spec.inner.clone();
        let report = reporter(on_progress);
        let plan = py.detach(|| match index {
            Some(index) => self.0.plan_on(spec, Arc::clone(&index.loaded)),
            None => self.0.plan(spec, &report),
        })?;
        Ok(Plan { plan, candidates: OnceLock::new() })
    }

    fn __repr__(&self) -> String {
        format!("<Planner of the site {}>", self.0.site)
    }
}

fn known_images(images: Option<&Bound<'_, PyAny>>) -> Result<KnownImages, Failure> {
    let Some(images) = images else { return Ok(KnownImages::Repository) };
    if let Ok(path) = images.extract::<PathBuf>() {
        return Ok(KnownImages::File(path));
    }
    let listed: Vec<Bound<'_, PyAny>> = images.extract()?;
    let images = listed.iter().map(convert::record).collect::<PyResult<_>>()?;
    Ok(KnownImages::Given(ImageListings { images }))
}

pub(crate) fn known_events(history: Option<&Bound<'_, PyAny>>) -> Result<KnownEvents, Failure> {
    let Some(history) = history else { return Ok(KnownEvents::Site) };
    if let Ok(history) = history.cast::<History>() {
        return Ok(KnownEvents::Given(history.get().lock().clone()));
    }
    Ok(KnownEvents::File(history.extract::<PathBuf>()?))
}

/// A plan: the candidates, the cheapest first, with what it was made from.
#[pyclass(frozen, module = "vclust")]
pub(crate) struct Plan {
    plan: ClusterPlan,
    candidates: OnceLock<Py<PyAny>>,
}

#[pymethods]
impl Plan {
    /// What was asked for.
    #[getter]
    fn spec(&self) -> ClusterSpec {
        ClusterSpec { inner: self.plan.spec.clone() }
    }

    /// The packages that the request was resolved against.
    #[getter]
    fn index(&self) -> Index {
        Index { loaded: Arc::clone(&self.plan.loaded) }
    }

    /// What the request adds to the minimal image, as `vclust plan` has it in JSON.
    #[getter]
    fn closure<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyAny>> {
        convert::value(py, "PlannedClosure", &self.plan.closure)
    }

    /// All candidates, the cheapest first: a tuple of `Candidate`.
    #[getter]
    fn candidates<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyAny>> {
        if let Some(made) = self.candidates.get() {
            return Ok(made.bind(py).clone());
        }
        let made = convert::values(py, "Candidate", &self.plan.selection.candidates)?;
        let made = pyo3::types::PyTuple::new(py, made)?.into_any();
        // whoever was first: the values are the same
        let _ = self.candidates.set(made.clone().unbind());
        Ok(made)
    }

    /// The cheapest candidate.
    #[getter]
    fn best<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyAny>> {
        convert::value(py, "Candidate", self.plan.selection.best())
    }

    /// The cheapest of what `up` can carry out: with one layer at most.
    #[getter]
    fn feasible<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyAny>> {
        convert::value(py, "Candidate", self.plan.feasible())
    }

    /// How many candidates there were.
    #[getter]
    fn considered(&self) -> usize {
        self.plan.selection.considered
    }

    /// How many images could not be used.
    #[getter]
    fn unusable(&self) -> usize {
        self.plan.selection.unusable
    }

    /// Seconds that reading packages and resolving the request took.
    #[getter]
    fn resolve_seconds(&self) -> f64 {
        self.plan.resolve_seconds
    }

    /// Seconds that learning and choosing took.
    #[getter]
    fn select_seconds(&self) -> f64 {
        self.plan.select_seconds
    }

    /// Why the best is the best, a sentence each, of which no more than `most` are about others.
    #[pyo3(signature = (most=3))]
    fn why(&self, most: usize) -> Vec<String> {
        self.plan.selection.explanation(most)
    }

    fn __repr__(&self) -> String {
        let best = self.plan.selection.best();
        format!(
            "<Plan of {}: {} by {}, {}>",
            self.plan.spec.name,
            best.root(),
            best.strategy,
            best.total
        )
    }
}
