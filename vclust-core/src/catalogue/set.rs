//! Sets of packages of a universe.

use std::fmt;
use std::hash::{Hash, Hasher};

use fixedbitset::FixedBitSet;

use super::universe::PackageVersionId;

/// A set of packages in versions. Sets of one universe compare whatever the universe's size was when
/// they were made.
#[derive(Clone, Default)]
pub struct PackageSet {
    bits: FixedBitSet,
}

impl PackageSet {
    /// The empty set.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds a package; says whether it was not there before.
    pub fn insert(&mut self, id: PackageVersionId) -> bool {
        self.bits.grow(id.index() + 1);
        !self.bits.put(id.index())
    }

    /// Takes a package out.
    pub fn remove(&mut self, id: PackageVersionId) {
        if id.index() < self.bits.len() {
            self.bits.remove(id.index());
        }
    }

    /// Whether a package is in it.
    #[must_use]
    pub fn contains(&self, id: PackageVersionId) -> bool {
        self.bits.contains(id.index())
    }

    /// Number of packages.
    #[must_use]
    pub fn len(&self) -> usize {
        self.bits.count_ones(..)
    }

    /// Whether there is none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.bits.is_clear()
    }

    /// The packages, by number.
    pub fn iter(&self) -> impl Iterator<Item = PackageVersionId> + '_ {
        self.bits.ones().map(|place| PackageVersionId(place as u32))
    }

    /// Adds all packages of another set.
    pub fn union_with(&mut self, other: &Self) {
        self.bits.union_with(&other.bits);
    }

    /// Keeps what is in the other set, too.
    pub fn intersect_with(&mut self, other: &Self) {
        self.bits.intersect_with(&other.bits);
    }

    /// Takes out what is in the other set.
    pub fn difference_with(&mut self, other: &Self) {
        self.bits.difference_with(&other.bits);
    }

    /// What is in this set and not in the other.
    pub fn difference<'a>(
        &'a self,
        other: &'a Self,
    ) -> impl Iterator<Item = PackageVersionId> + 'a {
        self.bits.difference(&other.bits).map(|place| PackageVersionId(place as u32))
    }

    /// How many packages both sets have.
    #[must_use]
    pub fn intersection_len(&self, other: &Self) -> usize {
        self.bits.intersection_count(&other.bits)
    }

    /// Whether the other set has all packages of this one.
    #[must_use]
    pub fn is_subset(&self, other: &Self) -> bool {
        self.intersection_len(other) == self.len()
    }

    /// Whether the sets share nothing.
    #[must_use]
    pub fn is_disjoint(&self, other: &Self) -> bool {
        self.intersection_len(other) == 0
    }

    /// Jaccard's distance: 1 less the share of what both have of what either has; 0 for two empty
    /// sets (P. Jaccard, Bulletin de la Société vaudoise des sciences naturelles 37, 1901).
    #[must_use]
    pub fn jaccard_distance(&self, other: &Self) -> f64 {
        let both = self.intersection_len(other);
        let either = self.len() + other.len() - both;
        if either == 0 { 0.0 } else { 1.0 - both as f64 / either as f64 }
    }

    /// The set's words without the zeros at their end, which depend on the universe's size.
    fn words(&self) -> &[usize] {
        let words = self.bits.as_slice();
        let used = words.iter().rposition(|word| *word != 0).map_or(0, |last| last + 1);
        &words[..used]
    }
}

impl PartialEq for PackageSet {
    fn eq(&self, other: &Self) -> bool {
        self.words() == other.words()
    }
}

impl Eq for PackageSet {}

impl Hash for PackageSet {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.words().hash(state);
    }
}

impl FromIterator<PackageVersionId> for PackageSet {
    fn from_iter<I: IntoIterator<Item = PackageVersionId>>(ids: I) -> Self {
        let mut set = Self::new();
        set.extend(ids);
        set
    }
}

impl Extend<PackageVersionId> for PackageSet {
    fn extend<I: IntoIterator<Item = PackageVersionId>>(&mut self, ids: I) {
        for id in ids {
            self.insert(id);
        }
    }
}

impl fmt::Debug for PackageSet {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.debug_set().entries(self.bits.ones()).finish()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn set(numbers: &[u32]) -> PackageSet {
        numbers.iter().map(|number| PackageVersionId(*number)).collect()
    }

    #[test]
    fn sets_are_equal_whatever_room_they_have() {
        let mut roomy = set(&[1, 5, 900]);
        roomy.remove(PackageVersionId(900));
        assert_eq!(roomy, set(&[1, 5]));
        assert!(roomy.is_subset(&set(&[1, 5, 6])) && !roomy.is_subset(&set(&[1])));
        assert!(set(&[]).is_subset(&roomy) && set(&[700]).is_disjoint(&roomy));
        assert_eq!(roomy.difference(&set(&[1])).count(), 1);
    }

    #[test]
    fn the_distance_of_sets_is_jaccards() {
        assert!((set(&[1, 2, 3]).jaccard_distance(&set(&[2, 3, 400])) - 0.5).abs() < 1e-12);
        assert!(set(&[]).jaccard_distance(&set(&[])).abs() < 1e-12);
        assert!((set(&[1]).jaccard_distance(&set(&[2])) - 1.0).abs() < 1e-12);
    }
}
