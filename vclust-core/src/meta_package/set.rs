//! The set of known meta-packages and their expansion.

use std::collections::{BTreeMap, BTreeSet};

use super::error::{MetaPackageError, near_names};
use super::file;
use super::member::{Member, MetaPackageId};

/// The files shipped with this crate, by name.
const SHIPPED: &[(&str, &str)] = &[
    ("development.toml", include_str!("../../data/meta-packages/development.toml")),
    ("paper.toml", include_str!("../../data/meta-packages/paper.toml")),
    ("parallel.toml", include_str!("../../data/meta-packages/parallel.toml")),
    ("science.toml", include_str!("../../data/meta-packages/science.toml")),
    ("services.toml", include_str!("../../data/meta-packages/services.toml")),
];

/// A named functional unit, as its file describes it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MetaPackage {
    pub(super) id: MetaPackageId,
    pub(super) title: String,
    pub(super) description: String,
    pub(super) aliases: Vec<MetaPackageId>,
    pub(super) includes: Vec<MetaPackageId>,
    pub(super) members: Vec<Member>,
    pub(super) origin: String,
}

impl MetaPackage {
    /// The name that requests use.
    #[must_use]
    pub fn id(&self) -> &MetaPackageId {
        &self.id
    }

    /// A few words for a list.
    #[must_use]
    pub fn title(&self) -> &str {
        &self.title
    }

    /// A sentence or more; may be empty.
    #[must_use]
    pub fn description(&self) -> &str {
        &self.description
    }

    /// Other names that mean the same unit.
    #[must_use]
    pub fn aliases(&self) -> &[MetaPackageId] {
        &self.aliases
    }

    /// Units that this one contains, by id or alias.
    #[must_use]
    pub fn includes(&self) -> &[MetaPackageId] {
        &self.includes
    }

    /// What this unit lists itself, without what it includes.
    #[must_use]
    pub fn members(&self) -> &[Member] {
        &self.members
    }

    /// Where the unit was read: the name given to [`MetaPackages::merge`].
    #[must_use]
    pub fn origin(&self) -> &str {
        &self.origin
    }
}

/// All known meta-packages, by id and by alias.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct MetaPackages {
    units: BTreeMap<MetaPackageId, MetaPackage>,
    aliases: BTreeMap<MetaPackageId, MetaPackageId>,
}

impl MetaPackages {
    /// No meta-packages at all.
    #[must_use]
    pub fn empty() -> Self {
        Self::default()
    }

    /// The meta-packages that come with vclust.
    ///
    /// # Panics
    ///
    /// Never in a released crate: the shipped files are part of the program, and a test reads them.
    #[must_use]
    pub fn shipped() -> Self {
        let mut set = Self::empty();
        for (name, text) in SHIPPED {
            set.merge(text, name).expect("the shipped meta-packages are valid");
        }
        set
    }

    /// Adds the meta-packages in `text`, a file in the TOML format; `origin` names it in errors.
    ///
    /// A unit whose id is known replaces the known one and its aliases. On an error the set stays
    /// as it was. That included units exist is checked on expansion, so files may come in any order.
    pub fn merge(&mut self, text: &str, origin: &str) -> Result<(), MetaPackageError> {
        let mut merged = self.clone();
        let mut seen = BTreeSet::new();
        for unit in file::parse(text, origin)? {
            if !seen.insert(unit.id.clone()) {
                return Err(ambiguous(&unit.id, &unit.id, &unit));
            }
            merged.insert(unit)?;
        }
        *self = merged;
        Ok(())
    }

    fn insert(&mut self, unit: MetaPackage) -> Result<(), MetaPackageError> {
        self.aliases.retain(|_, target| *target != unit.id);
        if let Some(target) = self.aliases.get(&unit.id) {
            return Err(ambiguous(&unit.id, target, &unit));
        }
        for alias in &unit.aliases {
            let holder = self.aliases.get(alias).or(self.units.get(alias).map(MetaPackage::id));
            if let Some(holder) = holder {
                return Err(ambiguous(alias, holder, &unit));
            }
            self.aliases.insert(alias.clone(), unit.id.clone());
        }
        self.units.insert(unit.id.clone(), unit);
        Ok(())
    }

    /// The meta-package with this id or alias.
    #[must_use]
    pub fn get(&self, name: &str) -> Option<&MetaPackage> {
        let id = self.aliases.get(name).map_or(name, MetaPackageId::as_str);
        self.units.get(id)
    }

    /// All meta-packages, ordered by id.
    #[must_use]
    pub fn iter(&self) -> impl ExactSizeIterator<Item = &MetaPackage> {
        self.units.values()
    }

    /// Everything the named meta-package installs, what it includes first, without duplicates.
    ///
    /// A member that one unit requires and another merely recommends is required.
    pub fn expand(&self, name: &str) -> Result<Vec<Member>, MetaPackageError> {
        let unit = self.get(name).ok_or_else(|| MetaPackageError::Unknown {
            name: name.to_owned(),
            suggestions: self.suggestions(name),
        })?;
        let mut walk = Walk { set: self, open: Vec::new(), done: Vec::new(), members: Vec::new() };
        walk.visit(unit)?;
        Ok(walk.members)
    }

    fn suggestions(&self, name: &str) -> Vec<String> {
        let known = self.units.keys().chain(self.aliases.keys());
        near_names(name, known.map(MetaPackageId::as_str))
    }
}

fn ambiguous(
    name: &MetaPackageId,
    first: &MetaPackageId,
    second: &MetaPackage,
) -> MetaPackageError {
    MetaPackageError::Ambiguous {
        name: name.to_string(),
        first: first.to_string(),
        second: second.id.to_string(),
        origin: second.origin.clone(),
    }
}

/// A depth-first walk over included units.
struct Walk<'a> {
    set: &'a MetaPackages,
    /// The units being visited, outermost first.
    open: Vec<&'a MetaPackageId>,
    done: Vec<&'a MetaPackageId>,
    members: Vec<Member>,
}

impl<'a> Walk<'a> {
    fn visit(&mut self, unit: &'a MetaPackage) -> Result<(), MetaPackageError> {
        if self.done.contains(&&unit.id) {
            return Ok(());
        }
        if let Some(start) = self.open.iter().position(|open| **open == unit.id) {
            let ring = self.open[start..].iter().copied().chain([&unit.id]);
            return Err(MetaPackageError::Cycle { chain: ring.map(ToString::to_string).collect() });
        }
        self.open.push(&unit.id);
        for include in &unit.includes {
            let included =
                self.set.get(include.as_str()).ok_or_else(|| MetaPackageError::UnknownInclude {
                    id: unit.id.to_string(),
                    name: include.to_string(),
                    suggestions: self.set.suggestions(include.as_str()),
                })?;
            self.visit(included)?;
        }
        self.open.pop();
        self.done.push(&unit.id);
        unit.members.iter().for_each(|member| self.add(member));
        Ok(())
    }

    fn add(&mut self, member: &Member) {
        let same = |known: &Member| known.alternatives().eq(member.alternatives());
        match self.members.iter().position(same) {
            Some(at) if member.need() < self.members[at].need() => {
                self.members[at] = member.clone();
            }
            Some(_) => {}
            None => self.members.push(member.clone()),
        }
    }
}
