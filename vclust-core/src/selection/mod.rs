//! Selection: which image and which strategy get a cluster ready soonest.
//!
//! Every pair of an image and a strategy is a candidate, and its seconds are the sum of its phases.
//! The paper's rule, to use a cache only if it saves more than it costs, falls out of the minimum;
//! [`paper_rule`] keeps it as it was published, for comparison.

mod candidate;
mod error;
mod estimated;
mod layers;
mod missing;
mod paper;
mod prices;
mod repair;
mod stack_price;
mod stacks;
mod target;

pub use candidate::{Candidate, PhaseEstimate, Selection};
pub use error::SelectionError;
pub use estimated::{Conditions, Estimators};
pub use layers::{Layer, LayerPlan, LayerSearch};
pub use paper::{PaperChoice, paper_rule};
pub use prices::{BytesPrice, PackagePrices, Prices, RunPrice, StrategyPrices};
pub use repair::Repair;
pub use stack_price::StackPrice;
pub use target::Target;

use crate::catalogue::{Catalogue, ImageId, PackageVersionId, Universe};
use candidate::Scored;
use missing::{Counts, Entry};
use repair::Blocked;

/// What selection chooses by.
///
/// ```
/// # use vclust_core::*;
/// # fn example(universe: &Universe, packages: &PackagePrices, prices: &Prices,
/// #     catalogue: &Catalogue, wanted: PackageSet) -> Result<(), SelectionError> {
/// let target = Target::new(universe, wanted);
/// let selection = ImageSelector::new(universe, packages).select(catalogue, &target, prices)?;
/// println!("{} by {}", selection.best().image, selection.best().strategy);
/// # Ok(()) }
/// ```
#[derive(Debug, Clone, Copy)]
pub struct ImageSelector<'a> {
    universe: &'a Universe,
    packages: &'a PackagePrices,
    exact: bool,
    repair: Repair,
    kept: usize,
    minimal: Option<ImageId>,
    stack_steps: usize,
}

impl<'a> ImageSelector<'a> {
    /// Chooses by the prices of packages; extra packages in an image are fine.
    #[must_use]
    pub fn new(universe: &'a Universe, packages: &'a PackagePrices) -> Self {
        Self {
            universe,
            packages,
            exact: false,
            repair: Repair::Upgrades,
            kept: 20,
            minimal: None,
            stack_steps: layers::STEPS,
        }
    }

    /// The image that the catalogue's layers were built over. Where it is told, stacks of layers are
    /// candidates, too, for strategies that take any.
    #[must_use]
    pub fn minimal(mut self, image: ImageId) -> Self {
        self.minimal = Some(image);
        self
    }

    /// How many steps of branch and bound a search for layers may take; with 0 it is greedy.
    #[must_use]
    pub fn stack_steps(mut self, steps: usize) -> Self {
        self.stack_steps = steps;
        self
    }

    /// Whether nodes must hold the target's packages and no others.
    #[must_use]
    pub fn exact(mut self, exact: bool) -> Self {
        self.exact = exact;
        self
    }

    /// What may be done to an image that holds what the target does not go with.
    #[must_use]
    pub fn repair(mut self, repair: Repair) -> Self {
        self.repair = repair;
        self
    }

    /// How many candidates the answer holds, the cheapest first; all count in any case.
    #[must_use]
    pub fn keep(mut self, candidates: usize) -> Self {
        self.kept = candidates.max(1);
        self
    }

    /// The candidates in the order of their seconds, exactly: the minimum is over every usable image
    /// of the catalogue and every strategy of the prices. Of stacks only the best of few images are among
    /// them; see [`ImageSelector::minimal`].
    ///
    /// Fails where there are no nodes, no strategies, or no image that can be used.
    pub fn select(
        &self,
        catalogue: &Catalogue,
        target: &Target,
        prices: &Prices,
    ) -> Result<Selection, SelectionError> {
        if prices.nodes == 0 {
            return Err(SelectionError::NoNodes);
        }
        if prices.strategies.is_empty() {
            return Err(SelectionError::NoStrategy);
        }
        let entries = self.entries(target);
        let sums = missing::sums(catalogue, &entries);
        let blocked = Blocked::of(catalogue, target, self.repair);
        let corrections: Vec<_> = prices
            .strategies
            .iter()
            .map(|strategy| candidate::corrections(catalogue, strategy))
            .collect();
        let mut unusable = 0;
        let mut scored = Vec::with_capacity(catalogue.len() * prices.strategies.len());
        for (id, image) in catalogue.iter() {
            let sum = &sums[id.index()];
            let held = target.packages.len() as u32 - sum.absent;
            let there = catalogue.package_count(id.index());
            let extra = there - held - sum.present - sum.replaced;
            if blocked.contains(id) || self.exact && extra > 0 {
                unusable += 1;
                continue;
            }
            for (place, strategy) in prices.strategies.iter().enumerate() {
                let seconds = strategy.fixed_seconds()
                    + strategy.bytes_seconds(image.bytes)
                    + strategy.run_seconds(
                        (sum.absent + sum.present) as usize,
                        sum.unpack,
                        sum.configure,
                        sum.trigger,
                    )
                    + corrections[place].get(&id).copied().unwrap_or(0.0);
                scored.push(Scored { seconds, bytes: image.bytes, image: id, strategy: place });
            }
        }
        if scored.is_empty() {
            return Err(SelectionError::NoImage { unusable });
        }
        let stacks = if self.repair == Repair::Removals {
            Vec::new()
        } else {
            self.stacks(catalogue, target, prices, &scored)
        };
        let considered = scored.len() + stacks.len();
        let candidates = self.cheapest(catalogue, target, prices, scored, stacks);
        if candidates.is_empty() {
            return Err(SelectionError::NoImage { unusable: catalogue.len() });
        }
        Ok(Selection { candidates, considered, unusable })
    }

    /// As [`ImageSelector::select`]; where no image can be used as it is, what is in the way is removed from
    /// them. A request may change the minimal image itself, and then nothing else is left.
    pub fn select_or_mend(
        &self,
        catalogue: &Catalogue,
        target: &Target,
        prices: &Prices,
    ) -> Result<Selection, SelectionError> {
        match self.select(catalogue, target, prices) {
            Err(SelectionError::NoImage { unusable }) if unusable > 0 => {
                self.repair(Repair::Removals).select(catalogue, target, prices)
            }
            answer => answer,
        }
    }

    /// What the inner loop adds up: the target's packages where they are absent, and where removals are
    /// part of the repair, what has to go where it is present.
    fn entries(&self, target: &Target) -> Vec<Entry> {
        let entry = |package: PackageVersionId, counts| {
            let cost = self.packages.get(package);
            let share = match counts {
                Counts::WhereAbsent => 1.0,
                Counts::WherePresent => repair::REMOVAL,
                Counts::Replaced => 0.0,
            };
            Entry {
                package,
                unpack: share * cost.unpack_seconds,
                configure: share * cost.configure_seconds,
                trigger: cost.activates_ldconfig && counts != Counts::Replaced,
                counts,
            }
        };
        let wanted = target.packages.iter().map(|id| entry(id, Counts::WhereAbsent));
        let replaced = target.upgraded.iter().map(|id| entry(*id, Counts::Replaced));
        let mut entries: Vec<Entry> = wanted.chain(replaced).collect();
        if self.repair == Repair::Removals {
            let gone = target.conflicting.iter().chain(&target.newer);
            entries.extend(gone.map(|id| entry(*id, Counts::WherePresent)));
        }
        // Packages of like numbers are in like images, which keeps words of the columns alike.
        entries.sort_by_key(|entry| entry.package);
        entries
    }
}

#[cfg(test)]
mod brute_force;
