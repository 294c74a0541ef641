//! Images that hold what the target does not go with.

use crate::catalogue::{Catalogue, ImageId, PackageSet, Universe, WORD};

use super::target::Target;

/// What may be done to an image whose packages the target does not go with.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Repair {
    /// Nothing: any such image is unusable.
    Nothing,
    /// Older versions are upgraded. Images with newer versions or conflicting packages are unusable,
    /// because apt neither goes back nor removes by itself.
    #[default]
    Upgrades,
    /// What is newer or conflicts is removed, with the packages that need it.
    Removals,
}

/// What removing a package costs, relative to installing it: dpkg unlinks its files and runs prerm and
/// postrm, but neither decodes nor writes. Removing five sets of 2 to 70 packages that dpkg had just
/// installed took 0.12 to 0.46 of the time of installing them, 0.26 in the median; installing them over
/// themselves took 0.72 to 1.47, 1.01 in the median, so an upgrade costs what an installation does.
pub(super) const REMOVAL: f64 = 0.26;

/// Images that cannot be used, a bit each.
pub(super) struct Blocked {
    words: Vec<u64>,
}

impl Blocked {
    pub(super) fn of(catalogue: &Catalogue, target: &Target, repair: Repair) -> Self {
        let lists: &[&[_]] = match repair {
            Repair::Nothing => &[&target.upgraded, &target.newer, &target.conflicting],
            Repair::Upgrades => &[&target.newer, &target.conflicting],
            Repair::Removals => &[],
        };
        let mut words = vec![0; catalogue.places().div_ceil(WORD)];
        for package in lists.iter().copied().flatten() {
            for (word, more) in words.iter_mut().zip(catalogue.column(*package)) {
                *word |= more;
            }
        }
        Self { words }
    }

    pub(super) fn contains(&self, image: ImageId) -> bool {
        self.words[image.index() / WORD] >> (image.index() % WORD) & 1 == 1
    }
}

/// What has to leave an image: what the target does not go with, and what needs that.
pub(super) struct Removed {
    /// Conflicting packages and newer versions.
    pub(super) gone: PackageSet,
    /// Other packages of the image that need them.
    pub(super) dependants: PackageSet,
}

impl Removed {
    pub(super) fn from(image: &PackageSet, target: &Target, universe: &Universe) -> Self {
        let in_the_way = target.conflicting.iter().chain(&target.newer).copied();
        let gone: PackageSet = in_the_way.filter(|id| image.contains(*id)).collect();
        if gone.is_empty() {
            return Self { gone, dependants: PackageSet::new() };
        }
        let mut dependants = universe.dependants(image, &gone);
        // The target is consistent: what it holds has all it needs without what goes.
        dependants.difference_with(target.packages());
        // Nor does what is upgraded go; its new version has what it needs.
        for id in &target.upgraded {
            dependants.remove(*id);
        }
        Self { gone, dependants }
    }
}
