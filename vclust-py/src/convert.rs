//! Values that cross the border.

use pyo3::prelude::*;
use serde::Serialize;
use serde::de::DeserializeOwned;
use vclust_core::{ByteSize, Strategy};

use crate::error::Failure;

/// Where the dataclasses are.
const VALUES: &str = "vclust._values";

/// A record as the dataclass of that name.
pub(crate) fn value<'py, T: Serialize + ?Sized>(
    py: Python<'py>,
    class: &str,
    value: &T,
) -> PyResult<Bound<'py, PyAny>> {
    let data = pythonize::pythonize(py, value)?;
    py.import(VALUES)?.getattr(class)?.call_method1("_of", (data,))
}

/// Records as dataclasses.
pub(crate) fn values<'py, T: Serialize>(
    py: Python<'py>,
    class: &str,
    list: &[T],
) -> PyResult<Vec<Bound<'py, PyAny>>> {
    let make = py.import(VALUES)?.getattr(class)?.getattr("_of")?;
    list.iter().map(|one| make.call1((pythonize::pythonize(py, one)?,))).collect()
}

/// A record as dictionaries and lists.
pub(crate) fn plain<'py, T: Serialize + ?Sized>(
    py: Python<'py>,
    value: &T,
) -> PyResult<Bound<'py, PyAny>> {
    Ok(pythonize::pythonize(py, value)?)
}

/// A record from a dataclass, or from dictionaries and lists.
pub(crate) fn record<T: DeserializeOwned>(object: &Bound<'_, PyAny>) -> PyResult<T> {
    if object.hasattr("_data")? {
        return Ok(pythonize::depythonize(&object.call_method0("_data")?)?);
    }
    Ok(pythonize::depythonize(object)?)
}

/// An amount of bytes: a number, or a text such as `320MiB`.
#[derive(FromPyObject)]
pub(crate) enum Bytes {
    /// So many.
    Count(u64),
    /// With a unit.
    Text(String),
}

impl Bytes {
    pub(crate) fn parse(self) -> Result<ByteSize, Failure> {
        match self {
            Self::Count(bytes) => Ok(ByteSize::new(bytes)),
            Self::Text(text) => Ok(text.parse::<ByteSize>()?),
        }
    }
}

/// Strategies by their names; all of them where none is named.
pub(crate) fn strategies(names: Option<Vec<String>>) -> Result<Vec<Strategy>, Failure> {
    let Some(names) = names else { return Ok(Strategy::ALL.to_vec()) };
    names.iter().map(|name| strategy(name)).collect()
}

/// The strategy of that name.
pub(crate) fn strategy(name: &str) -> Result<Strategy, Failure> {
    Strategy::named(name).ok_or_else(|| {
        let known = Strategy::ALL.map(Strategy::name).join(", ");
        Failure::value(format!("`{name}` is no strategy; there are {known}"))
    })
}
