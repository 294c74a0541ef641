//! Simulated sites.

use pyo3::prelude::*;
use vclust_core::{Observation, SiteDescription, SiteTask, Software, TransferMethod};

use crate::convert;
use crate::error::Failure;
use crate::history::History;

/// A physical cluster as a simulation knows it: links, disks, processors, hypervisor.
#[pyclass(frozen, module = "vclust")]
pub(crate) struct Site(SiteDescription);

#[pymethods]
impl Site {
    /// A shipped site: `paper`, `laboratory` or `paper-hardware`.
    #[staticmethod]
    fn named(name: &str) -> Result<Self, Failure> {
        SiteDescription::named(name).map(Self).ok_or_else(|| {
            let known = "there are paper, laboratory, paper-hardware";
            Failure::value(format!("`{name}` is no shipped site; {known}"))
        })
    }

    /// A site that a text in TOML describes.
    #[staticmethod]
    fn parse(text: &str) -> Result<Self, Failure> {
        Ok(Self(SiteDescription::from_toml(text)?))
    }

    /// Its name.
    #[getter]
    fn name(&self) -> &str {
        &self.0.name
    }

    /// The description as a TOML file has it.
    fn to_toml(&self) -> String {
        self.0.to_toml()
    }

    /// How long the site takes to bring so many nodes up. Without the keywords for software, nodes get the
    /// paper's configuration 1. The same seed gives the same answer.
    #[pyo3(signature = (
        nodes, *, strategy="install", transfer="shared-server", image_bytes=None, packages=None,
        packages_bytes=None, install_seconds=None, seed=1
    ))]
    #[expect(clippy::too_many_arguments, reason = "each is a keyword of its own in Python")]
    fn simulate<'py>(
        &self,
        py: Python<'py>,
        nodes: u32,
        strategy: &str,
        transfer: &str,
        image_bytes: Option<u64>,
        packages: Option<u32>,
        packages_bytes: Option<u64>,
        install_seconds: Option<f64>,
        seed: u64,
    ) -> Result<Bound<'py, PyAny>, Failure> {
        let known = TransferMethod::ALL;
        let transfer =
            known.into_iter().find(|method| method.name() == transfer).ok_or_else(|| {
                let known = known.map(TransferMethod::name).join(", ");
                Failure::value(format!("`{transfer}` is no way of transfer; there are {known}"))
            })?;
        let paper = Software::paper();
        let packages = packages.unwrap_or(paper.packages);
        let software = Software {
            image_bytes: image_bytes.unwrap_or(paper.image_bytes),
            packages,
            packages_bytes: packages_bytes.unwrap_or_else(|| {
                paper.packages_bytes * u64::from(packages) / u64::from(paper.packages)
            }),
            install_seconds,
        };
        let strategy = convert::strategy(strategy)?;
        let task = SiteTask { strategy, transfer, nodes, software, seed };
        let run = py.detach(|| self.0.simulate(&task))?;
        Ok(convert::value(py, "SiteRun", &run)?)
    }

    /// The site fitted to what a history measured, and how it compares with each measurement.
    fn calibrate<'py>(
        &self,
        py: Python<'py>,
        history: &History,
    ) -> Result<(Self, Vec<Bound<'py, PyAny>>), Failure> {
        let history = history.lock().clone();
        let fitted =
            py.detach(|| self.0.calibrate(&Observation::of_history(&history, &self.0.name)))?;
        Ok((Self(fitted.site), convert::values(py, "CalibrationRow", &fitted.rows)?))
    }

    fn __reduce__<'py>(&self, py: Python<'py>) -> PyResult<(Bound<'py, PyAny>, (String,))> {
        Ok((py.get_type::<Self>().getattr("parse")?, (self.to_toml(),)))
    }

    fn __eq__(&self, other: &Bound<'_, PyAny>) -> bool {
        other.cast::<Self>().is_ok_and(|other| self.0 == other.get().0)
    }

    fn __repr__(&self) -> String {
        format!("<Site {}>", self.0.name)
    }
}
