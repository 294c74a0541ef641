//! Which packages this crate unpacks, and which go through dpkg.

use std::collections::{HashMap, HashSet};

use vclust_core::{Stanza, parse_relations};

use super::preinst::does_nothing;
use crate::database::{State, Status};
use crate::unpack::PackageToUnpack;

/// How a package gets into the root.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Way {
    /// This crate unpacks it.
    Ours,
    /// This crate unpacks it, and runs its `preinst` afterwards.
    OursThenPreinst,
    /// dpkg unpacks it.
    Dpkg,
}

/// The way of a package into a root with a status, or, for `essential` ones, into an empty root.
pub(super) fn way(package: &PackageToUnpack, status: Option<&Status>, essential: bool) -> Way {
    let acts = package.control().content("preinst").is_some_and(|script| !does_nothing(script));
    let Some(status) = status else {
        return match (acts, essential) {
            (true, true) => Way::OursThenPreinst,
            (true, false) => Way::Dpkg,
            (false, _) => Way::Ours,
        };
    };
    let known = status.entries.iter().any(|entry| {
        // for another architecture it is another package only where both can be installed
        entry.name == package.description().name
            && entry.state != State::NotInstalled
            && (entry.architecture == package.description().architecture
                || !package.description().is_multi_arch_same)
    });
    if acts || known { Way::Dpkg } else { Way::Ours }
}

/// The needs among the packages of an installation.
pub(super) struct Needs {
    /// Positions of what each package depends or pre-depends on.
    needs: Vec<Vec<usize>>,
    /// Positions of what each package pre-depends on.
    before: Vec<Vec<usize>>,
}

impl Needs {
    pub(super) fn of(packages: &[PackageToUnpack]) -> Self {
        let stanza =
            |package: &PackageToUnpack| -> Vec<u8> { package.control().paragraph().to_vec() };
        let paragraphs: Vec<Vec<u8>> = packages.iter().map(stanza).collect();
        let mut by_name: HashMap<Vec<u8>, Vec<usize>> = HashMap::new();
        for (number, paragraph) in paragraphs.iter().enumerate() {
            let stanza = Stanza::from_bytes(paragraph);
            let name = packages[number].description().name.clone().into_bytes();
            by_name.entry(name).or_default().push(number);
            let provided = stanza.value("Provides").unwrap_or_default();
            for relation in parse_relations(provided).unwrap_or_default().into_iter().flatten() {
                by_name.entry(relation.name.to_vec()).or_default().push(number);
            }
        }
        let field = |number: usize, name: &str| -> Vec<usize> {
            let needs = Stanza::from_bytes(&paragraphs[number]).value(name).unwrap_or_default();
            let relations = parse_relations(needs).unwrap_or_default();
            let relations = relations.into_iter().flatten();
            relations.flat_map(|r| by_name.get(r.name).into_iter().flatten()).copied().collect()
        };
        let before: Vec<Vec<usize>> =
            (0..packages.len()).map(|number| field(number, "Pre-Depends")).collect();
        let needs = (0..packages.len())
            .map(|number| [field(number, "Depends"), before[number].clone()].concat())
            .collect();
        Self { needs, before }
    }

    /// Needs that are known by numbers.
    #[cfg(test)]
    pub(super) fn from_numbers(needs: Vec<Vec<usize>>, before: Vec<Vec<usize>>) -> Self {
        Self { needs, before }
    }

    /// How many packages there are.
    pub(super) fn len(&self) -> usize {
        self.needs.len()
    }

    /// What has to be configured before a package can be unpacked: its pre-dependencies and, for
    /// these to be configured, all they need.
    pub(super) fn before(&self, package: usize) -> HashSet<usize> {
        let mut found = HashSet::new();
        let mut to_do = self.before[package].clone();
        while let Some(number) = to_do.pop() {
            if number != package && found.insert(number) {
                to_do.extend(&self.needs[number]);
            }
        }
        found
    }
}
