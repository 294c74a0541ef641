//! `name/suite`: the named version's dependencies follow into the suite where they have to.

use super::request::is_called;
use super::state::{States, Which};
use crate::index::{Constraint, Dependency, RelationKind, VersionId, groups};

impl States<'_> {
    /// Switches the candidates of what the named versions need to the suites they were named with.
    pub(super) fn follow_suites(&self, start: &[(VersionId, String)]) {
        for (version, _) in start {
            self.set_candidate(*version);
        }
        let mut changed: Vec<VersionId> = Vec::new();
        for (version, suite) in start {
            changed.push(*version);
            self.set_candidate_of_suite(*version, suite, &mut changed, 0);
        }
    }

    fn set_candidate_of_suite(
        &self,
        version: VersionId,
        suite: &str,
        changed: &mut Vec<VersionId>,
        depth: usize,
    ) -> bool {
        self.set_candidate(version);
        if matches!(suite, "installed" | "candidate") || depth > 200 {
            return true;
        }
        let keep = changed.len();
        for group in groups(self.index.dependencies(version)) {
            let kind = group[0].kind;
            let follows = matches!(kind, RelationKind::Depends | RelationKind::PreDepends)
                || kind == RelationKind::Recommends && self.is_important(kind);
            if !follows || self.is_met_by_candidates(version, group) {
                continue;
            }
            let met = group
                .iter()
                .any(|dependency| self.switch_target(version, dependency, suite, changed, depth));
            if !met && kind.is_critical() {
                for version in changed.drain(keep..) {
                    self.set_candidate(version);
                }
                return false;
            }
        }
        true
    }

    /// Whether what is installed or a candidate that could be installed meets the dependency.
    fn is_met_by_candidates(&self, owner: VersionId, group: &[Dependency]) -> bool {
        let index = self.index;
        group.iter().any(|dependency| {
            let real = index.real_target(owner, dependency.target);
            let accepts =
                |version| index.accepts(owner, dependency, Some(index.version_text(version)));
            let now = real.and_then(|package| self.version(package, Which::Now));
            if now.is_some_and(accepts) {
                return true;
            }
            let candidate = real.and_then(|package| self.get(package).candidate.some());
            if dependency.constraint == Constraint::None {
                let mut provided = false;
                let found = index.any_provider(owner, dependency, |provider| {
                    provided = true;
                    self.get(self.package_of(provider)).candidate == provider
                        && self.candidate_holds(provider)
                });
                if provided {
                    return found;
                }
            }
            candidate.is_some_and(|candidate| accepts(candidate) && self.candidate_holds(candidate))
        })
    }

    fn switch_target(
        &self,
        owner: VersionId,
        dependency: &Dependency,
        suite: &str,
        changed: &mut Vec<VersionId>,
        depth: usize,
    ) -> bool {
        let index = self.index;
        if dependency.constraint == Constraint::None {
            return false;
        }
        let Some(package) = index.real_target(owner, dependency.target) else { return false };
        let in_suite = |version: &VersionId| {
            suite == "newest"
                || index.version(*version).files().any(|file| is_called(&file.suite, suite))
        };
        let Some(version) = index.version_ids(package).find(in_suite) else { return false };
        if !index.accepts(owner, dependency, Some(index.version_text(version))) {
            return false;
        }
        let before = self.get(package).candidate;
        if before == version && changed.iter().any(|other| self.package_of(*other) == package) {
            return true;
        }
        changed.push(version);
        if self.set_candidate_of_suite(version, suite, changed, depth + 1) {
            return true;
        }
        if let Some(before) = before.some() {
            self.set_candidate(before);
        }
        changed.retain(|other| *other != version);
        false
    }
}
