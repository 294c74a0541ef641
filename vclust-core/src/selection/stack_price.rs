//! What it costs to put several layers over each other.

use crate::estimate::Estimate;

/// The price of a stack: of making one package database of several.
///
/// A layer was built over the minimal image and knows of no other layer, so two of them, or one over another
/// image, need a merged `dpkg` status, merged users and alternatives, a new `ld.so.cache`, and the triggers
/// that files of the one set off in packages of the other. What comes of that is a layer on top. One layer
/// over the minimal image, or one image, is complete and needs none of it.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct StackPrice {
    /// Seconds of any merging.
    pub start: Estimate,
    /// Seconds more for each part that is merged: each layer, and the image where it is not the minimal one.
    pub each: Estimate,
}

impl StackPrice {
    /// What is taken for it before a site has measured any.
    ///
    /// We installed four package sets of Debian 12 by dpkg, each of 20 to 144 packages into a layer of its own
    /// over one minimal root, and merged the first two, three and four of them, for eight such draws: status,
    /// users and triggers' list joined by a script, then `ldconfig` and all file triggers by
    /// `dpkg --triggers-only` in a chroot. Two parts took 0.04 to 0.26 s (mean 0.09), three 0.04 to 0.79 (0.26),
    /// four 0.06 to 0.84 (0.35); long ones rebuilt an index such as TeX's. That was the least there is to do:
    /// alternatives were not merged and user ids that clash not renumbered, so this is a little more.
    #[must_use]
    pub fn shipped() -> Self {
        Self {
            start: Estimate { seconds: 0.05, low: 0.02, high: 0.2 },
            each: Estimate { seconds: 0.1, low: 0.02, high: 0.25 },
        }
    }

    /// Seconds of a stack of so many parts.
    #[must_use]
    pub fn seconds(&self, parts: usize) -> f64 {
        if parts < 2 { 0.0 } else { self.start.seconds + self.each.seconds * parts as f64 }
    }

    /// The same with its interval. The parts are wrong together, so their intervals add up.
    #[must_use]
    pub fn estimate(&self, parts: usize) -> Estimate {
        if parts < 2 {
            return Estimate::around(0.0, 0.0);
        }
        let count = parts as f64;
        let Estimate { seconds, low, high } = self.each;
        let each = Estimate { seconds: seconds * count, low: low * count, high: high * count };
        Estimate::sum([self.start, each])
    }
}
