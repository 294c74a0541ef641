//! What apt calls the dependency cache: for every package the version to be installed, and whether
//! relations hold in the root as it is, as it will be, or with all candidates.
//!
//! apt keeps the truth of each relation and updates it at every change; here it is computed when
//! asked for, from the packages' states. One staleness of apt's is observable and kept: where
//! `MarkInstall` discards a candidate, relations go on seeing it until the package changes state.

use std::cell::RefCell;
use std::cmp::Ordering;

use crate::index::{Dependency, Index, PackageId, RelationKind, VersionId, groups};
use crate::policy::Policy;
use crate::version::compare_versions;

/// What is to happen to a package.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) enum Mode {
    #[default]
    Keep,
    Install,
    Delete,
}

/// How the candidate compares to the installed version.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) enum Standing {
    Downgrade,
    Same,
    Upgrade,
    /// Not installed, or without candidate.
    #[default]
    New,
}

#[expect(
    clippy::struct_excessive_bools,
    reason = "apt's flags, which any combination of can occur"
)]
/// One package's state; `VersionId::NONE` stands for no version.
#[derive(Debug, Clone, Copy)]
pub(super) struct State {
    pub(super) install: VersionId,
    pub(super) candidate: VersionId,
    /// The candidate that relations see.
    seen_candidate: VersionId,
    pub(super) mode: Mode,
    pub(super) standing: Standing,
    pub(super) protected: bool,
    pub(super) auto: bool,
    pub(super) marked: bool,
    pub(super) held: bool,
}

const UNKNOWN: State = State {
    install: VersionId::NONE,
    candidate: VersionId::NONE,
    seen_candidate: VersionId::NONE,
    mode: Mode::Keep,
    standing: Standing::New,
    protected: false,
    auto: false,
    marked: false,
    held: false,
};

/// Which version of a package counts when a relation is looked at.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Which {
    /// The installed one.
    Now,
    /// The one that will be installed.
    Install,
    /// The candidate.
    Candidate,
}

/// States of the packages that somebody asked for: a closure touches hundreds of sixty thousand.
struct Table {
    /// By package: the place in `states`, from 1; 0 where nobody asked yet.
    places: Vec<u32>,
    states: Vec<State>,
}

impl Table {
    fn get(&self, package: PackageId) -> Option<State> {
        match self.places[package.index()] {
            0 => None,
            place => Some(self.states[place as usize - 1]),
        }
    }

    fn set(&mut self, package: PackageId, state: State) {
        let place = &mut self.places[package.index()];
        if *place == 0 {
            self.states.push(state);
            *place = self.states.len() as u32;
        } else {
            self.states[*place as usize - 1] = state;
        }
    }
}

/// States of all packages for one request.
pub(super) struct States<'a> {
    pub(super) index: &'a Index,
    pub(super) policy: &'a Policy,
    pub(super) install_recommends: bool,
    table: RefCell<Table>,
    /// Packages whose state was ever changed, in order of first change, with repeats.
    changed: RefCell<Vec<PackageId>>,
}

impl<'a> States<'a> {
    pub(super) fn new(index: &'a Index, policy: &'a Policy, install_recommends: bool) -> Self {
        Self {
            index,
            policy,
            install_recommends,
            table: RefCell::new(Table {
                places: vec![0; index.package_count()],
                states: Vec::new(),
            }),
            changed: RefCell::new(Vec::new()),
        }
    }

    pub(super) fn get(&self, package: PackageId) -> State {
        if let Some(state) = self.table.borrow().get(package) {
            return state;
        }
        let record = self.index.package_record(package);
        let candidate = self.policy.candidate(self.index, package).unwrap_or(VersionId::NONE);
        let state = State {
            install: record.current,
            candidate,
            seen_candidate: candidate,
            standing: self.standing(package, candidate),
            held: record.selection == crate::index::Selection::Hold,
            ..UNKNOWN
        };
        self.table.borrow_mut().set(package, state);
        state
    }

    /// Changes a package's state through `change`.
    pub(super) fn with(&self, package: PackageId, change: impl FnOnce(&mut State)) {
        let mut state = self.get(package);
        change(&mut state);
        self.table.borrow_mut().set(package, state);
        let mut changed = self.changed.borrow_mut();
        if changed.last() != Some(&package) {
            changed.push(package);
        }
    }

    /// Lets relations see the package's candidate of now; apt's `Update`.
    pub(super) fn refresh(&self, package: PackageId) {
        self.with(package, |state| state.seen_candidate = state.candidate);
    }

    pub(super) fn standing(&self, package: PackageId, candidate: VersionId) -> Standing {
        match (self.current(package), candidate.some()) {
            (Some(current), Some(candidate)) => {
                let text = |version| self.index.version_text(version);
                match compare_versions(text(candidate), text(current)) {
                    Ordering::Less => Standing::Downgrade,
                    Ordering::Equal => Standing::Same,
                    Ordering::Greater => Standing::Upgrade,
                }
            }
            _ => Standing::New,
        }
    }

    pub(super) fn set_candidate(&self, version: VersionId) {
        let package = self.index.version_record(version).package;
        let state = self.get(package);
        if state.candidate == version {
            return;
        }
        let standing = self.standing(package, version);
        self.with(package, |state| {
            if state.candidate == state.install && state.mode == Mode::Install {
                state.install = version;
            }
            state.candidate = version;
            state.standing = standing;
        });
        self.refresh(package);
    }

    pub(super) fn current(&self, package: PackageId) -> Option<VersionId> {
        self.index.package_record(package).current.some()
    }

    pub(super) fn is_installed(&self, package: PackageId) -> bool {
        self.current(package).is_some()
    }

    pub(super) fn package_of(&self, version: VersionId) -> PackageId {
        self.index.version_record(version).package
    }

    /// Packages that are installed or that were changed, each once, in order of their ids.
    pub(super) fn active(&self) -> Vec<PackageId> {
        let mut list = self.installed().to_vec();
        list.extend(self.changed.borrow().iter());
        list.sort_unstable();
        list.dedup();
        list
    }

    pub(super) fn installed(&self) -> &[PackageId] {
        self.index.installed_ids()
    }

    pub(super) fn version(&self, package: PackageId, which: Which) -> Option<VersionId> {
        match which {
            Which::Now => self.current(package),
            Which::Install => self.get(package).install.some(),
            Which::Candidate => self.get(package).seen_candidate.some(),
        }
    }

    /// Whether some version matches the dependency: good news for `Depends`, bad for `Conflicts`.
    pub(super) fn matches(&self, owner: VersionId, dependency: &Dependency, which: Which) -> bool {
        if let Some(package) = self.index.real_target(owner, dependency.target) {
            if !self.index.ignores_real(owner, dependency, package) {
                let hit = self.version(package, which).is_some_and(|version| {
                    self.index.accepts(owner, dependency, Some(self.index.version_text(version)))
                });
                if hit {
                    return true;
                }
            }
        }
        self.index.any_provider(owner, dependency, |provider| {
            self.version(self.package_of(provider), which) == Some(provider)
        })
    }

    /// Whether the dependency holds.
    pub(super) fn holds(&self, owner: VersionId, dependency: &Dependency, which: Which) -> bool {
        self.matches(owner, dependency, which) != dependency.kind.is_negative()
    }

    pub(super) fn group_holds(&self, owner: VersionId, group: &[Dependency], which: Which) -> bool {
        group.iter().any(|dependency| self.holds(owner, dependency, which))
    }

    /// Whether a relation decides what is installed: critical ones do, `Recommends` on demand.
    pub(super) fn is_important(&self, kind: RelationKind) -> bool {
        kind.is_critical() || kind == RelationKind::Recommends && self.install_recommends
    }

    fn all_hold(
        &self,
        version: Option<VersionId>,
        which: Which,
        counts: impl Fn(RelationKind) -> bool,
    ) -> bool {
        let Some(version) = version else { return true };
        groups(self.index.dependencies(version))
            .filter(|group| counts(group[0].kind))
            .all(|group| self.group_holds(version, group, which))
    }

    /// Whether the version to be installed has an unfulfilled critical relation.
    pub(super) fn is_broken(&self, package: PackageId) -> bool {
        let version = self.get(package).install.some();
        !self.all_hold(version, Which::Install, RelationKind::is_critical)
    }

    /// As [`Self::is_broken`], with every important relation.
    pub(super) fn is_policy_broken(&self, package: PackageId) -> bool {
        let version = self.get(package).install.some();
        !self.all_hold(version, Which::Install, |kind| self.is_important(kind))
    }

    /// Whether the installed version has an unfulfilled critical relation in the root as it is.
    pub(super) fn is_broken_now(&self, package: PackageId) -> bool {
        !self.all_hold(self.current(package), Which::Now, RelationKind::is_critical)
    }

    /// Whether a candidate's critical relations hold in what will be installed.
    pub(super) fn candidate_holds(&self, version: VersionId) -> bool {
        self.all_hold(Some(version), Which::Install, RelationKind::is_critical)
    }

    pub(super) fn broken(&self) -> Vec<PackageId> {
        let mut list = self.active();
        list.retain(|package| self.is_broken(*package));
        list
    }
}
