//! The paper's rule, as published: a cache is used only if it saves more than it costs.

use super::missing::{self, Counts, Entry};
use super::{PackagePrices, StrategyPrices, Target};
use crate::catalogue::{Catalogue, ImageId};

/// What the paper's rule chooses.
#[derive(Debug, Clone, Copy, PartialEq)]
#[non_exhaustive]
pub struct PaperChoice {
    /// The image: a cache image, or the minimal one.
    pub image: ImageId,
    /// Seconds of installation that it saves over the minimal image.
    pub saved: f64,
    /// Seconds that its transfer takes longer than that of the minimal image.
    pub transfer: f64,
}

/// Chooses by the rule of section 4.3 of the paper: of the cache images whose saved seconds of
/// installation exceed their additional seconds of transfer, the one with the largest difference; the
/// minimal image if there is none. Images that hold anything the target does not go with are left
/// out; the paper knows no repair. `None` if `minimal` is not in the catalogue.
#[must_use]
pub fn paper_rule(
    catalogue: &Catalogue,
    minimal: ImageId,
    target: &Target,
    packages: &PackagePrices,
    prices: &StrategyPrices,
) -> Option<PaperChoice> {
    let base = catalogue.get(minimal)?;
    let entries: Vec<Entry> = target
        .packages
        .iter()
        .map(|package| {
            let cost = packages.get(package);
            Entry {
                package,
                unpack: cost.unpack_seconds,
                configure: cost.configure_seconds,
                trigger: cost.activates_ldconfig,
                counts: Counts::WhereAbsent,
            }
        })
        .collect();
    let sums = missing::sums(catalogue, &entries);
    let blocked = super::repair::Blocked::of(catalogue, target, super::Repair::Nothing);
    let install = |id: ImageId| {
        let sum = &sums[id.index()];
        prices.run_seconds(sum.absent as usize, sum.unpack, sum.configure, sum.trigger)
    };
    let corrections = super::candidate::corrections(catalogue, prices);
    let transfer_of = |id: ImageId, bytes: u64| {
        prices.bytes_seconds(bytes) + corrections.get(&id).copied().unwrap_or(0.0)
    };
    let without = install(minimal);
    let mut choice = PaperChoice { image: minimal, saved: 0.0, transfer: 0.0 };
    for (id, image) in catalogue.iter() {
        if id == minimal || blocked.contains(id) {
            continue;
        }
        let saved = without - install(id);
        let transfer = transfer_of(id, image.bytes) - transfer_of(minimal, base.bytes);
        if saved - transfer > choice.saved - choice.transfer {
            choice = PaperChoice { image: id, saved, transfer };
        }
    }
    Some(choice)
}
