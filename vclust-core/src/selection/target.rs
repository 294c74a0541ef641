//! What nodes should hold in the end, and what of an image stands in the way of it.

use crate::catalogue::{PackageSet, PackageVersionId, Universe};

/// All packages that each node should hold, those of the minimal image included, with what has to
/// change in an image that holds something else.
#[derive(Debug, Clone)]
pub struct Target {
    pub(super) packages: PackageSet,
    /// Older versions of the target's packages: the new version is installed over them.
    pub(super) upgraded: Vec<PackageVersionId>,
    /// Newer versions of the target's packages: apt and dpkg do not go back by themselves.
    pub(super) newer: Vec<PackageVersionId>,
    /// What conflicts with a package of the target.
    pub(super) conflicting: Vec<PackageVersionId>,
}

impl Target {
    /// A target of exactly these packages, compared with all that the universe knows.
    #[must_use]
    pub fn new(universe: &Universe, packages: PackageSet) -> Self {
        let (mut upgraded, mut newer) = (Vec::new(), Vec::new());
        let mut conflicting = PackageSet::new();
        for id in packages.iter() {
            let others = universe.other_versions(id);
            for other in others.filter(|other| !packages.contains(*other)) {
                if universe.is_older(other, id) {
                    upgraded.push(other);
                } else {
                    newer.push(other);
                }
            }
            let in_the_way = universe.conflicts(id).iter();
            conflicting.extend(in_the_way.copied().filter(|other| !packages.contains(*other)));
        }
        for other in upgraded.iter().chain(&newer) {
            conflicting.remove(*other);
        }
        Self { packages, upgraded, newer, conflicting: conflicting.iter().collect() }
    }

    /// The packages.
    #[must_use]
    pub fn packages(&self) -> &PackageSet {
        &self.packages
    }
}
