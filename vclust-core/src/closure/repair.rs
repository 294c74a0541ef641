//! Repairing what marking left broken: apt's problem resolver.
//!
//! Packages are scored by how much depends on them; from the highest score down, each broken
//! package is kept back, removed, or wins over what it conflicts with. The scores, the order and
//! the twenty rounds are apt 2.6's (`pkgProblemResolver`).

use rustc_hash::FxHashMap;

use super::mark::{By, Dependencies};
use super::state::{Mode, States, Which};
use crate::index::{
    Constraint, Dependency, PackageId, Priority, RelationKind, Span, Target, VersionId, groups,
};

/// apt's `pkgProblemResolver::MaxCounter`.
const ROUNDS: usize = 20;

#[derive(Clone, Copy, Default)]
struct Flags {
    pre_installed: bool,
    /// `upgrade` may not try it (again).
    tried: bool,
    to_remove: bool,
}

/// What to do with a package none of whose alternatives worked out.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Otherwise {
    Remove,
    Keep,
}

pub(super) struct Repair<'s, 'a> {
    states: &'s States<'a>,
    /// Packages that the request names, to be installed or removed.
    requested: Vec<PackageId>,
    scores: Vec<i32>,
    flags: FxHashMap<PackageId, Flags>,
}

impl<'s, 'a> Repair<'s, 'a> {
    pub(super) fn new(
        states: &'s States<'a>,
        requested: Vec<PackageId>,
        to_remove: &[PackageId],
    ) -> Self {
        let packages = states.index.package_count();
        let removed = Flags { to_remove: true, ..Flags::default() };
        let flags = to_remove.iter().map(|package| (*package, removed)).collect();
        Self { states, requested, scores: vec![0; packages], flags }
    }

    /// Whether nothing is broken afterwards.
    pub(super) fn run(mut self) -> bool {
        let states = self.states;
        loop {
            let mut again = false;
            for package in states.active() {
                let installing = states.get(package).mode == Mode::Install;
                if !installing && states.is_broken(package) {
                    states.mark_install(package, Dependencies::Leave, 0, By::Solver);
                    again |= states.get(package).mode == Mode::Install;
                }
                self.flags.entry(package).or_default().pre_installed = installing;
            }
            if !again {
                break;
            }
        }
        let mut changed = !states.broken().is_empty();
        if changed {
            self.score();
            let order = self.order();
            for round in 0..ROUNDS {
                if !changed {
                    break;
                }
                changed = false;
                for package in &order {
                    changed |= self.consider(*package, round);
                }
            }
        }
        if !states.broken().is_empty() {
            return false;
        }
        for package in states.active() {
            let state = states.get(package);
            let new = state.mode == Mode::Install && !states.is_installed(package);
            if new && !self.flags(package).pre_installed {
                states.with(package, |state| state.auto = true);
            }
        }
        true
    }

    fn flags(&self, package: PackageId) -> Flags {
        self.flags.get(&package).copied().unwrap_or_default()
    }

    /// All packages, highest score first; apt visits equal scores in the order of its hash table.
    fn order(&self) -> Vec<PackageId> {
        let index = self.states.index;
        let name = |package: PackageId| index.name_text(index.name_of(package));
        let mut order: Vec<(i32, u32, PackageId)> = index
            .packages()
            .map(|package| {
                let id = package.id();
                (-self.scores[id.index()], hash_bucket(name(id)), id)
            })
            .collect();
        order.sort_unstable_by(|a, b| {
            (a.0, a.1).cmp(&(b.0, b.1)).then_with(|| {
                let (left, right) = (name(a.2), name(b.2));
                left.len().cmp(&right.len()).then_with(|| left.cmp(right)).then(a.2.cmp(&b.2))
            })
        });
        order.into_iter().map(|(_, _, package)| package).collect()
    }

    fn score(&mut self) {
        let states = self.states;
        let index = states.index;
        let active: Vec<(PackageId, VersionId)> = states
            .active()
            .into_iter()
            .filter_map(|package| Some((package, states.get(package).install.some()?)))
            .collect();
        for (package, version) in &active {
            let record = index.package_record(*package);
            let score = &mut self.scores[package.index()];
            if record.essential || record.protected {
                *score += 100;
            }
            let priority = index.version_record(*version).priority;
            *score += if index.is_downloadable(*version) { of_priority(priority) } else { -2 };
            let candidate = states.get(*package).candidate.some();
            if states.is_installed(*package)
                && candidate.is_some_and(|candidate| index.is_downloadable(candidate))
            {
                *score += 1;
            }
            for dependency in index.dependencies(*version) {
                self.score_dependency(*version, dependency);
            }
        }
        let old = self.scores.clone();
        for (package, version) in &active {
            let bonus = old[package.index()];
            if bonus <= 0 {
                continue;
            }
            for dependency in index.dependencies(*version) {
                let passes_on = matches!(
                    dependency.kind,
                    RelationKind::Depends | RelationKind::PreDepends | RelationKind::Recommends
                );
                let target = index.real_target(*version, dependency.target);
                if let (true, Some(target)) = (passes_on, target) {
                    if states.get(target).install != VersionId::NONE {
                        self.scores[target.index()] += bonus;
                    }
                }
            }
        }
        for (package, version) in &active {
            let transfer = (self.scores[package.index()] - old[package.index()]).abs();
            if transfer == 0 {
                continue;
            }
            // The providers of the package's own name.
            let own_name = Dependency {
                kind: RelationKind::Depends,
                or_next: false,
                target: Target::Plain(index.name_of(*package)),
                constraint: Constraint::None,
                text: Span::default(),
            };
            for provider in self.installed_providers(*version, &own_name) {
                if provider != *package {
                    self.scores[provider.index()] += transfer;
                }
            }
        }
        for package in &self.requested {
            self.scores[package.index()] += 10_000;
        }
        for package in index.packages() {
            let record = index.package_record(package.id());
            if record.essential || record.protected {
                self.scores[package.id().index()] += 5_000;
            }
        }
    }

    fn score_dependency(&mut self, owner: VersionId, dependency: &Dependency) {
        let points = match dependency.kind {
            RelationKind::Depends | RelationKind::PreDepends | RelationKind::Recommends => 1,
            RelationKind::Conflicts | RelationKind::Breaks => -1,
            _ => return,
        };
        let states = self.states;
        let index = states.index;
        if let Some(package) = index.real_target(owner, dependency.target) {
            if !index.ignores_real(owner, dependency, package) {
                let counts = dependency.constraint == Constraint::None
                    || states.version(package, Which::Install).is_some_and(|version| {
                        index.accepts(owner, dependency, Some(index.version_text(version)))
                    });
                // apt leaves the providers out, too, where the named package does not fit.
                if !counts {
                    return;
                }
                self.scores[package.index()] += points;
            }
        } else if dependency.constraint != Constraint::None {
            return;
        }
        for provider in self.installed_providers(owner, dependency) {
            self.scores[provider.index()] += points;
        }
    }

    fn installed_providers(&self, owner: VersionId, dependency: &Dependency) -> Vec<PackageId> {
        let states = self.states;
        let mut providers = Vec::new();
        states.index.any_provider(owner, dependency, |provider| {
            let package = states.package_of(provider);
            if states.get(package).install == provider {
                providers.push(package);
            }
            false
        });
        providers.sort_unstable();
        providers.dedup();
        providers
    }

    /// Looks at one package and mends it if it is broken; says whether anything changed.
    fn consider(&mut self, package: PackageId, round: usize) -> bool {
        let states = self.states;
        let state = states.get(package);
        if state.candidate != state.install
            && states.is_installed(package)
            && state.install != VersionId::NONE
            && self.flags(package).pre_installed
            && !state.protected
        {
            self.reinstate(package);
        }
        if states.get(package).install == VersionId::NONE || !states.is_broken(package) {
            return false;
        }
        self.mend(package, round)
    }

    fn reinstate(&mut self, package: PackageId) {
        let states = self.states;
        let before = states.broken().len();
        // apt clears every flag of the package here.
        self.flags.insert(package, Flags { tried: true, ..Flags::default() });
        states.mark_install(package, Dependencies::Leave, 0, By::Solver);
        if states.is_broken(package) || before < states.broken().len() {
            states.mark_keep(package, By::Solver, 0);
        }
    }

    fn mend(&mut self, package: PackageId, round: usize) -> bool {
        let states = self.states;
        let index = states.index;
        let owner = states.get(package).install;
        let mut changed = false;
        let mut kill: Vec<(PackageId, &[Dependency])> = Vec::new();
        'groups: for group in groups(index.dependencies(owner)) {
            if !group[0].kind.is_critical() {
                continue;
            }
            let several = group.len() > 1;
            let killed_before = kill.len();
            let mut otherwise = Otherwise::Remove;
            let mut done = false;
            let mut fine = false;
            for dependency in group {
                // The state of the group may have changed through an earlier alternative.
                if states.group_holds(owner, group, Which::Install) {
                    fine = true;
                    break;
                }
                let targets = index.all_targets(owner, dependency);
                let negative = dependency.kind.is_negative();
                if targets.is_empty()
                    && !states.get(package).protected
                    && !negative
                    && !states.is_broken_now(package)
                {
                    if several {
                        continue;
                    }
                    states.mark_keep(package, By::Solver, 0);
                    changed = true;
                    break 'groups;
                }
                done = false;
                for version in &targets {
                    match self.weigh(package, owner, group, dependency, *version, round) {
                        Weighed::Next => {}
                        Weighed::Stop => break,
                        Weighed::Kill(target) => {
                            kill.push((target, group));
                            if !negative {
                                break;
                            }
                        }
                        Weighed::Changed(unwind) => {
                            if let Some(unwind) = unwind {
                                if otherwise == Otherwise::Remove {
                                    otherwise = unwind;
                                }
                            }
                            changed = true;
                            done = true;
                            break;
                        }
                    }
                }
                if targets.is_empty() && !negative && !states.get(package).protected {
                    let installing = states.get(package).mode == Mode::Install;
                    states.mark_keep(package, By::Solver, 0);
                    if states.is_broken(package) {
                        if !several {
                            states.mark_delete(package, By::Solver, 0);
                        }
                    } else {
                        if otherwise == Otherwise::Remove {
                            otherwise = Otherwise::Keep;
                        }
                        if several && installing {
                            states.mark_install(package, Dependencies::Leave, 0, By::Solver);
                        }
                    }
                    changed = true;
                    done = true;
                }
                if several {
                    continue;
                }
                if done {
                    break;
                }
            }
            if several && !fine && killed_before == kill.len() {
                changed |= self.give_up_group(package, otherwise);
            }
            if done && !several {
                break;
            }
        }
        if states.get(package).install != VersionId::NONE {
            changed |= self.apply(package, owner, &kill, round);
        }
        changed
    }

    fn give_up_group(&self, package: PackageId, otherwise: Otherwise) -> bool {
        let states = self.states;
        match otherwise {
            Otherwise::Remove => {
                if states.get(package).protected {
                    return false;
                }
                states.mark_delete(package, By::Solver, 0);
            }
            Otherwise::Keep => {
                states.mark_keep(package, By::Solver, 0);
            }
        }
        true
    }

    /// Weighs the broken package against one that could solve its problem.
    fn weigh(
        &mut self,
        package: PackageId,
        owner: VersionId,
        group: &[Dependency],
        dependency: &Dependency,
        version: VersionId,
        round: usize,
    ) -> Weighed {
        let states = self.states;
        let target = states.package_of(version);
        let negative = dependency.kind.is_negative();
        if negative && states.get(target).install != version {
            return Weighed::Next;
        }
        let (own, other) = (self.scores[package.index()], self.scores[target.index()]);
        let yields = own <= other || !negative && !states.holds(owner, dependency, Which::Now);
        if yields {
            return self.yield_to(package, owner, group, dependency, target, round);
        }
        if dependency.kind == RelationKind::Breaks
            && states.group_holds(owner, group, Which::Candidate)
        {
            states.mark_install(target, Dependencies::Leave, 0, By::Solver);
            return Weighed::Next;
        }
        let state = states.get(target);
        if state.protected && state.mode != Mode::Delete {
            return Weighed::Next;
        }
        Weighed::Kill(target)
    }

    fn yield_to(
        &mut self,
        package: PackageId,
        owner: VersionId,
        group: &[Dependency],
        dependency: &Dependency,
        target: PackageId,
        round: usize,
    ) -> Weighed {
        let states = self.states;
        let several = group.len() > 1;
        if states.get(package).protected {
            if self.upgrade(target) {
                let own = self.scores[package.index()];
                let score = &mut self.scores[target.index()];
                *score = (*score).min(own);
                return Weighed::Stop;
            }
            return Weighed::Next;
        }
        let installing = states.get(package).mode == Mode::Install;
        states.mark_keep(package, By::Solver, 0);
        if !states.is_broken(package) {
            if several && installing {
                states.mark_install(package, Dependencies::Leave, 0, By::Solver);
            }
            return Weighed::Changed(Some(Otherwise::Keep));
        }
        if self.upgrade(package) {
            return Weighed::Changed(None);
        }
        if !several {
            states.mark_delete(package, By::Solver, 0);
            let other = self.scores[target.index()];
            let own = &mut self.scores[package.index()];
            if round > 1 && other > *own {
                *own = other;
            }
        } else if let Some(named) = states.index.real_target(owner, dependency.target) {
            let state = states.get(named);
            if !states.is_installed(named)
                && state.mode != Mode::Delete
                && !self.flags(named).to_remove
                && state.candidate != VersionId::NONE
            {
                let before = states.broken().len();
                states.mark_install(named, Dependencies::Follow, 1, By::Solver);
                if states.is_broken(named) || states.broken().len() > before {
                    states.mark_delete(named, By::Solver, 1);
                }
            }
        }
        Weighed::Changed(None)
    }

    /// Removes or keeps back what lost against the package.
    fn apply(
        &mut self,
        package: PackageId,
        owner: VersionId,
        kill: &[(PackageId, &[Dependency])],
        round: usize,
    ) -> bool {
        let states = self.states;
        let mut changed = false;
        for (target, group) in kill {
            let found = if states.group_holds(owner, group, Which::Now) {
                states.mark_keep(*target, By::Solver, 0)
            } else {
                group[0].kind.is_negative() && states.mark_delete(*target, By::Solver, 0)
            };
            if !found || round > 1 {
                let own = self.scores[package.index()];
                let score = &mut self.scores[target.index()];
                if own > *score {
                    *score = own;
                    changed = true;
                }
            }
            changed |= found;
        }
        changed
    }

    /// Tries to bring the package back with what it needs.
    fn upgrade(&mut self, package: PackageId) -> bool {
        let states = self.states;
        let index = states.index;
        let is_upgradable = {
            let state = states.get(package);
            // apt's `Upgradable`: a higher candidate, or not installed with a candidate.
            state.candidate != VersionId::NONE
                && match state.standing {
                    super::state::Standing::Upgrade | super::state::Standing::New => true,
                    super::state::Standing::Same | super::state::Standing::Downgrade => false,
                }
        };
        if self.flags(package).tried || !is_upgradable || self.requested.contains(&package) {
            return false;
        }
        self.flags.entry(package).or_default().tried = true;
        let was_kept = states.get(package).mode == Mode::Keep;
        if !states.mark_install(package, Dependencies::Leave, 0, By::Solver) {
            return false;
        }
        let Some(owner) = states.get(package).install.some() else { return false };
        let mut failed = false;
        for group in groups(index.dependencies(owner)) {
            if !group[0].kind.is_critical() {
                continue;
            }
            for dependency in group {
                if states.group_holds(owner, group, Which::Install) {
                    break;
                }
                let target = self.single_target(owner, dependency);
                if target.is_some_and(|target| states.get(target).protected) {
                    failed = true;
                } else if states.holds(owner, dependency, Which::Candidate) {
                    failed = !target.is_some_and(|target| self.upgrade(target));
                    if !failed {
                        break;
                    }
                } else if dependency.kind.is_negative() {
                    break;
                } else {
                    failed = true;
                }
            }
            if failed {
                break;
            }
        }
        if failed {
            if was_kept {
                states.mark_keep(package, By::Solver, 0);
            } else {
                states.mark_delete(package, By::Solver, 0);
            }
        }
        !failed
    }

    /// The package a relation names, or the first provider if it is virtual.
    fn single_target(&self, owner: VersionId, dependency: &Dependency) -> Option<PackageId> {
        let states = self.states;
        let index = states.index;
        let own = states.package_of(owner);
        index.real_target(owner, dependency.target).or_else(|| {
            let mut provider = None;
            let any = Dependency { constraint: Constraint::None, ..*dependency };
            index.any_provider(owner, &any, |version| {
                let package = states.package_of(version);
                if package != own {
                    provider = Some(package);
                }
                provider.is_some()
            });
            provider
        })
    }
}

enum Weighed {
    /// Look at the next target.
    Next,
    /// Look at no further target of this alternative.
    Stop,
    /// The target loses.
    Kill(PackageId),
    /// The package itself was changed; what to do if its other alternatives fail.
    Changed(Option<Otherwise>),
}

fn of_priority(priority: Priority) -> i32 {
    match priority {
        Priority::Unknown => 0,
        Priority::Required => 3,
        Priority::Important => 2,
        Priority::Standard => 1,
        Priority::Optional => -1,
        Priority::Extra => -2,
    }
}

/// The bucket of a name in the hash table that apt walks to visit all packages.
fn hash_bucket(name: &[u8]) -> u32 {
    let hash = name.iter().fold(5381u32, |hash, byte| {
        hash.wrapping_mul(33).wrapping_add(u32::from(byte.to_ascii_lowercase()))
    });
    hash % 196_613
}
