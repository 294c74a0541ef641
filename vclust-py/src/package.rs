//! One version of a package of an index.

use std::hash::{DefaultHasher, Hash, Hasher};
use std::sync::Arc;

use pyo3::prelude::*;
use pyo3::types::PyDict;
use vclust_core::{RelationKind, VersionId, VersionView};
use vclust_grid::LoadedIndex;

use crate::error::Failure;

/// One version of a package, as an index has it.
///
/// Two are equal if name, version and architecture are.
#[pyclass(frozen, module = "vclust")]
pub(crate) struct Package {
    loaded: Arc<LoadedIndex>,
    id: VersionId,
}

impl Package {
    pub(crate) fn new(loaded: &Arc<LoadedIndex>, id: VersionId) -> Self {
        Self { loaded: Arc::clone(loaded), id }
    }

    pub(crate) fn view(&self) -> VersionView<'_> {
        self.loaded.index.version(self.id)
    }

    pub(crate) fn is_of(&self, loaded: &Arc<LoadedIndex>) -> bool {
        Arc::ptr_eq(&self.loaded, loaded)
    }

    pub(crate) fn id(&self) -> VersionId {
        self.id
    }

    fn key(&self) -> (String, String, String) {
        let view = self.view();
        (view.name().into(), view.version().into(), view.architecture().into())
    }
}

#[pymethods]
impl Package {
    /// The package's name.
    #[getter]
    fn name(&self) -> String {
        self.view().name().into_owned()
    }

    /// The version number, as a text; `Version` compares such texts.
    #[getter]
    fn version(&self) -> String {
        self.view().version().into_owned()
    }

    /// The architecture; `all` for packages that fit every one.
    #[getter]
    fn architecture(&self) -> &str {
        self.view().architecture()
    }

    /// Bytes of the .deb; 0 if no archive has it.
    #[getter]
    fn size(&self) -> u64 {
        self.view().size()
    }

    /// Bytes after installation, as the package's maintainer states them.
    #[getter]
    fn installed_size(&self) -> u64 {
        self.view().installed_size()
    }

    /// Name of the source package.
    #[getter]
    fn source(&self) -> String {
        self.view().source().into_owned()
    }

    /// Version of the source package.
    #[getter]
    fn source_version(&self) -> String {
        self.view().source_version().into_owned()
    }

    /// The section, such as `math`.
    #[getter]
    fn section(&self) -> Option<String> {
        self.field("Section")
    }

    /// The first line of the description.
    #[getter]
    fn summary(&self) -> String {
        let text = self.view().field("Description").unwrap_or_default();
        text.lines().next().unwrap_or_default().to_owned()
    }

    /// Whether dpkg refuses to work without the package.
    #[getter]
    fn essential(&self) -> bool {
        self.view().package().is_essential()
    }

    /// Whether the index's root holds this very version.
    #[getter]
    fn installed(&self) -> bool {
        self.view().is_installed()
    }

    /// Names of the index files that offer it.
    #[getter]
    fn files(&self) -> Vec<String> {
        self.view().files().map(|file| file.name.clone()).collect()
    }

    /// The value of any field of the stanza; None if there is none of that name.
    fn field(&self, name: &str) -> Option<String> {
        self.view().field(name).map(Into::into)
    }

    /// All fields of the stanza, in their order.
    fn fields<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyDict>> {
        let fields = PyDict::new(py);
        for field in self.view().stanza().fields().filter_map(Result::ok) {
            fields.set_item(String::from_utf8_lossy(field.name), field.text())?;
        }
        Ok(fields)
    }

    /// The relations of a field such as `Depends`: a list of alternatives for each.
    fn relations(&self, field: &str) -> Result<Vec<Vec<String>>, Failure> {
        let named = |kind: &RelationKind| kind.field().eq_ignore_ascii_case(field);
        let kind = RelationKind::ALL.into_iter().find(named).ok_or_else(|| {
            let known = RelationKind::ALL.map(RelationKind::field).join(", ");
            Failure::value(format!("`{field}` is no field of relations; there are {known}"))
        })?;
        let groups = self.view().relations(kind);
        let groups = groups.map_err(|error| Failure::value(error.to_string()))?;
        let texts = |group: &[vclust_core::Relation<'_>]| {
            group.iter().map(ToString::to_string).collect::<Vec<_>>()
        };
        Ok(groups.iter().map(|group| texts(group)).collect())
    }

    fn __repr__(&self) -> String {
        let (name, version, architecture) = self.key();
        format!("<Package {name} {version} {architecture}>")
    }

    fn __str__(&self) -> String {
        let (name, version, _) = self.key();
        format!("{name}={version}")
    }

    fn __eq__(&self, other: &Bound<'_, PyAny>) -> bool {
        other.cast::<Self>().is_ok_and(|other| self.key() == other.get().key())
    }

    fn __hash__(&self) -> u64 {
        let mut hasher = DefaultHasher::new();
        self.key().hash(&mut hasher);
        hasher.finish()
    }
}
