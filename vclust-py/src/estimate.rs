//! Estimators: what they learn, and what they predict.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use pyo3::prelude::*;
use self_cell::self_cell;
use vclust_core::{
    BlendedTransfer, ContentionTransfer, Estimator, Event, InstallTask, MeanTransfer,
    PackageVersion, PhaseTask, Priors, TransferTask,
};
use vclust_grid::LoadedIndex;

use crate::convert;
use crate::error::Failure;
use crate::history::{History, to_events};
use crate::index::Index;

type Installs<'a> = vclust_core::InstallEstimator<'a>;
type Line<'a> = vclust_core::InstallLine<'a>;

self_cell!(
    struct OwnedInstalls {
        owner: Arc<LoadedIndex>,
        #[covariant]
        dependent: Installs,
    }
);

self_cell!(
    struct OwnedLine {
        owner: Arc<LoadedIndex>,
        #[covariant]
        dependent: Line,
    }
);

/// Learned state, which threads share.
struct Shared<T>(Mutex<T>);

impl<T> Shared<T> {
    fn new(value: T) -> Self {
        Self(Mutex::new(value))
    }

    fn lock(&self) -> MutexGuard<'_, T> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// What is learned from: a history, or a list of events.
fn learned_from(events: &Bound<'_, PyAny>) -> Result<Vec<Event>, Failure> {
    if let Ok(history) = events.cast::<History>() {
        return Ok(history.get().lock().events().to_vec());
    }
    let events = to_events(&events.extract::<Vec<_>>()?)?;
    for event in &events {
        event.check()?;
    }
    Ok(events)
}

fn estimate(
    py: Python<'_>,
    estimate: Option<vclust_core::Estimate>,
) -> Result<Option<Bound<'_, PyAny>>, Failure> {
    Ok(estimate.map(|estimate| convert::value(py, "Estimate", &estimate)).transpose()?)
}

/// Packages, as (name, version) or as `PackageVersion` or `Package`.
fn packages(list: &[Bound<'_, PyAny>]) -> Result<Vec<PackageVersion>, Failure> {
    list.iter()
        .map(|one| {
            if let Ok((package, version)) = one.extract::<(String, String)>() {
                return Ok(PackageVersion { package, version });
            }
            let package =
                one.getattr("package").or_else(|_| one.getattr("name"))?.extract::<String>()?;
            let version = one.getattr("version")?.extract::<String>()?;
            Ok(PackageVersion { package, version })
        })
        .collect()
}

/// vclust's estimator of installs: what each package costs, learned from installs of whatever sets, with
/// shipped priors for what was never measured.
#[pyclass(frozen, module = "vclust")]
pub(crate) struct InstallEstimator(Shared<OwnedInstalls>);

#[pymethods]
impl InstallEstimator {
    #[new]
    fn new(py: Python<'_>, index: &Index) -> Self {
        let loaded = Arc::clone(&index.loaded);
        Self(Shared::new(py.detach(|| {
            OwnedInstalls::new(loaded, |loaded| Installs::new(&loaded.index, Priors::shipped()))
        })))
    }

    /// Its name, as `Accuracy` has it.
    #[getter]
    fn name(&self) -> &'static str {
        self.0.lock().borrow_dependent().name()
    }

    /// Learns from the installs of a history or a list of events; what was learned before is kept.
    fn learn(&self, py: Python<'_>, events: &Bound<'_, PyAny>) -> Result<(), Failure> {
        let events = learned_from(events)?;
        py.detach(|| {
            let installs: Vec<_> = events.iter().filter_map(Event::as_install).collect();
            self.0.lock().with_dependent_mut(|_, estimator| estimator.learn(&installs));
        });
        Ok(())
    }

    /// How long an install of these packages takes until the last of so many nodes is done. A package is
    /// (name, version), `PackageVersion` or `Package`.
    #[pyo3(signature = (packages, *, nodes=1))]
    fn estimate<'py>(
        &self,
        py: Python<'py>,
        packages: Vec<Bound<'py, PyAny>>,
        nodes: u32,
    ) -> Result<Option<Bound<'py, PyAny>>, Failure> {
        let task = InstallTask { packages: self::packages(&packages)?, nodes };
        estimate(py, py.detach(|| self.0.lock().borrow_dependent().estimate(&task)))
    }
}

/// The paper's estimator of installs: a straight line over package size.
#[pyclass(frozen, module = "vclust")]
pub(crate) struct InstallLine(Shared<OwnedLine>);

#[pymethods]
impl InstallLine {
    #[new]
    fn new(index: &Index) -> Self {
        let loaded = Arc::clone(&index.loaded);
        Self(Shared::new(OwnedLine::new(loaded, |loaded| Line::new(&loaded.index))))
    }

    /// Its name, as `Accuracy` has it.
    #[getter]
    fn name(&self) -> &'static str {
        self.0.lock().borrow_dependent().name()
    }

    /// Learns from the installs of a history or a list of events; what was learned before is kept.
    fn learn(&self, py: Python<'_>, events: &Bound<'_, PyAny>) -> Result<(), Failure> {
        let events = learned_from(events)?;
        py.detach(|| {
            let installs: Vec<_> = events.iter().filter_map(Event::as_install).collect();
            self.0.lock().with_dependent_mut(|_, estimator| estimator.learn(&installs));
        });
        Ok(())
    }

    /// As `InstallEstimator.estimate`; None where too little was learned.
    #[pyo3(signature = (packages, *, nodes=1))]
    fn estimate<'py>(
        &self,
        py: Python<'py>,
        packages: Vec<Bound<'py, PyAny>>,
        nodes: u32,
    ) -> Result<Option<Bound<'py, PyAny>>, Failure> {
        let task = InstallTask { packages: self::packages(&packages)?, nodes };
        estimate(py, py.detach(|| self.0.lock().borrow_dependent().estimate(&task)))
    }
}

/// A model of transfers.
enum Transfers {
    Mean(MeanTransfer),
    Contention(ContentionTransfer),
    Blended(BlendedTransfer),
}

/// An estimator of transfers: `mean` is the paper's, the mean of past transfers; `contention` a model of
/// nodes that share bandwidth; `blended` the first where there is enough history, and the second elsewhere.
#[pyclass(frozen, module = "vclust")]
pub(crate) struct TransferEstimator(Shared<Transfers>);

#[pymethods]
impl TransferEstimator {
    #[new]
    #[pyo3(signature = (model="blended"))]
    fn new(model: &str) -> Result<Self, Failure> {
        Ok(Self(Shared::new(match model {
            "mean" => Transfers::Mean(MeanTransfer::default()),
            "contention" => Transfers::Contention(ContentionTransfer::default()),
            "blended" => Transfers::Blended(BlendedTransfer::default()),
            _ => {
                let known = "there are mean, contention, blended";
                return Err(Failure::value(format!("`{model}` is no model of transfers; {known}")));
            }
        })))
    }

    /// Its name, as `Accuracy` has it.
    #[getter]
    fn name(&self) -> &'static str {
        match &*self.0.lock() {
            Transfers::Mean(model) => model.name(),
            Transfers::Contention(model) => model.name(),
            Transfers::Blended(model) => model.name(),
        }
    }

    /// Learns from the transfers of a history or a list of events; what was learned before is kept.
    fn learn(&self, py: Python<'_>, events: &Bound<'_, PyAny>) -> Result<(), Failure> {
        let events = learned_from(events)?;
        py.detach(|| {
            let transfers: Vec<_> = events.iter().filter_map(Event::as_transfer).collect();
            match &mut *self.0.lock() {
                Transfers::Mean(model) => model.learn(&transfers),
                Transfers::Contention(model) => model.learn(&transfers),
                Transfers::Blended(model) => model.learn(&transfers),
            }
        });
        Ok(())
    }

    /// How long an image of so many bytes takes to reach the last of some nodes; None where nothing is
    /// known to say it from.
    #[pyo3(signature = (*, image, bytes, nodes, method="nfs", site="here"))]
    fn estimate<'py>(
        &self,
        py: Python<'py>,
        image: String,
        bytes: u64,
        nodes: u32,
        method: &str,
        site: &str,
    ) -> Result<Option<Bound<'py, PyAny>>, Failure> {
        let (site, method) = (site.to_owned(), method.to_owned());
        let task = TransferTask { site, image, bytes, method, nodes };
        estimate(
            py,
            py.detach(|| match &*self.0.lock() {
                Transfers::Mean(model) => model.estimate(&task),
                Transfers::Contention(model) => model.estimate(&task),
                Transfers::Blended(model) => model.estimate(&task),
            }),
        )
    }
}

/// vclust's estimator of all other phases.
#[pyclass(frozen, module = "vclust")]
pub(crate) struct PhaseEstimator(Shared<vclust_core::PhaseEstimator>);

#[pymethods]
impl PhaseEstimator {
    #[new]
    fn new() -> Self {
        Self(Shared::new(vclust_core::PhaseEstimator::default()))
    }

    /// Its name, as `Accuracy` has it.
    #[getter]
    fn name(&self) -> &'static str {
        self.0.lock().name()
    }

    /// Learns from the phases of a history or a list of events; what was learned before is kept.
    fn learn(&self, py: Python<'_>, events: &Bound<'_, PyAny>) -> Result<(), Failure> {
        let events = learned_from(events)?;
        py.detach(|| {
            let phases: Vec<_> = events.iter().filter_map(Event::as_phase).collect();
            self.0.lock().learn(&phases);
        });
        Ok(())
    }

    /// How long a phase such as `boot` takes until the last of some nodes is through; None where nothing is
    /// known to say it from.
    #[pyo3(signature = (phase, *, strategy, nodes, site="here", hypervisor=None, memory_bytes=None))]
    #[expect(clippy::too_many_arguments, reason = "each is a keyword of its own in Python")]
    fn estimate<'py>(
        &self,
        py: Python<'py>,
        phase: &Bound<'py, PyAny>,
        strategy: &str,
        nodes: u32,
        site: &str,
        hypervisor: Option<String>,
        memory_bytes: Option<u64>,
    ) -> Result<Option<Bound<'py, PyAny>>, Failure> {
        let task = PhaseTask {
            site: site.to_owned(),
            strategy: convert::strategy(strategy)?.name().to_owned(),
            phase: pythonize::depythonize(phase)?,
            hypervisor,
            memory_bytes,
            nodes,
        };
        estimate(py, py.detach(|| self.0.lock().estimate(&task)))
    }
}

/// How well each of vclust's estimators, and the paper's beside them, does on one history after it has
/// learned from another.
#[pyfunction]
pub(crate) fn compare_estimators<'py>(
    py: Python<'py>,
    index: &Index,
    train: &History,
    test: &History,
) -> Result<Vec<Bound<'py, PyAny>>, Failure> {
    let (train, test) = (train.lock().clone(), test.lock().clone());
    let rows = py.detach(|| vclust_core::compare_estimators(&index.loaded.index, &train, &test));
    Ok(convert::values(py, "Accuracy", &rows)?)
}
