//! Candidates, as an answer shows them.

use std::borrow::Cow;
use std::cmp::{Ordering, Reverse};
use std::collections::BinaryHeap;

use rustc_hash::FxHashMap;
use serde::Serialize;

use super::repair::{self, Removed, Repair};
use super::stacks::ScoredStack;
use super::{ImageSelector, Prices, StrategyPrices, Target};
use crate::catalogue::{Catalogue, ImageId, LayerId, PackageSet};
use crate::estimate::{Estimate, RunCost};
use crate::history::Phase;
use crate::strategy::Strategy;

/// An image with a strategy, and what it is expected to take.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[non_exhaustive]
pub struct Candidate {
    /// The image's place in the catalogue.
    #[serde(skip)]
    pub image_id: ImageId,
    /// The image's name.
    pub image: String,
    /// The layers' places in the catalogue.
    #[serde(skip)]
    pub layer_ids: Vec<LayerId>,
    /// Names of the layers over it, the lowest first; mostly none.
    pub layers: Vec<String>,
    /// How far these layers may be from the best ones for that image, relative to the seconds; 0 where
    /// they are proven the best.
    pub gap: f64,
    /// Bytes of the image and the layers.
    pub bytes: u64,
    /// How nodes get it.
    pub strategy: Strategy,
    /// Each phase in the order in which they run.
    pub phases: Vec<PhaseEstimate>,
    /// All of them together, the intervals taken for independent.
    pub total: Estimate,
    /// Packages that have to be installed, upgrades included.
    pub missing: usize,
    /// Packages of these that replace an older version in the image.
    pub upgrades: usize,
    /// Packages of the image that have to be removed.
    pub removals: usize,
    /// Packages of the image that were not asked for and stay.
    pub extra: usize,
    /// Seconds by which it lost to the best.
    pub behind: f64,
    /// Whether the intervals overlap, of what is not the same in both: it may turn out the faster then.
    pub overlaps: bool,
}

/// A phase with its estimate.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
#[non_exhaustive]
pub struct PhaseEstimate {
    /// Which phase.
    pub phase: Phase,
    /// How long it is expected to take.
    #[serde(flatten)]
    pub estimate: Estimate,
}

/// The candidates in the order of their seconds.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[non_exhaustive]
pub struct Selection {
    /// The cheapest ones, never none.
    pub candidates: Vec<Candidate>,
    /// How many candidates there were.
    pub considered: usize,
    /// How many images could not be used.
    pub unusable: usize,
}

impl Selection {
    /// The cheapest.
    #[must_use]
    pub fn best(&self) -> &Candidate {
        // A selection without candidates is an error instead.
        &self.candidates[0]
    }

    /// Why the best is the best, a sentence each: what it takes, and by how much the others lost, of which
    /// no more than `most` are told.
    #[must_use]
    pub fn explanation(&self, most: usize) -> Vec<String> {
        let best = self.best();
        let mut lines = vec![format!(
            "{} by {}: {} ({}), {} to install",
            best.root(),
            best.strategy,
            best.total,
            best.phases_text(),
            packages(best.missing)
        )];
        for other in self.candidates.iter().skip(1).take(most) {
            let unsure =
                if other.overlaps { "; the intervals overlap, so it may be faster" } else { "" };
            lines.push(format!(
                "{} by {}: {:.1} s slower ({}){unsure}",
                other.root(),
                other.strategy,
                other.behind,
                other.phases_text()
            ));
        }
        let told = self.candidates.len().min(most.saturating_add(1));
        let left = self.considered.saturating_sub(told);
        if left > 0 {
            lines.push(format!("{left} more candidates are slower still"));
        }
        if self.unusable > 0 {
            lines.push(format!("{} images cannot be used", self.unusable));
        }
        lines
    }
}

fn packages(count: usize) -> String {
    if count == 1 { "1 package".to_owned() } else { format!("{count} packages") }
}

impl Candidate {
    /// The image and the layers over it, as people read it.
    #[must_use]
    pub fn root(&self) -> String {
        let mut names = vec![self.image.as_str()];
        names.extend(self.layers.iter().map(String::as_str));
        names.join(" + ")
    }

    fn phases_text(&self) -> String {
        let each: Vec<String> = self
            .phases
            .iter()
            .map(|part| format!("{} {:.1} s", part.phase, part.estimate.seconds))
            .collect();
        each.join(", ")
    }
}

/// A candidate's seconds, before anything else is worked out.
#[derive(Debug, Clone, Copy)]
pub(super) struct Scored {
    pub(super) seconds: f64,
    pub(super) bytes: u64,
    pub(super) image: ImageId,
    /// Place of the strategy in the prices.
    pub(super) strategy: usize,
}

impl Scored {
    pub(super) fn order(&self, other: &Self) -> Ordering {
        self.seconds
            .total_cmp(&other.seconds)
            .then(self.bytes.cmp(&other.bytes))
            .then(self.image.cmp(&other.image))
            .then(self.strategy.cmp(&other.strategy))
    }
}

/// For a heap: the fewest seconds first, and whether they are final.
struct Open {
    scored: Scored,
    is_final: bool,
}

impl PartialEq for Open {
    fn eq(&self, other: &Self) -> bool {
        self.cmp(other).is_eq()
    }
}

impl Eq for Open {}

impl PartialOrd for Open {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for Open {
    fn cmp(&self, other: &Self) -> Ordering {
        self.scored.order(&other.scored)
    }
}

/// How far what was measured of single images is from what was fitted to all.
pub(super) fn corrections(
    catalogue: &Catalogue,
    strategy: &StrategyPrices,
) -> FxHashMap<ImageId, f64> {
    let mut corrections = FxHashMap::default();
    for (name, phase, estimate) in &strategy.measured {
        let Some(id) = catalogue.find(name) else { continue };
        let bytes = catalogue.get(id).map_or(0, |image| image.bytes);
        for (_, price) in strategy.by_bytes.iter().filter(|(priced, _)| priced == phase) {
            *corrections.entry(id).or_insert(0.0) += estimate.seconds - price.seconds(bytes);
        }
    }
    corrections
}

impl ImageSelector<'_> {
    /// The cheapest candidates in full. Where packages are removed, what needs them goes, too; that is
    /// worked out only for candidates that are cheap enough without it, which keeps the order exact.
    pub(super) fn cheapest(
        &self,
        catalogue: &Catalogue,
        target: &Target,
        prices: &Prices,
        mut scored: Vec<Scored>,
        mut stacks: Vec<ScoredStack>,
    ) -> Vec<Candidate> {
        if self.repair != Repair::Removals {
            let kept = self.kept.min(scored.len() + stacks.len());
            if kept < scored.len() {
                scored.select_nth_unstable_by(kept - 1, Scored::order);
                scored.truncate(kept);
            }
            scored.sort_unstable_by(Scored::order);
            stacks.sort_by(|a, b| a.scored.order(&b.scored).then(a.layers.cmp(&b.layers)));
            stacks.truncate(kept);
            let plain = scored.into_iter().map(ScoredStack::plain);
            let mut all: Vec<ScoredStack> = plain.chain(stacks).collect();
            // What takes the same without layers comes first.
            all.sort_by(|a, b| a.scored.seconds.total_cmp(&b.scored.seconds));
            all.truncate(self.kept);
            let all = all.iter();
            return ranked(all.map(|one| self.candidate(catalogue, target, prices, one)).collect());
        }
        let mut heap: BinaryHeap<Reverse<Open>> =
            scored.into_iter().map(|scored| Reverse(Open { scored, is_final: false })).collect();
        let mut candidates = Vec::new();
        while let Some(Reverse(open)) = heap.pop() {
            if open.is_final {
                let scored = ScoredStack::plain(open.scored);
                candidates.push(self.candidate(catalogue, target, prices, &scored));
                if candidates.len() == self.kept {
                    break;
                }
                continue;
            }
            let plain = ScoredStack::plain(open.scored);
            let full = self.candidate(catalogue, target, prices, &plain);
            let seconds = full.total.seconds.max(open.scored.seconds);
            heap.push(Reverse(Open { scored: Scored { seconds, ..open.scored }, is_final: true }));
        }
        ranked(candidates)
    }

    fn candidate(
        &self,
        catalogue: &Catalogue,
        target: &Target,
        prices: &Prices,
        stack: &ScoredStack,
    ) -> Candidate {
        let ScoredStack { scored, layers, gap } = stack;
        let image = catalogue.get(scored.image);
        let mut held = image.map(|image| Cow::Borrowed(&image.packages)).unwrap_or_default();
        let mut names = Vec::new();
        for layer in layers.iter().filter_map(|id| catalogue.layer(*id)) {
            held.to_mut().union_with(&layer.packages);
            names.push(layer.id.clone());
        }
        let held = &*held;
        let name = image.map(|image| image.id.clone()).unwrap_or_default();
        let strategy = &prices.strategies[scored.strategy];
        let mut cost = self.packages.sum_of_difference(target.packages(), held);
        let missing = cost.packages;
        let replaced = target.upgraded.iter().filter(|id| held.contains(**id)).count();
        let removed = if self.repair == Repair::Removals {
            Removed::from(held, target, self.universe)
        } else {
            Removed { gone: PackageSet::new(), dependants: PackageSet::new() }
        };
        for id in removed.gone.iter().chain(removed.dependants.iter()) {
            let mut package = self.packages.get(id);
            package.unpack_seconds *= repair::REMOVAL;
            package.configure_seconds *= repair::REMOVAL;
            package.variance *= repair::REMOVAL * repair::REMOVAL;
            cost += &package;
        }
        let parts = layers.len() + usize::from(self.minimal != Some(scored.image));
        let phases = phases(strategy, &name, scored.bytes, &cost, parts);
        let removals = removed.gone.len() + removed.dependants.len();
        let kept = held.len() - replaced - removals;
        let wanted = target.packages().len() - missing;
        Candidate {
            image_id: scored.image,
            image: name,
            layer_ids: layers.clone(),
            layers: names,
            gap: *gap,
            bytes: scored.bytes,
            strategy: strategy.strategy,
            total: Estimate::sum(phases.iter().map(|part| part.estimate)),
            phases,
            missing,
            upgrades: replaced,
            removals,
            extra: kept - wanted,
            behind: 0.0,
            overlaps: false,
        }
    }
}

fn phases(
    strategy: &StrategyPrices,
    image: &str,
    bytes: u64,
    cost: &RunCost,
    parts: usize,
) -> Vec<PhaseEstimate> {
    let mut phases: Vec<PhaseEstimate> = strategy
        .fixed
        .iter()
        .map(|(phase, estimate)| PhaseEstimate { phase: *phase, estimate: *estimate })
        .collect();
    for (phase, price) in &strategy.by_bytes {
        let measured = strategy.measured.iter().find(|(name, of, _)| name == image && of == phase);
        let estimate = measured.map_or_else(|| price.estimate(bytes), |(_, _, known)| *known);
        phases.push(PhaseEstimate { phase: *phase, estimate });
    }
    phases.push(PhaseEstimate { phase: Phase::Install, estimate: strategy.run.estimate(cost) });
    if let Some(layer) = strategy.layer {
        let nothing = Estimate::around(0.0, 0.0);
        let merged = strategy.stack.filter(|_| parts >= 2);
        let estimate = match merged {
            Some(stack) => Estimate::sum([layer, stack.estimate(parts)]),
            None if cost.packages > 0 => layer,
            None => nothing,
        };
        phases.push(PhaseEstimate { phase: Phase::Layer, estimate });
    }
    let order = order(strategy.strategy);
    phases.sort_by_key(|part| order.iter().position(|phase| *phase == part.phase));
    phases
}

/// The phases of a strategy, as a build goes through them.
fn order(strategy: Strategy) -> &'static [Phase] {
    match strategy {
        Strategy::Install => {
            &[Phase::Boot, Phase::Transfer, Phase::Unpack, Phase::Install, Phase::Reboot]
        }
        Strategy::Layers | Strategy::Clone => {
            &[Phase::Install, Phase::Layer, Phase::Transfer, Phase::Boot, Phase::Ready]
        }
    }
}

fn ranked(mut candidates: Vec<Candidate>) -> Vec<Candidate> {
    let Some(best) = candidates.first().cloned() else { return candidates };
    for candidate in candidates.iter_mut().skip(1) {
        candidate.behind = candidate.total.seconds - best.total.seconds;
        // The same phase with the same estimate is the same event, whichever of the two is built.
        let apart = |of: &Candidate, other: &Candidate| {
            let own = of.phases.iter().filter(|part| !other.phases.contains(part));
            Estimate::sum(own.map(|part| part.estimate))
        };
        candidate.overlaps = apart(candidate, &best).low <= apart(&best, candidate).high;
    }
    candidates
}
