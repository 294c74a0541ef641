//! Dropping what nobody needs: new packages that were marked on the way to an answer that then
//! went another way (apt's mark and sweep).

use rustc_hash::FxHashMap;

use super::mark::{By, Dependencies, keeps_alive};
use super::state::{Mode, States, Which};
use crate::index::{PackageId, VersionId};
use crate::version::compare_versions;

impl States<'_> {
    /// Unmarks new packages that nothing installed depends on, recommends or suggests; brings back
    /// those whose loss would break something.
    pub(super) fn sweep(&self) {
        let active = self.active();
        for package in &active {
            self.with(*package, |state| state.marked = false);
        }
        for package in &active {
            let record = self.index.package_record(*package);
            let required = self.current(*package).is_some_and(|version| {
                self.index.version_record(version).priority == crate::index::Priority::Required
            });
            let state = self.get(*package);
            let root = !state.auto || record.essential || record.protected || required;
            if root && !state.marked {
                if let Some(version) = self.staying(*package) {
                    self.mark_alive(*package, version);
                }
            }
        }
        let mut dropped = Vec::new();
        for package in &active {
            let state = self.get(*package);
            let new = state.mode == Mode::Install && !self.is_installed(*package);
            if new && !state.marked {
                self.mark_delete(*package, By::Solver, 0);
                dropped.push(*package);
            }
        }
        if dropped.is_empty() || active.iter().all(|package| !self.is_policy_broken(*package)) {
            return;
        }
        if !dropped.iter().any(|package| self.is_missed(*package)) {
            return;
        }
        dropped.sort_by_key(|package| self.index.creation(*package));
        while let Some(position) = dropped.iter().position(|package| self.is_missed(*package)) {
            let package = dropped.remove(position);
            self.mark_install(package, Dependencies::Leave, 0, By::Solver);
        }
    }

    /// The version of a package that will be there afterwards.
    fn staying(&self, package: PackageId) -> Option<VersionId> {
        let state = self.get(package);
        match state.mode {
            Mode::Install => state.install.some(),
            Mode::Keep => self.current(package),
            Mode::Delete => None,
        }
    }

    fn mark_alive(&self, package: PackageId, version: VersionId) {
        let mut stack = vec![(package, version)];
        while let Some((package, version)) = stack.pop() {
            if self.get(package).marked {
                continue;
            }
            self.with(package, |state| state.marked = true);
            for dependency in self.index.dependencies(version) {
                if keeps_alive(dependency.kind) {
                    stack.extend(self.kept_by(version, dependency));
                }
            }
        }
    }

    /// What satisfies the dependency afterwards; of several versions of one source only the newest.
    fn kept_by(
        &self,
        owner: VersionId,
        dependency: &crate::index::Dependency,
    ) -> Vec<(PackageId, VersionId)> {
        let index = self.index;
        let mut found = Vec::new();
        if let Some(package) = index.real_target(owner, dependency.target) {
            if let Some(version) = self.staying(package) {
                if index.accepts(owner, dependency, Some(index.version_text(version))) {
                    found.push((package, version));
                }
            }
        }
        index.any_provider(owner, dependency, |provider| {
            let package = self.package_of(provider);
            if self.staying(package) == Some(provider) && !found.contains(&(package, provider)) {
                found.push((package, provider));
            }
            false
        });
        if found.len() < 2 {
            return found;
        }
        let mut newest: FxHashMap<String, String> = FxHashMap::default();
        let source = |version: VersionId| {
            let version = index.version(version);
            (version.source().into_owned(), version.source_version().into_owned())
        };
        for (_, version) in &found {
            let (source, version) = source(*version);
            let best = newest.entry(source).or_insert_with(|| version.clone());
            if compare_versions(version.as_bytes(), best.as_bytes()).is_gt() {
                *best = version;
            }
        }
        found.retain(|(_, version)| {
            let (source, version) = source(*version);
            newest.get(&source) == Some(&version)
        });
        found
    }

    /// Whether a package that stays has an important relation which names the dropped package or
    /// something it provides.
    fn is_missed(&self, dropped: PackageId) -> bool {
        let index = self.index;
        let Some(candidate) = self.get(dropped).candidate.some() else { return false };
        self.active().iter().any(|package| {
            let Some(owner) = self.staying(*package) else { return false };
            index.dependencies(owner).iter().any(|dependency| {
                if dependency.kind.is_negative() || !self.is_important(dependency.kind) {
                    return false;
                }
                index.real_target(owner, dependency.target) == Some(dropped)
                    || index.any_provider(owner, dependency, |provider| provider == candidate)
            })
        }) && self.version(dropped, Which::Install).is_none()
    }
}
