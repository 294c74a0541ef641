//! Saying in words why a request has no closure.
//!
//! First the chain of dependencies to something that does not exist is looked for; if there is
//! none, two packages of the request's wake exclude each other, and the chains to both are told.

use std::collections::VecDeque;

use rustc_hash::{FxHashMap, FxHashSet};

use super::state::{States, Which};
use crate::index::{ArchitectureId, Dependency, PackageId, RelationKind, VersionId, groups};

impl States<'_> {
    /// The chain that fails, from a requested package to the reason.
    pub(super) fn explain(&self, requested: &[VersionId]) -> Vec<String> {
        for version in requested {
            let mut visited = FxHashSet::default();
            if let Some(chain) = self.missing_chain(*version, &mut visited) {
                return chain;
            }
        }
        if let Some(chain) = self.conflict_chain(requested) {
            return chain;
        }
        let mut steps: Vec<String> = Vec::new();
        for package in self.broken() {
            let Some(version) = self.get(package).install.some() else { continue };
            for group in groups(self.index.dependencies(version)) {
                let critical = group[0].kind.is_critical();
                if critical && !self.group_holds(version, group, Which::Install) {
                    steps.push(format!(
                        "{}, which is not going to be {}",
                        self.sentence(version, group),
                        if group[0].kind.is_negative() { "removed" } else { "installed" }
                    ));
                }
            }
        }
        if steps.is_empty() {
            let names: Vec<String> = requested.iter().map(|id| self.full_name(*id)).collect();
            steps.push(format!("no way was found to install {} together", names.join(", ")));
        }
        steps
    }

    /// The relations of installed packages that do not hold in the root as it is.
    pub(super) fn broken_now(&self) -> Vec<String> {
        let mut steps = Vec::new();
        for package in self.installed() {
            let Some(version) = self.current(*package) else { continue };
            for group in groups(self.index.dependencies(version)) {
                if group[0].kind.is_critical() && !self.group_holds(version, group, Which::Now) {
                    steps.push(self.sentence(version, group));
                }
            }
        }
        steps
    }

    fn full_name(&self, version: VersionId) -> String {
        format!("{} ({})", self.short_name(version), self.index.version(version).version())
    }

    /// The package's name, with its architecture unless that is the native one.
    fn short_name(&self, version: VersionId) -> String {
        let package = self.index.version(version).package();
        if self.index.architecture_of(version) == ArchitectureId::NATIVE {
            package.name().into_owned()
        } else {
            format!("{}:{}", package.name(), package.architecture())
        }
    }

    /// `a (1) depends on b (>= 2)`
    fn sentence(&self, owner: VersionId, group: &[Dependency]) -> String {
        let verb = match group[0].kind {
            RelationKind::PreDepends => "pre-depends on",
            RelationKind::Depends => "depends on",
            RelationKind::Recommends => "recommends",
            RelationKind::Conflicts => "conflicts with",
            RelationKind::Breaks => "breaks",
            other => other.field(),
        };
        let bytes = self.index.bytes(owner);
        let alternatives: Vec<String> = group
            .iter()
            .map(|dependency| match dependency.target {
                crate::index::Target::Package(package) => {
                    let package = self.index.package(package);
                    format!("{}:{}", package.name(), package.architecture())
                }
                _ => String::from_utf8_lossy(dependency.text.of(bytes)).trim().to_owned(),
            })
            .collect();
        format!("{} {verb} {}", self.full_name(owner), alternatives.join(" or "))
    }

    /// Candidates that satisfy one of the alternatives, installed versions included.
    fn possible(&self, owner: VersionId, group: &[Dependency]) -> Vec<VersionId> {
        let mut versions = Vec::new();
        for dependency in group {
            for version in self.index.all_targets(owner, dependency) {
                let package = self.package_of(version);
                let initial = self.policy.candidate(self.index, package);
                if initial == Some(version)
                    || self.current(package) == Some(version)
                    || self.get(package).candidate == version
                {
                    versions.push(version);
                }
            }
        }
        versions
    }

    /// The chain from `version` to a dependency that no candidate satisfies.
    fn missing_chain(
        &self,
        version: VersionId,
        visited: &mut FxHashSet<VersionId>,
    ) -> Option<Vec<String>> {
        if !visited.insert(version) {
            return None;
        }
        for group in groups(self.index.dependencies(version)) {
            if !group[0].kind.is_critical() || group[0].kind.is_negative() {
                continue;
            }
            let possible = self.possible(version, group);
            let step = self.sentence(version, group);
            if possible.is_empty() {
                return Some(vec![step, self.why_nothing_fits(version, group)]);
            }
            let mut reason = None;
            for target in possible {
                match self.missing_chain(target, visited) {
                    None => {
                        reason = None;
                        break;
                    }
                    Some(chain) => reason = reason.or(Some(chain)),
                }
            }
            if let Some(mut chain) = reason {
                chain.insert(0, step);
                return Some(chain);
            }
        }
        None
    }

    fn why_nothing_fits(&self, owner: VersionId, group: &[Dependency]) -> String {
        let bytes = self.index.bytes(owner);
        let reasons: Vec<String> = group
            .iter()
            .map(|dependency| {
                let text = String::from_utf8_lossy(dependency.text.of(bytes));
                let name: String =
                    text.split(|c: char| c.is_whitespace() || c == '(').next().unwrap_or("").into();
                let found = self.index.real_target(owner, dependency.target);
                let versions: Vec<String> = found
                    .into_iter()
                    .flat_map(|package| self.index.version_ids(package))
                    .map(|version| self.index.version(version).version().into_owned())
                    .collect();
                if versions.is_empty() {
                    format!("no package is or provides `{name}`")
                } else {
                    format!("of `{name}` there is only {}", versions.join(", "))
                }
            })
            .collect();
        reasons.join(", and ")
    }

    /// Two packages that the request needs and that exclude each other, with the way to each.
    fn conflict_chain(&self, requested: &[VersionId]) -> Option<Vec<String>> {
        let mut from: FxHashMap<VersionId, Option<(VersionId, String)>> = FxHashMap::default();
        let mut by_package: FxHashMap<PackageId, VersionId> = FxHashMap::default();
        let mut queue = VecDeque::new();
        for version in requested {
            from.insert(*version, None);
            queue.push_back(*version);
        }
        let mut order = Vec::new();
        while let Some(version) = queue.pop_front() {
            order.push(version);
            by_package.entry(self.package_of(version)).or_insert(version);
            for group in groups(self.index.dependencies(version)) {
                if !group[0].kind.is_critical() || group[0].kind.is_negative() {
                    continue;
                }
                // Only what has no alternative is needed for certain.
                let mut possible = self.possible(version, group);
                possible.sort_unstable();
                possible.dedup();
                if let [only] = possible[..] {
                    from.entry(only).or_insert_with(|| {
                        queue.push_back(only);
                        Some((version, self.sentence(version, group)))
                    });
                }
            }
        }
        for version in &order {
            for dependency in self.index.dependencies(*version) {
                if !dependency.kind.is_negative() {
                    continue;
                }
                let hit = self
                    .index
                    .all_targets(*version, dependency)
                    .into_iter()
                    .find(|target| by_package.get(&self.package_of(*target)) == Some(target));
                if let Some(hit) = hit {
                    let mut steps = chain_to(&from, *version);
                    steps.extend(chain_to(&from, hit));
                    let clash = self.sentence(*version, std::slice::from_ref(dependency));
                    let (own, other) = (self.short_name(*version), self.short_name(hit));
                    let named = dependency.target.name(self.index);
                    let provides = if named == Some(self.index.name_of(self.package_of(hit))) {
                        String::new()
                    } else {
                        format!(", which {other} provides")
                    };
                    steps.push(format!("{clash}{provides}, and both {own} and {other} are needed"));
                    steps.dedup();
                    return Some(steps);
                }
            }
        }
        None
    }
}

fn chain_to(
    from: &FxHashMap<VersionId, Option<(VersionId, String)>>,
    version: VersionId,
) -> Vec<String> {
    let mut steps = Vec::new();
    let mut at = version;
    while let Some(Some((before, step))) = from.get(&at) {
        steps.insert(0, step.clone());
        at = *before;
    }
    steps
}
