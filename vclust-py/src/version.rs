//! Version numbers.

use std::hash::{DefaultHasher, Hash, Hasher};

use pyo3::prelude::*;
use pyo3::pyclass::CompareOp;

use crate::error::Failure;

/// A Debian version number, ordered as dpkg orders them.
///
/// `1.0` equals `1.00` and `0:1.0-0`, and such versions have one hash.
#[pyclass(frozen, module = "vclust")]
pub(crate) struct Version(vclust_core::Version);

#[pymethods]
impl Version {
    #[new]
    fn new(text: &str) -> Result<Self, Failure> {
        Ok(Self(text.parse()?))
    }

    fn __str__(&self) -> &str {
        self.0.as_str()
    }

    fn __repr__(&self) -> String {
        format!("Version('{}')", self.0.as_str())
    }

    fn __hash__(&self) -> u64 {
        let mut hasher = DefaultHasher::new();
        self.0.hash(&mut hasher);
        hasher.finish()
    }

    fn __richcmp__(&self, other: &Bound<'_, PyAny>, operator: CompareOp) -> PyResult<Py<PyAny>> {
        let py = other.py();
        let Ok(other) = other.cast::<Self>() else { return Ok(py.NotImplemented()) };
        let holds = operator.matches(self.0.cmp(&other.get().0));
        Ok(holds.into_pyobject(py)?.to_owned().into_any().unbind())
    }

    fn __getnewargs__(&self) -> (String,) {
        (self.0.as_str().to_owned(),)
    }
}

/// Compares two texts as dpkg compares versions: -1, 0 or 1.
///
/// Texts that are no valid versions are compared by the same rule.
#[pyfunction]
#[pyo3(signature = (a, b, /))]
pub(crate) fn compare_versions(a: &str, b: &str) -> i8 {
    vclust_core::compare_versions(a.as_bytes(), b.as_bytes()) as i8
}
