//! Cluster specs.

use std::path::PathBuf;

use pyo3::prelude::*;
use pyo3::types::{PyDict, PyTuple};
use serde_json::{Map, Value};
use vclust_core::StrategyChoice;

use crate::error::{Describe, Failure};

/// A cluster to build: how many machines, how large, what software.
///
/// Keywords are the keys of a spec's TOML file, hyphens written as underscores; sections are dictionaries.
/// A key that vclust does not know is an error.
#[pyclass(frozen, module = "vclust")]
pub(crate) struct ClusterSpec {
    pub(crate) inner: vclust_core::ClusterSpec,
}

impl ClusterSpec {
    fn of_table(table: Value) -> Result<Self, Failure> {
        let inner: vclust_core::ClusterSpec = serde_json::from_value(table)
            .map_err(|error| Failure::spec(format!("this is no cluster spec: {error}")))?;
        inner.check()?;
        Ok(Self { inner })
    }

    fn table(&self) -> Result<Map<String, Value>, Failure> {
        match serde_json::to_value(&self.inner) {
            Ok(Value::Object(table)) => Ok(table),
            Ok(_) => Err(Failure::spec("a spec is a table".to_owned())),
            Err(error) => Err(Failure::spec(error.to_string())),
        }
    }

    fn toml(&self) -> Result<String, Failure> {
        toml::to_string(&self.inner).map_err(|error| Failure::spec(error.to_string()))
    }
}

#[pymethods]
impl ClusterSpec {
    #[new]
    #[pyo3(signature = (name, nodes, **options))]
    fn new(name: String, nodes: u32, options: Option<&Bound<'_, PyDict>>) -> Result<Self, Failure> {
        let mut table = keys(options)?;
        table.insert("name".to_owned(), name.into());
        table.insert("nodes".to_owned(), nodes.into());
        Self::of_table(Value::Object(table))
    }

    /// Reads and checks a spec from a text in TOML.
    #[staticmethod]
    fn parse(text: &str) -> Result<Self, Failure> {
        Ok(Self { inner: vclust_core::ClusterSpec::parse(text)? })
    }

    /// Reads and checks a spec from a TOML file.
    #[staticmethod]
    fn read(path: PathBuf) -> Result<Self, Failure> {
        Ok(Self { inner: vclust_grid::read_spec(&path)? })
    }

    /// The cluster's name.
    #[getter]
    fn name(&self) -> &str {
        &self.inner.name
    }

    /// Number of nodes.
    #[getter]
    fn nodes(&self) -> u32 {
        self.inner.nodes
    }

    /// Bytes of memory of each node.
    #[getter]
    fn memory(&self) -> u64 {
        self.inner.memory.bytes()
    }

    /// Bytes of disk of each node.
    #[getter]
    fn disk(&self) -> u64 {
        self.inner.disk.bytes()
    }

    /// Virtual processors of each node.
    #[getter]
    fn processors(&self) -> u32 {
        self.inner.processors
    }

    /// Packages of every node.
    #[getter]
    fn packages(&self) -> Vec<String> {
        self.inner.packages.clone()
    }

    /// Names of meta-packages of every node.
    #[getter]
    fn meta_packages(&self) -> Vec<String> {
        self.inner.meta_packages.clone()
    }

    /// How nodes get their root: `auto`, `install`, `layers` or `clone`.
    #[getter]
    fn strategy(&self) -> &'static str {
        match self.inner.deploy.strategy {
            StrategyChoice::Auto => "auto",
            StrategyChoice::Install => "install",
            StrategyChoice::Layers => "layers",
            StrategyChoice::Clone => "clone",
        }
    }

    /// What is requested: packages, then meta-packages with their prefix.
    fn request(&self) -> Vec<String> {
        self.inner.request()
    }

    /// The spec with other values for some keys.
    #[pyo3(signature = (**options))]
    fn replace(&self, options: Option<&Bound<'_, PyDict>>) -> Result<Self, Failure> {
        let mut table = self.table()?;
        for (key, value) in keys(options)? {
            match (table.get_mut(&key), value) {
                (Some(Value::Object(section)), Value::Object(changed)) => section.extend(changed),
                (_, value) => {
                    table.insert(key, value);
                }
            }
        }
        Self::of_table(Value::Object(table))
    }

    /// The spec as a TOML file has it.
    fn to_toml(&self) -> Result<String, Failure> {
        self.toml()
    }

    /// The spec, with files that are relative to a directory named wholly.
    fn _within(&self, directory: PathBuf) -> Self {
        let mut inner = self.inner.clone();
        for file in &mut inner.files {
            file.source = directory.join(&file.source).display().to_string();
        }
        for shared in &mut inner.shared {
            shared.source = directory.join(&shared.source).display().to_string();
        }
        Self { inner }
    }

    fn __reduce__<'py>(&self, py: Python<'py>) -> Result<Bound<'py, PyTuple>, Failure> {
        let parse = py.get_type::<Self>().getattr("parse")?;
        Ok((parse, (self.toml()?,)).into_pyobject(py)?)
    }

    fn __eq__(&self, other: &Bound<'_, PyAny>) -> bool {
        other.cast::<Self>().is_ok_and(|other| self.inner == other.get().inner)
    }

    fn __hash__(&self) -> Result<u64, Failure> {
        use std::hash::{DefaultHasher, Hash, Hasher};
        let mut hasher = DefaultHasher::new();
        self.toml()?.hash(&mut hasher);
        Ok(hasher.finish())
    }

    fn __repr__(&self) -> String {
        let spec = &self.inner;
        format!(
            "<ClusterSpec {}: {} nodes of {}, {}>",
            spec.name,
            spec.nodes,
            spec.memory,
            spec.request().join(" ")
        )
    }
}

impl Failure {
    fn spec(message: String) -> Self {
        Self::from(NoSpec(message))
    }
}

/// A table that is no spec.
#[derive(Debug)]
struct NoSpec(String);

impl std::fmt::Display for NoSpec {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        out.write_str(&self.0)
    }
}

impl std::error::Error for NoSpec {}

impl Describe for NoSpec {
    fn class(&self) -> &'static str {
        "SpecError"
    }
}

/// Keywords as keys of a spec.
fn keys(options: Option<&Bound<'_, PyDict>>) -> Result<Map<String, Value>, Failure> {
    let Some(options) = options else { return Ok(Map::new()) };
    let table: Map<String, Value> = pythonize::depythonize(options)?;
    Ok(table.into_iter().map(|(key, value)| (key.replace('_', "-"), hyphened(value))).collect())
}

/// The same within sections and lists of tables. An amount of memory may be a number of bytes.
fn hyphened(value: Value) -> Value {
    match value {
        Value::Object(table) => Value::Object(
            table
                .into_iter()
                .map(|(key, value)| (key.replace('_', "-"), hyphened(value)))
                .collect(),
        ),
        Value::Array(list) => Value::Array(list.into_iter().map(hyphened).collect()),
        other => other,
    }
}
