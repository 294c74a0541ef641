//! Errors of the library as exceptions of `vclust.errors`, with the same fields.

use std::error::Error;
use std::path::{Path, PathBuf};

use pyo3::exceptions::PyValueError;
use pyo3::prelude::*;
use pyo3::types::PyDict;
use vclust_core::{
    ByteSizeError, CatalogueError, HistoryError, ImageListingError, ImpossibleEvent, IndexError,
    MetaPackageError, PolicyError, Rejection, ResolveError, SelectionError, SiteError, SpecError,
    VersionError,
};
use vclust_debian::{AptConfigurationError, IndexFileError, MirrorError, StateDirectoryError};
use vclust_grid::{
    ClusterPlanError, DeployError, HistoryDatabaseError, ImportError, PackagesError, PastError,
    ReplayError, RepositoryError, SearchError,
};

/// An error on its way to Python.
pub(crate) enum Failure {
    /// One of the library's.
    Library(Box<Described>),
    /// One of Python's own.
    Python(PyErr),
}

/// An error of the library, as Python sees it.
pub(crate) struct Described {
    class: &'static str,
    message: String,
    causes: Vec<String>,
    fields: Vec<(&'static str, Field)>,
}

/// A field of an exception.
#[derive(IntoPyObject)]
pub(crate) enum Field {
    Text(String),
    Texts(Vec<String>),
    Number(u64),
    Path(PathBuf),
}

/// An error that has an exception of its own.
pub(crate) trait Describe: Error + Sized {
    /// The exception's name.
    fn class(&self) -> &'static str;

    /// Its fields.
    fn fields(&self) -> Vec<(&'static str, Field)> {
        Vec::new()
    }

    /// All of it.
    fn describe(&self) -> Described {
        let mut causes = Vec::new();
        let mut cause = self.source();
        while let Some(error) = cause {
            causes.push(error.to_string());
            cause = error.source();
        }
        let (class, message) = (self.class(), self.to_string());
        Described { class, message, causes, fields: self.fields() }
    }
}

impl Failure {
    /// A wrong argument.
    pub(crate) fn value(message: impl Into<String>) -> Self {
        Self::Python(PyValueError::new_err(message.into()))
    }
}

impl<E: Describe> From<E> for Failure {
    fn from(error: E) -> Self {
        Self::Library(Box::new(error.describe()))
    }
}

impl From<PyErr> for Failure {
    fn from(error: PyErr) -> Self {
        Self::Python(error)
    }
}

impl From<pythonize::PythonizeError> for Failure {
    fn from(error: pythonize::PythonizeError) -> Self {
        Self::Python(error.into())
    }
}

impl From<Failure> for PyErr {
    fn from(failure: Failure) -> Self {
        match failure {
            Failure::Python(error) => error,
            Failure::Library(described) => Python::attach(|py| {
                described.exception(py).map_or_else(|error| error, PyErr::from_value)
            }),
        }
    }
}

impl Described {
    fn exception(self, py: Python<'_>) -> PyResult<Bound<'_, PyAny>> {
        let fields = PyDict::new(py);
        for (name, field) in self.fields {
            fields.set_item(name, field)?;
        }
        let class = py.import("vclust.errors")?.getattr(self.class)?;
        class.call((self.message, self.causes), Some(&fields))
    }
}

fn text(value: &str) -> Field {
    Field::Text(value.to_owned())
}

fn texts(value: &[String]) -> Field {
    Field::Texts(value.to_vec())
}

fn path(value: &Path) -> Field {
    Field::Path(value.to_owned())
}

impl Describe for ResolveError {
    fn class(&self) -> &'static str {
        match self {
            Self::Unknown { .. } => "UnknownPackageError",
            Self::Virtual { .. } => "VirtualPackageError",
            Self::NoCandidate { .. } => "NoCandidateError",
            Self::NoSuchVersion { .. } => "NoSuchVersionError",
            Self::BrokenRoot { .. } => "BrokenRootError",
            Self::Unsatisfiable { .. } => "UnsatisfiableError",
            _ => "ResolveError",
        }
    }

    fn fields(&self) -> Vec<(&'static str, Field)> {
        let mut fields = vec![("explanation", Field::Texts(self.explanation()))];
        match self {
            Self::Unknown { package, similar } => {
                fields.extend([("package", text(package)), ("similar", texts(similar))]);
            }
            Self::Virtual { package, providers } => {
                fields.extend([("package", text(package)), ("providers", texts(providers))]);
            }
            Self::NoCandidate { package } => fields.push(("package", text(package))),
            Self::NoSuchVersion { package, wanted, available } => fields.extend([
                ("package", text(package)),
                ("wanted", text(wanted)),
                ("available", texts(available)),
            ]),
            _ => {}
        }
        fields
    }
}

impl Describe for IndexError {
    fn class(&self) -> &'static str {
        "IndexFileError"
    }

    fn fields(&self) -> Vec<(&'static str, Field)> {
        match self {
            Self::MissingField { file, line, package, field } => vec![
                ("path", Field::Path(file.into())),
                ("line", Field::Number(*line as u64)),
                ("package", text(package)),
                ("field", text(field)),
            ],
            Self::TooLarge { file, .. } | Self::TooManyFiles { file } => {
                vec![("path", Field::Path(file.into()))]
            }
            _ => Vec::new(),
        }
    }
}

impl Describe for IndexFileError {
    fn class(&self) -> &'static str {
        "IndexFileError"
    }

    fn fields(&self) -> Vec<(&'static str, Field)> {
        match self {
            Self::Read { path: file, .. }
            | Self::NotRegular { path: file }
            | Self::Damaged { path: file, .. }
            | Self::Bomb { path: file, .. }
            | Self::Unsupported { path: file, .. } => vec![("path", path(file))],
            _ => Vec::new(),
        }
    }
}

impl Describe for MetaPackageError {
    fn class(&self) -> &'static str {
        "MetaPackageError"
    }

    fn fields(&self) -> Vec<(&'static str, Field)> {
        match self {
            Self::Unknown { name, suggestions }
            | Self::UnknownInclude { name, suggestions, .. }
            | Self::UnknownTask { name, suggestions } => {
                vec![("name", text(name)), ("suggestions", texts(suggestions))]
            }
            Self::InvalidName { name, .. } | Self::Ambiguous { name, .. } => {
                vec![("name", text(name))]
            }
            _ => Vec::new(),
        }
    }
}

impl Describe for PackagesError {
    fn class(&self) -> &'static str {
        match self {
            Self::Read { .. } => "FileError",
            Self::IndexFile(error) => error.class(),
            Self::Index(error) => error.class(),
            Self::AptConfiguration(error) => error.class(),
            Self::Mirror(error) => error.class(),
            Self::StateDirectory(error) => error.class(),
            Self::NoIndexes => "NoIndexesError",
            Self::Resolve(error) => error.class(),
            Self::MetaPackage(error) => error.class(),
            _ => "VclustError",
        }
    }

    fn fields(&self) -> Vec<(&'static str, Field)> {
        match self {
            Self::Read { path: file, .. } => vec![("path", path(file))],
            Self::IndexFile(error) => error.fields(),
            Self::Index(error) => error.fields(),
            Self::Resolve(error) => error.fields(),
            Self::MetaPackage(error) => error.fields(),
            _ => Vec::new(),
        }
    }
}

impl Describe for PastError {
    fn class(&self) -> &'static str {
        match self {
            Self::Read { .. } => "FileError",
            _ => "HistoryError",
        }
    }

    fn fields(&self) -> Vec<(&'static str, Field)> {
        match self {
            Self::Read { path: file, .. } => vec![("path", path(file))],
            Self::Line { path: file, source } => {
                vec![("path", path(file)), ("line", Field::Number(source.line as u64))]
            }
            _ => Vec::new(),
        }
    }
}

impl Describe for HistoryError {
    fn class(&self) -> &'static str {
        "HistoryError"
    }

    fn fields(&self) -> Vec<(&'static str, Field)> {
        vec![("line", Field::Number(self.line as u64))]
    }
}

impl Describe for ImportError {
    fn class(&self) -> &'static str {
        match self {
            Self::Read(_) => "FileError",
            _ => "HistoryError",
        }
    }

    fn fields(&self) -> Vec<(&'static str, Field)> {
        match self {
            Self::Line(error) => error.fields(),
            _ => Vec::new(),
        }
    }
}

impl Describe for ClusterPlanError {
    fn class(&self) -> &'static str {
        match self {
            Self::Read { .. } => "FileError",
            Self::Spec { source, .. } => source.class(),
            Self::Images { source, .. } => source.class(),
            Self::Packages(error) => error.class(),
            Self::MetaPackage(error) => error.class(),
            Self::Resolve(error) => error.class(),
            Self::Repository(error) => error.class(),
            Self::Catalogue(error) => error.class(),
            Self::Past(error) => error.class(),
            Self::Templates(error) => error.class(),
            Self::Selection(error) => error.class(),
            Self::StateDirectory(error) => error.class(),
            _ => "VclustError",
        }
    }

    fn fields(&self) -> Vec<(&'static str, Field)> {
        match self {
            Self::Read { path: file, .. }
            | Self::Spec { path: file, .. }
            | Self::Images { path: file, .. } => vec![("path", path(file))],
            Self::Packages(error) => error.fields(),
            Self::MetaPackage(error) => error.fields(),
            Self::Resolve(error) => error.fields(),
            Self::Repository(error) => error.fields(),
            Self::Past(error) => error.fields(),
            Self::Selection(error) => error.fields(),
            _ => Vec::new(),
        }
    }
}

impl Describe for SelectionError {
    fn class(&self) -> &'static str {
        "SelectionError"
    }

    fn fields(&self) -> Vec<(&'static str, Field)> {
        match self {
            Self::NoImage { unusable } => vec![("unusable", Field::Number(*unusable as u64))],
            _ => Vec::new(),
        }
    }
}

impl Describe for RepositoryError {
    fn class(&self) -> &'static str {
        match self {
            Self::Unknown { .. } => "UnknownImageError",
            _ => "RepositoryError",
        }
    }

    fn fields(&self) -> Vec<(&'static str, Field)> {
        match self {
            Self::Unknown { name, near } => {
                vec![("name", text(name)), ("near", texts(near))]
            }
            Self::Read { path: file, .. } | Self::Write { path: file, .. } => {
                vec![("path", path(file))]
            }
            _ => Vec::new(),
        }
    }
}

impl Describe for ReplayError {
    fn class(&self) -> &'static str {
        match self {
            Self::Policy(error) => error.class(),
            Self::Selection(error) => error.class(),
            _ => "VclustError",
        }
    }

    fn fields(&self) -> Vec<(&'static str, Field)> {
        match self {
            Self::Selection(error) => error.fields(),
            _ => Vec::new(),
        }
    }
}

impl Describe for SearchError {
    fn class(&self) -> &'static str {
        "PatternError"
    }

    fn fields(&self) -> Vec<(&'static str, Field)> {
        vec![("pattern", text(&self.pattern))]
    }
}

/// Errors of which Python needs the class alone.
macro_rules! described {
    ($($error:ty => $class:literal),+ $(,)?) => {
        $(impl Describe for $error {
            fn class(&self) -> &'static str {
                $class
            }
        })+
    };
}

described! {
    AptConfigurationError => "AptConfigurationError",
    ByteSizeError => "SizeError",
    CatalogueError => "ImageListingError",
    DeployError => "ClusterError",
    HistoryDatabaseError => "HistoryError",
    ImageListingError => "ImageListingError",
    ImpossibleEvent => "HistoryError",
    MirrorError => "MirrorError",
    PolicyError => "PolicyError",
    Rejection => "HistoryError",
    SiteError => "SiteError",
    SpecError => "SpecError",
    StateDirectoryError => "StateDirectoryError",
    VersionError => "VersionError",
}
