//! Which versions can satisfy a relation, in apt's order of preference.
//!
//! Where nothing else tells two providers apart, apt goes by the order in which it created their
//! packages. Finding that order is a search through the index's files, so it is put off until
//! somebody gets to the versions that are tied; mostly an earlier one is taken.

use std::cmp::Ordering;

use super::state::{Mode, States, Which};
use crate::index::{Dependency, MultiArch, PackageId, Target, VersionId};

/// Versions that satisfy a group of alternatives, to be taken one after the other.
pub(super) struct Solutions {
    entries: Vec<Entry>,
    next: usize,
    /// Whether nobody cares in which order tied versions come.
    any_order: bool,
}

#[derive(Clone, Copy)]
struct Entry {
    version: VersionId,
    /// Versions of one run are adjacent, and only their order of creation tells them apart.
    run: u32,
    /// Protected from being installed; it counts as a neighbour, but is not offered.
    ruled_out: bool,
}

impl Solutions {
    /// The next version; what is offered twice in a row comes once.
    pub(super) fn next(&mut self, states: &States<'_>) -> Option<VersionId> {
        while let Some(entry) = self.entries.get(self.next) {
            let begins = self.next == 0 || self.entries[self.next - 1].run != entry.run;
            if begins && !self.any_order {
                let run = entry.run;
                let length =
                    self.entries[self.next..].iter().take_while(|entry| entry.run == run).count();
                if length > 1 {
                    self.entries[self.next..self.next + length].sort_by_key(|entry| {
                        std::cmp::Reverse(states.index.creation(states.package_of(entry.version)))
                    });
                }
            }
            let entry = self.entries[self.next];
            let repeated = self.next > 0 && self.entries[self.next - 1].version == entry.version;
            self.next += 1;
            if !repeated && !entry.ruled_out {
                return Some(entry.version);
            }
        }
        None
    }

    /// Whether there is one version and no other.
    pub(super) fn is_single(&mut self, states: &States<'_>) -> bool {
        let mut offered = self.entries.iter().filter(|entry| !entry.ruled_out);
        let Some(first) = offered.next() else { return false };
        if offered.any(|other| other.version != first.version) {
            return false;
        }
        // The same version several times: it depends on the order whether they are adjacent.
        let first = self.next;
        self.next(states);
        let single = self.next(states).is_none();
        self.next = first;
        single
    }

    /// All versions, tied ones in any order.
    pub(super) fn unordered(self) -> impl Iterator<Item = VersionId> {
        self.entries.into_iter().filter(|entry| !entry.ruled_out).map(|entry| entry.version)
    }

    /// Spares the search for the order of tied versions if `indifferent` holds for all.
    pub(super) fn any_order_if(mut self, indifferent: impl Fn(VersionId) -> bool) -> Self {
        self.any_order = self.entries.iter().all(|entry| indifferent(entry.version));
        self
    }
}

impl States<'_> {
    /// Versions that satisfy one of the alternatives and are what `which` says of their package;
    /// upgrades before new packages, each sorted as apt prefers providers.
    pub(super) fn solutions(
        &self,
        owner: VersionId,
        group: &[Dependency],
        which: &[Which],
    ) -> Solutions {
        let mut upgrades = Vec::new();
        let mut new = Vec::new();
        let mut run = 0;
        let mut found = Vec::new();
        for dependency in group {
            found.clear();
            for which in which {
                self.collect(owner, dependency, *which, &mut found);
            }
            if found.len() > 1 {
                found.sort_by(|a, b| self.compare_providers(dependency.target, *a, *b));
            }
            let mut begin = 0;
            for (place, version) in found.iter().enumerate() {
                let ties = place > 0
                    && self
                        .compare_providers(dependency.target, found[place - 1], *version)
                        .is_eq();
                if !ties {
                    run += 1;
                    begin = place;
                }
                // Sorted by creation, too, equal versions of a run would be adjacent.
                if found[begin..place].contains(version) {
                    continue;
                }
                let package = self.package_of(*version);
                let installed = self.is_installed(package);
                let state = self.get(package);
                let ruled_out = state.protected
                    && !group[0].kind.is_negative()
                    && (state.mode == Mode::Delete || state.mode == Mode::Keep && !installed);
                let list = if installed { &mut upgrades } else { &mut new };
                list.push(Entry { version: *version, run, ruled_out });
            }
        }
        upgrades.append(&mut new);
        Solutions { entries: upgrades, next: 0, any_order: false }
    }

    fn collect(
        &self,
        owner: VersionId,
        dependency: &Dependency,
        which: Which,
        found: &mut Vec<VersionId>,
    ) {
        let select = |package: PackageId| match which {
            Which::Now => self.current(package),
            Which::Install => self.get(package).install.some(),
            Which::Candidate => self.get(package).candidate.some(),
        };
        if let Some(package) = self.index.real_target(owner, dependency.target) {
            let ignored = self.index.ignores_real(owner, dependency, package);
            found.extend(select(package).filter(|version| {
                let text = self.index.version_text(*version);
                !ignored && self.index.accepts(owner, dependency, Some(text))
            }));
        }
        self.index.any_provider(owner, dependency, |provider| {
            if select(self.package_of(provider)) == Some(provider) {
                found.push(provider);
            }
            false
        });
    }

    /// apt's preference between two packages that satisfy the same relation, except that equals
    /// are ordered by their creation, the later one first.
    fn compare_providers(&self, target: Target, a: VersionId, b: VersionId) -> Ordering {
        let index = self.index;
        let (package_a, package_b) = (self.package_of(a), self.package_of(b));
        let first = |holds_for: &dyn Fn(VersionId, PackageId) -> bool| {
            holds_for(b, package_b).cmp(&holds_for(a, package_a))
        };
        let named = match target {
            Target::Plain(name) => Some(name),
            Target::Package(package) => Some(index.name_of(package)),
            Target::Missing | Target::Any(_) | Target::On(..) => None,
        };
        let architecture_rank = |package: PackageId| index.package_record(package).architecture;
        first(&|_, package| self.get(package).protected)
            .then_with(|| {
                first(&|version, package| {
                    index.version_record(version).multi_arch == MultiArch::Same
                        && index
                            .siblings(index.name_of(package))
                            .any(|sibling| self.is_installed(sibling))
                })
            })
            .then_with(|| first(&|_, package| self.is_installed(package)))
            .then_with(|| first(&|_, package| Some(index.name_of(package)) == named))
            .then_with(|| first(&|_, package| index.package_record(package).essential))
            .then_with(|| first(&|_, package| index.package_record(package).protected))
            .then_with(|| architecture_rank(package_a).cmp(&architecture_rank(package_b)))
            .then_with(|| index.version_record(a).priority.cmp(&index.version_record(b).priority))
    }
}
