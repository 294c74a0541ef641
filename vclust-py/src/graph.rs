//! The dependency graph.

use std::sync::Arc;

use pyo3::prelude::*;
use self_cell::self_cell;
use vclust_core::{
    DependencyEdge, DependencyGraph, RelationKind, ResolveError, VersionId, VersionView,
};
use vclust_grid::LoadedIndex;

use crate::error::Failure;
use crate::package::Package;

self_cell!(
    /// A graph beside the index that it is of.
    struct Owned {
        owner: Arc<LoadedIndex>,
        #[covariant]
        dependent: DependencyGraph,
    }
);

/// What packages depend on. Packages are named by their names, or given as `Package`.
#[pyclass(frozen, module = "vclust")]
pub(crate) struct Graph(Owned);

/// A relation to a package: the relation's field, and the package.
type Edge = (&'static str, Package);

impl Graph {
    pub(crate) fn of_candidates(loaded: &Arc<LoadedIndex>) -> Self {
        Self(Owned::new(Arc::clone(loaded), |loaded| {
            DependencyGraph::of_candidates(&loaded.index, &loaded.policy)
        }))
    }

    pub(crate) fn of_versions(
        loaded: &Arc<LoadedIndex>,
        versions: impl Iterator<Item = VersionId>,
    ) -> Self {
        Self(Owned::new(Arc::clone(loaded), |loaded| {
            DependencyGraph::of_versions(&loaded.index, versions)
        }))
    }

    fn graph(&self) -> &DependencyGraph<'_> {
        self.0.borrow_dependent()
    }

    fn loaded(&self) -> &Arc<LoadedIndex> {
        self.0.borrow_owner()
    }

    /// The version that is meant: the candidate of a name, or a package as it is.
    fn version(&self, package: &Bound<'_, PyAny>) -> Result<VersionId, Failure> {
        if let Ok(package) = package.cast::<Package>() {
            let package = package.get();
            if !package.is_of(self.loaded()) {
                return Err(Failure::value("the package is of another index than the graph"));
            }
            return Ok(package.id());
        }
        let name: String = package.extract()?;
        let LoadedIndex { index, policy, .. } = &**self.loaded();
        let Some(found) = index.find(&name) else {
            let similar = index.similar_names(&name);
            return Err(ResolveError::Unknown { package: name, similar }.into());
        };
        let candidate = policy.candidate(index, found.id());
        Ok(candidate.ok_or(ResolveError::NoCandidate { package: name })?)
    }

    fn packages(&self, versions: &[VersionView<'_>]) -> Vec<Package> {
        versions.iter().map(|version| Package::new(self.loaded(), version.id())).collect()
    }

    fn edges(&self, edges: &[(DependencyEdge, VersionView<'_>)], hard: bool) -> Vec<Edge> {
        let is_hard = |kind| matches!(kind, RelationKind::Depends | RelationKind::PreDepends);
        let wanted = edges.iter().filter(|(edge, _)| !hard || is_hard(edge.kind));
        wanted
            .map(|(edge, version)| (edge.kind.field(), Package::new(self.loaded(), version.id())))
            .collect()
    }
}

#[pymethods]
impl Graph {
    /// What a package's relations lead to, each with the relation's field, in the order of the relations;
    /// with `hard` only what it depends on.
    #[pyo3(signature = (package, *, hard=false))]
    fn dependencies(&self, package: &Bound<'_, PyAny>, hard: bool) -> Result<Vec<Edge>, Failure> {
        let version = self.version(package)?;
        Ok(self.edges(&self.graph().dependencies(version), hard))
    }

    /// Packages whose relations lead to this one, each with the relation's field; with `hard` only those
    /// that depend on it.
    #[pyo3(signature = (package, *, hard=false))]
    fn dependants(&self, package: &Bound<'_, PyAny>, hard: bool) -> Result<Vec<Edge>, Failure> {
        let version = self.version(package)?;
        Ok(self.edges(&self.graph().dependants(version), hard))
    }

    /// A shortest chain of dependencies from one package to another, each step with its relation's field;
    /// empty if there is none.
    fn why(
        &self,
        py: Python<'_>,
        package: &Bound<'_, PyAny>,
        needs: &Bound<'_, PyAny>,
    ) -> Result<Vec<Edge>, Failure> {
        let (from, to) = (self.version(package)?, self.version(needs)?);
        Ok(py.detach(|| self.edges(&self.graph().why(from, to), false)))
    }

    /// All packages that a package may need, at any distance.
    fn reachable(
        &self,
        py: Python<'_>,
        package: &Bound<'_, PyAny>,
    ) -> Result<Vec<Package>, Failure> {
        let version = self.version(package)?;
        Ok(py.detach(|| self.packages(&self.graph().reachable(version))))
    }

    /// All packages that may need a package, at any distance.
    fn needed_by(
        &self,
        py: Python<'_>,
        package: &Bound<'_, PyAny>,
    ) -> Result<Vec<Package>, Failure> {
        let version = self.version(package)?;
        Ok(py.detach(|| self.packages(&self.graph().needed_by(version))))
    }

    /// Number of packages in the graph.
    fn __len__(&self) -> usize {
        self.graph().as_petgraph().node_count()
    }

    fn __repr__(&self) -> String {
        let graph = self.graph().as_petgraph();
        format!("<Graph of {} packages, {} relations>", graph.node_count(), graph.edge_count())
    }
}
