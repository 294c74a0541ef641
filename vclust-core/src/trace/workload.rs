//! Requests as sets of packages, ready to be replayed.

use crate::catalogue::{PackageSet, Universe};
use crate::closure::{Request, ResolveError};
use crate::index::{Index, VersionId, VersionView};
use crate::policy::Policy;
use crate::selection::Target;

use super::build_dependencies;

/// Distinct requests with everything that nodes hold once they are served.
#[derive(Debug, Clone, Default)]
pub struct Workload {
    /// All packages of the requests and of the minimal image.
    pub universe: Universe,
    /// What the minimal image holds.
    pub minimal: PackageSet,
    /// What each request comes to.
    pub targets: Vec<PackageSet>,
}

impl Workload {
    /// A workload over the minimal image that an index has for its root.
    #[must_use]
    pub fn new(index: &Index) -> Self {
        let mut universe = Universe::new();
        let installed: Vec<VersionView<'_>> = index.installed().collect();
        let minimal = universe.add_versions(&installed);
        Self { universe, minimal, targets: Vec::new() }
    }

    /// What a root holds after a request, as [`Workload::push`] takes it. Works on any thread.
    pub fn resolve(
        index: &Index,
        policy: &Policy,
        request: &Request,
    ) -> Result<Vec<VersionId>, ResolveError> {
        let closure = request.resolve(index, policy)?;
        let real = |version: &VersionView<'_>| !build_dependencies::stands_for(&version.name());
        Ok(closure.resulting_root().filter(real).map(|version| version.id()).collect())
    }

    /// Adds a request's packages; returns their place among the targets.
    pub fn push(&mut self, index: &Index, versions: &[VersionId]) -> u32 {
        let versions: Vec<VersionView<'_>> =
            versions.iter().map(|version| index.version(*version)).collect();
        let target = self.universe.add_versions(&versions);
        self.targets.push(target);
        self.targets.len() as u32 - 1
    }

    /// The targets, each compared with all packages of the workload.
    #[must_use]
    pub fn compared(&self) -> Vec<Target> {
        let target = |packages: &PackageSet| Target::new(&self.universe, packages.clone());
        self.targets.iter().map(target).collect()
    }
}
