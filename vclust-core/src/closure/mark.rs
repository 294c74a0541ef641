//! Marking packages for installation, removal or keeping, dependencies included: the first and
//! usually the only half of apt's classic solver.
//!
//! The steps and their order are apt 2.6's (`pkgDepCache::MarkInstall`), because which alternative
//! is taken depends on them; where apt stops early, so does this.

use std::cell::OnceCell;

use super::state::{Mode, Standing, States, Which};
use crate::index::{Dependency, MultiArch, PackageId, RelationKind, Selection, VersionId, groups};

/// Who asks for a change: a user's wish overrides protection and holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum By {
    User,
    Solver,
}

/// Whether marking a package also marks what it depends on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Dependencies {
    Follow,
    Leave,
}

/// apt's limit, against runaway recursion.
const DEEPEST: usize = 3000;

/// A group of alternatives of one version, by place.
type GroupOf<'a> = &'a [Dependency];

impl States<'_> {
    fn may_change(&self, package: PackageId, mode: Mode, depth: usize, by: By) -> bool {
        if depth > DEEPEST {
            return false;
        }
        if by == By::User {
            return true;
        }
        let state = self.get(package);
        if state.mode == mode {
            return true;
        }
        if state.protected {
            return false;
        }
        let record = self.index.package_record(package);
        if mode != Mode::Keep && (state.held || record.selection == Selection::Hold) {
            return false;
        }
        !(mode == Mode::Delete && (record.essential || record.protected))
    }

    pub(super) fn mark_protected(&self, package: PackageId) {
        self.with(package, |state| state.protected = true);
    }

    pub(super) fn mark_keep(&self, package: PackageId, by: By, depth: usize) -> bool {
        if !self.may_change(package, Mode::Keep, depth, by) {
            return false;
        }
        if self.get(package).mode == Mode::Keep {
            return true;
        }
        let current = self.index.package_record(package).current;
        self.with(package, |state| {
            state.mode = Mode::Keep;
            state.install = current;
        });
        self.refresh(package);
        true
    }

    pub(super) fn mark_delete(&self, package: PackageId, by: By, depth: usize) -> bool {
        if !self.may_change(package, Mode::Delete, depth, by) {
            return false;
        }
        let state = self.get(package);
        if state.mode == Mode::Delete || state.install == VersionId::NONE {
            return true;
        }
        if !self.may_delete(package, by) {
            return false;
        }
        let installed = self.is_installed(package);
        self.with(package, |state| {
            state.mode = if installed { Mode::Delete } else { Mode::Keep };
            state.install = VersionId::NONE;
        });
        self.refresh(package);
        true
    }

    /// The solver does not undo what the user asked to install.
    fn may_delete(&self, package: PackageId, by: By) -> bool {
        let state = self.get(package);
        let requested = state.install != VersionId::NONE
            && state.standing == Standing::New
            && !state.auto
            && !self.is_installed(package);
        by == By::User || !requested
    }

    /// Marks a package for installation of its candidate; false if that is not possible.
    pub(super) fn mark_install(
        &self,
        package: PackageId,
        dependencies: Dependencies,
        depth: usize,
        by: By,
    ) -> bool {
        // Chains of hundreds of packages occur, and callers may run on small stacks.
        stacker::maybe_grow(128 * 1024, 2 * 1024 * 1024, || {
            self.mark_install_here(package, dependencies, depth, by)
        })
    }

    fn mark_install_here(
        &self,
        package: PackageId,
        dependencies: Dependencies,
        depth: usize,
        by: By,
    ) -> bool {
        let state = self.get(package);
        let current = self.index.package_record(package).current;
        let protects_dependencies = state.protected
            && state.mode == Mode::Keep
            && state.candidate != VersionId::NONE
            && state.candidate == current;
        if !protects_dependencies && !self.may_change(package, Mode::Install, depth, by) {
            return false;
        }
        if state.candidate == VersionId::NONE {
            return false;
        }
        if !state.protected && !self.is_policy_broken(package) {
            if state.candidate == current {
                if state.install == VersionId::NONE {
                    return self.mark_keep(package, by, depth + 1);
                }
                return true;
            }
            if state.mode == Mode::Install {
                return true;
            }
        }
        if !self.in_step_with_siblings(package, by) || !self.is_satisfiable(package, dependencies) {
            return false;
        }
        if by == By::User {
            self.select_candidate(package, dependencies, by);
        }

        let fail_early = !self.get(package).protected && by == By::Solver;
        let mut failed = false;
        let mut to_install: Vec<GroupOf<'_>> = Vec::new();
        let mut upgrades = Vec::new();
        let mut removals = Vec::new();
        let candidate = self.get(package).candidate;
        let follow = dependencies == Dependencies::Follow;
        if follow {
            let mut to_remove = Vec::new();
            self.sort_relations(candidate, &mut to_install, &mut to_remove);
            let protected = self.get(package).protected;
            let removed = self.drop_conflicts(
                candidate,
                &to_remove,
                Context { depth, protected, by },
                &mut upgrades,
                &mut removals,
            );
            if !removed {
                if fail_early {
                    return false;
                }
                failed = true;
            }
            self.collect_reverse(candidate, &mut upgrades);
        }
        if by == By::Solver {
            self.select_candidate(package, dependencies, by);
        }
        if !follow {
            return !failed;
        }

        let already_protected = self.get(package).protected;
        self.with(package, |state| state.protected = true);
        let context = Context { depth, protected: already_protected, by };
        let result = self.follow(package, context, fail_early, &upgrades, &to_install, &removals);
        if !already_protected {
            self.with(package, |state| state.protected = false);
        }
        if let Followed::GaveUp = result {
            self.discard_install(package);
            return false;
        }
        !failed && matches!(result, Followed::Done)
    }

    fn follow(
        &self,
        package: PackageId,
        context: Context,
        fail_early: bool,
        upgrades: &[PackageId],
        to_install: &[GroupOf<'_>],
        removals: &[PackageId],
    ) -> Followed {
        let mut failed = false;
        self.upgrade_other_binaries(package, context.depth);
        let steps: [&dyn Fn() -> bool; 3] = [
            &|| self.upgrade_or_remove(upgrades, context),
            &|| self.install_dependencies(package, to_install, context),
            &|| {
                let delete =
                    |package: &PackageId| self.mark_delete(*package, By::Solver, context.depth);
                removals.iter().filter(|package| !delete(package)).count() == 0
            },
        ];
        for step in steps {
            if !step() {
                if fail_early {
                    return Followed::GaveUp;
                }
                failed = true;
            }
        }
        if failed { Followed::WithFailures } else { Followed::Done }
    }

    fn select_candidate(&self, package: PackageId, dependencies: Dependencies, by: By) {
        let state = self.get(package);
        if state.protected && state.install == state.candidate {
            return;
        }
        let current = self.index.package_record(package).current;
        self.with(package, |state| {
            state.mode = Mode::Install;
            state.install = state.candidate;
            let new = state.standing == Standing::New;
            let installed = current != VersionId::NONE;
            if by == By::User {
                let follows = dependencies == Dependencies::Follow;
                if new || installed && (follows || !state.marked) {
                    state.auto = false;
                }
            } else if new {
                state.auto = true;
            }
            if state.candidate == current {
                state.mode = Mode::Keep;
            }
        });
        self.refresh(package);
    }

    /// Packages that may be installed for several architectures must have one version on all.
    fn in_step_with_siblings(&self, package: PackageId, by: By) -> bool {
        let state = self.get(package);
        if by == By::User || state.mode == Mode::Install && state.install == state.candidate {
            return true;
        }
        let index = self.index;
        let candidate = state.candidate;
        if Some(candidate) == self.current(package)
            || index.version_record(candidate).multi_arch != MultiArch::Same
        {
            return true;
        }
        !index.siblings(index.name_of(package)).any(|sibling| {
            let other = self.get(sibling).candidate;
            sibling != package
                && self.is_installed(sibling)
                && other != VersionId::NONE
                && index.version_text(other) != index.version_text(candidate)
                && index.version_record(other).multi_arch == MultiArch::Same
                && index.is_downloadable(other)
        })
    }

    /// A candidate with a dependency that nothing can satisfy is discarded for good.
    fn is_satisfiable(&self, package: PackageId, dependencies: Dependencies) -> bool {
        let state = self.get(package);
        let current = self.current(package);
        if dependencies == Dependencies::Leave || Some(state.candidate) == current {
            return true;
        }
        let owner = state.candidate;
        let hopeless = groups(self.index.dependencies(owner)).any(|group| {
            group[0].kind.is_critical()
                && !group[0].kind.is_negative()
                && !group.iter().any(|dependency| {
                    self.holds(owner, dependency, Which::Install)
                        || self.holds(owner, dependency, Which::Candidate)
                })
        });
        if !hopeless {
            return true;
        }
        if !state.protected {
            match current {
                Some(current) => self.set_candidate(current),
                None => self.with(package, |state| state.candidate = VersionId::NONE),
            }
            if self.get(package).mode != Mode::Delete {
                let standing = self.standing(package, self.get(package).candidate);
                self.with(package, |state| {
                    state.mode = Mode::Keep;
                    state.standing = standing;
                });
            }
        }
        false
    }

    fn discard_candidate(&self, package: PackageId) {
        self.with(package, |state| state.candidate = state.install);
    }

    fn discard_install(&self, package: PackageId) {
        let current = self.index.package_record(package).current;
        let state = self.get(package);
        if state.mode == Mode::Keep
            && state.install == state.candidate
            && state.candidate == current
        {
            return;
        }
        self.with(package, |state| {
            state.install = current;
            state.mode = Mode::Keep;
        });
        self.refresh(package);
        self.discard_candidate(package);
    }

    /// Sorts the unfulfilled important relations into those to fulfil and those to clear away. A
    /// protected package's fulfilled ones are included, so that protection spreads.
    fn sort_relations<'s>(
        &'s self,
        owner: VersionId,
        to_install: &mut Vec<GroupOf<'s>>,
        to_remove: &mut Vec<&'s Dependency>,
    ) {
        let protected = self.get(self.package_of(owner)).protected;
        for group in groups(self.index.dependencies(owner)) {
            if !self.is_important(group[0].kind) {
                continue;
            }
            if !protected && self.group_holds(owner, group, Which::Install) {
                continue;
            }
            if group[0].kind.is_negative() {
                to_remove.push(&group[0]);
            } else {
                to_install.push(group);
            }
        }
    }

    /// Keeps, upgrades or removes what the version conflicts with.
    fn drop_conflicts(
        &self,
        owner: VersionId,
        to_remove: &[&Dependency],
        context: Context,
        upgrades: &mut Vec<PackageId>,
        removals: &mut Vec<PackageId>,
    ) -> bool {
        let Context { depth, protected, by } = context;
        let gives_up = !protected && by == By::Solver;
        let mut failed = false;
        let mut bad_candidates = Vec::new();
        for dependency in to_remove {
            let alone = std::slice::from_ref(*dependency);
            // What is not going to be installed anyway is dealt with each for itself.
            let absent = |version: VersionId| {
                let package = self.package_of(version);
                !self.is_installed(package) && self.get(package).mode != Mode::Install
            };
            let mut solutions =
                self.solutions(owner, alone, &[Which::Candidate]).any_order_if(absent);
            while let Some(version) = solutions.next(self) {
                let package = self.package_of(version);
                let state = self.get(package);
                if state.candidate != version {
                    continue;
                }
                let done = if self.current(package) == Some(version) {
                    self.remove_conflicting(package, context, removals)
                } else if state.mode == Mode::Install && !self.mark_keep(package, By::Solver, depth)
                {
                    false
                } else {
                    if protected {
                        self.discard_candidate(package);
                        if !self.is_installed(package) {
                            self.mark_protected(package);
                        }
                    } else {
                        bad_candidates.push(package);
                    }
                    true
                };
                if !done {
                    failed = true;
                    if gives_up {
                        return false;
                    }
                }
            }
            let mut solutions = self.solutions(owner, alone, &[Which::Now]);
            while let Some(version) = solutions.next(self) {
                let package = self.package_of(version);
                let state = self.get(package);
                if state.candidate != version
                    && state.candidate != VersionId::NONE
                    && !bad_candidates.contains(&package)
                {
                    upgrades.push(package);
                } else if Some(state.candidate) != self.current(package)
                    && !self.remove_conflicting(package, context, removals)
                {
                    failed = true;
                    if gives_up {
                        return false;
                    }
                }
            }
        }
        !failed
    }

    fn remove_conflicting(
        &self,
        package: PackageId,
        context: Context,
        removals: &mut Vec<PackageId>,
    ) -> bool {
        let deleted = self.get(package).mode == Mode::Delete;
        if !context.protected {
            if deleted {
                return true;
            }
            if !self.may_change(package, Mode::Delete, context.depth, By::Solver)
                || !self.may_delete(package, By::Solver)
            {
                return false;
            }
            removals.push(package);
            return true;
        }
        if !deleted && !self.mark_delete(package, By::Solver, context.depth + 1) {
            return false;
        }
        self.discard_candidate(package);
        self.mark_protected(package);
        true
    }

    /// Installed packages whose dependency the installed version fulfils and the new one does not.
    fn collect_reverse(&self, version: VersionId, upgrades: &mut Vec<PackageId>) {
        let index = self.index;
        let package = self.package_of(version);
        let Some(current) = self.current(package) else { return };
        for dependant in self.installed() {
            let Some(owner) = self.current(*dependant) else { continue };
            if self.get(*dependant).mode == Mode::Install || upgrades.contains(dependant) {
                continue;
            }
            let breaks = index.dependencies(owner).iter().any(|dependency| {
                let accepts =
                    |version| index.accepts(owner, dependency, Some(index.version_text(version)));
                self.is_important(dependency.kind)
                    && !dependency.kind.is_negative()
                    && index.real_target(owner, dependency.target) == Some(package)
                    && accepts(current)
                    && !accepts(version)
            });
            if breaks {
                upgrades.push(*dependant);
            }
        }
    }

    fn upgrade_or_remove(&self, upgrades: &[PackageId], context: Context) -> bool {
        let Context { depth, protected, by } = context;
        let mut failed = false;
        for package in upgrades {
            if self.get(*package).mode == Mode::Install
                || self.mark_install(*package, Dependencies::Follow, depth + 1, By::Solver)
            {
                continue;
            }
            if !self.mark_delete(*package, By::Solver, depth + 1) {
                failed = true;
                if !protected && by == By::Solver {
                    return false;
                }
            } else if protected {
                self.mark_protected(*package);
            }
        }
        !failed
    }

    /// Installed packages from the same source follow an upgrade, so that they stay in step.
    fn upgrade_other_binaries(&self, package: PackageId, depth: usize) {
        let index = self.index;
        let source = OnceCell::new();
        let source_of = |version: VersionId| {
            let version = index.version(version);
            (version.source(), version.source_version())
        };
        let behind = |other: &PackageId| {
            let state = self.get(*other);
            *other != package
                && state.candidate != VersionId::NONE
                && Some(state.candidate) != self.current(*other)
                && !(state.mode == Mode::Install && state.install == state.candidate)
                && source_of(state.candidate)
                    == *source.get_or_init(|| source_of(self.get(package).candidate))
        };
        let mut followers: Vec<PackageId> =
            self.installed().iter().copied().filter(behind).collect();
        followers.sort_by_key(|package| index.creation(*package));
        for dependencies in [Dependencies::Leave, Dependencies::Follow] {
            for follower in &followers {
                self.mark_install(*follower, dependencies, depth + 1, By::Solver);
            }
        }
    }

    fn install_dependencies(
        &self,
        package: PackageId,
        to_install: &[GroupOf<'_>],
        context: Context,
    ) -> bool {
        let Context { depth, protected, by } = context;
        let owner = self.get(package).candidate;
        let mut failed = false;
        for group in to_install {
            let satisfied = self.group_holds(owner, group, Which::Install);
            let critical = group[0].kind.is_critical();
            if satisfied {
                if protected && critical {
                    failed |= !self.protect_only_solution(owner, group, depth);
                }
                continue;
            }
            if !critical && self.is_installed(package) && self.is_old_wish(package, group) {
                continue;
            }
            let mut solutions = self.solutions(owner, group, &[Which::Candidate]);
            let only = protected && critical && solutions.is_single(self);
            let found = std::iter::from_fn(|| solutions.next(self)).any(|version| {
                let package = self.package_of(version);
                let mark =
                    |dependencies| self.mark_install(package, dependencies, depth + 1, By::Solver);
                if self.get(package).candidate != version {
                    return false;
                }
                if only {
                    if !mark(Dependencies::Leave) {
                        return false;
                    }
                    self.mark_protected(package);
                }
                mark(Dependencies::Follow)
            });
            if !found && critical {
                failed = true;
                if !protected && by == By::Solver {
                    return false;
                }
            }
        }
        !failed
    }

    /// Protection spreads to a package that is the only way to fulfil a protected one's relation.
    fn protect_only_solution(&self, owner: VersionId, group: GroupOf<'_>, depth: usize) -> bool {
        let solutions = self.solutions(owner, group, &[Which::Candidate, Which::Now]);
        let mut versions: Vec<VersionId> = solutions.unordered().collect();
        versions.sort_unstable();
        versions.dedup();
        let [only] = versions[..] else { return true };
        let package = self.package_of(only);
        if self.get(package).protected {
            return true;
        }
        self.mark_protected(package);
        self.mark_install(package, Dependencies::Follow, depth + 1, By::Solver)
    }

    /// Whether a recommendation was already unfulfilled in the installed version: the user lives
    /// without it, so an upgrade does not install it.
    fn is_old_wish(&self, package: PackageId, group: GroupOf<'_>) -> bool {
        let Some(current) = self.current(package) else { return false };
        let mut known = false;
        for old in groups(self.index.dependencies(current)) {
            let kind = old[0].kind;
            if kind.is_critical() || !self.is_important(kind) {
                continue;
            }
            if old.iter().any(|dependency| dependency.target == group[0].target) {
                known = true;
                if self.group_holds(current, old, Which::Now) {
                    return false;
                }
            }
        }
        known
    }
}

#[derive(Clone, Copy)]
struct Context {
    depth: usize,
    /// Whether the package was protected before its dependencies were followed.
    protected: bool,
    by: By,
}

enum Followed {
    Done,
    WithFailures,
    GaveUp,
}

/// Relations that keep a package from being garbage.
pub(super) fn keeps_alive(kind: RelationKind) -> bool {
    matches!(
        kind,
        RelationKind::Depends
            | RelationKind::PreDepends
            | RelationKind::Recommends
            | RelationKind::Suggests
    )
}
