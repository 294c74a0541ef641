//! Meta-packages.

use std::path::PathBuf;
use std::sync::OnceLock;

use pyo3::prelude::*;
use serde::Serialize;
use vclust_core::{MetaPackage, Need};

use crate::convert;
use crate::error::Failure;

/// Functional units, such as `c-development`, that expand to packages.
///
/// It holds vclust's own and those of further TOML files; a later file's unit takes the place of an
/// earlier one of the same name.
#[pyclass(frozen, module = "vclust")]
pub(crate) struct MetaPackages {
    pub(crate) inner: vclust_core::MetaPackages,
}

/// Those that vclust ships, read once.
pub(crate) fn shipped() -> &'static vclust_core::MetaPackages {
    static SHIPPED: OnceLock<vclust_core::MetaPackages> = OnceLock::new();
    SHIPPED.get_or_init(vclust_core::MetaPackages::shipped)
}

/// Those that are given, or else those that vclust ships.
pub(crate) fn given_or_shipped(given: Option<&MetaPackages>) -> &vclust_core::MetaPackages {
    match given {
        Some(given) => &given.inner,
        None => shipped(),
    }
}

#[derive(Serialize)]
struct Unit<'a> {
    id: &'a str,
    title: &'a str,
    description: &'a str,
    aliases: Vec<&'a str>,
    includes: Vec<&'a str>,
}

#[derive(Serialize)]
struct Member<'a> {
    alternatives: Vec<&'a str>,
    recommended: bool,
    origin: &'a str,
}

impl<'a> Unit<'a> {
    fn of(unit: &'a MetaPackage) -> Self {
        let names = |ids: &'a [vclust_core::MetaPackageId]| {
            ids.iter().map(vclust_core::MetaPackageId::as_str).collect()
        };
        Self {
            id: unit.id().as_str(),
            title: unit.title(),
            description: unit.description(),
            aliases: names(unit.aliases()),
            includes: names(unit.includes()),
        }
    }
}

#[pymethods]
impl MetaPackages {
    /// vclust's meta-packages, with those of TOML files.
    #[new]
    #[pyo3(signature = (*files))]
    fn new(files: Vec<PathBuf>) -> Result<Self, Failure> {
        Ok(Self { inner: vclust_grid::read_meta_packages(&files)? })
    }

    /// These, and those of a text in the same TOML format; `origin` names the text in errors.
    #[pyo3(signature = (text, *, origin="text"))]
    fn with_text(&self, text: &str, origin: &str) -> Result<Self, Failure> {
        let mut inner = self.inner.clone();
        inner.merge(text, origin)?;
        Ok(Self { inner })
    }

    /// The meta-package of that name or alias; None if there is none.
    fn get<'py>(&self, py: Python<'py>, name: &str) -> PyResult<Option<Bound<'py, PyAny>>> {
        let found = self.inner.get(name);
        found.map(|unit| convert::value(py, "MetaPackage", &Unit::of(unit))).transpose()
    }

    /// All of them, ordered by id.
    fn all<'py>(&self, py: Python<'py>) -> PyResult<Vec<Bound<'py, PyAny>>> {
        let units: Vec<Unit<'_>> = self.inner.iter().map(Unit::of).collect();
        convert::values(py, "MetaPackage", &units)
    }

    /// Everything that a meta-package installs, what it includes first, without duplicates.
    fn expand<'py>(&self, py: Python<'py>, name: &str) -> Result<Vec<Bound<'py, PyAny>>, Failure> {
        let members = self.inner.expand(name)?;
        let members: Vec<Member<'_>> = members
            .iter()
            .map(|member| Member {
                alternatives: member.alternatives().collect(),
                recommended: member.need() == Need::Recommended,
                origin: member.origin().as_str(),
            })
            .collect();
        Ok(convert::values(py, "Member", &members)?)
    }

    fn __len__(&self) -> usize {
        self.inner.iter().len()
    }

    fn __contains__(&self, name: &str) -> bool {
        self.inner.get(name).is_some()
    }

    fn __repr__(&self) -> String {
        format!("<MetaPackages: {}>", self.inner.iter().len())
    }
}
