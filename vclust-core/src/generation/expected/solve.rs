//! The search: images and layers are added, refined and dropped until the mean build time plus the price of
//! the bytes is least; the price of a byte is raised until the budget holds.
//!
//! For a given price this is Lloyd's alternation (S. P. Lloyd, Least squares quantization in PCM, 1982)
//! between assigning requests to images and making each image the best for its requests. New ones start
//! from requests that would gain most ([`seeds`](super::seeds)). The price is the Lagrange multiplier of the
//! budget.

use super::grow::GROWTHS;
use super::parts::{Choice, MOST_PARTS, Masks, Part, Parts};
use super::problem::{Problem, Solution};
use crate::catalogue::PackageSet;

/// Rounds of assigning and refining, at most, and what a round must gain for the next, relatively.
const ROUNDS: usize = 5;
const WORTH_A_ROUND: f64 = 1e-3;
/// As many images are started at once as this share of those there are.
const STARTED: usize = 4;
/// Beyond so many budgets a price is surely too low.
const TOO_MUCH: f64 = 1.3;
/// Prices that are tried.
const PRICES: usize = 7;
/// A repository that is filled to this share is full.
const FULL: f64 = 0.92;

/// A local optimum at one price.
#[derive(Clone)]
struct Local {
    parts: Parts,
    choices: Vec<Choice>,
    mean: f64,
    bytes: f64,
}

impl Problem<'_> {
    /// Images and layers within the budget. The search starts from those that are there, and from the price
    /// of a byte that the last search ended with, if there was one.
    #[must_use]
    pub fn solve(
        &self,
        images: &[PackageSet],
        layers: &[PackageSet],
        price_of_byte: Option<f64>,
    ) -> Solution {
        let mut start = self.parts(images, layers);
        start.retain(|part| if part.is_layer { self.designs_layers } else { self.designs_images });
        start.truncate(MOST_PARTS);
        let nothing = self.local(Vec::new());
        // A price at which the budget would be worth all that can be saved.
        let most = self.mean(&nothing.choices) / self.budget.max(1.0);
        let mut price = price_of_byte.unwrap_or(most * 0.05);
        let (mut low, mut high) = (0.0, f64::INFINITY);
        let mut best: Option<(Local, f64)> = None;
        let mut from = self.local(start);
        for _ in 0..PRICES {
            let local = self.descend(from.clone(), price);
            if local.bytes > self.budget {
                low = price;
            } else {
                high = price;
                let full = local.bytes >= FULL * self.budget;
                // What images alone hold stays as it was before there were layers.
                let grown = self.designs_layers.then(|| self.grow(local.clone()));
                let found = grown.as_ref().unwrap_or(&local);
                if best.as_ref().is_none_or(|(known, _)| found.mean < known.mean) {
                    best = Some((found.clone(), price));
                }
                // Below this price a byte is as good as free.
                if full || price < 1e-4 * most {
                    break;
                }
            }
            from = local;
            price = match (low > 0.0, high.is_finite()) {
                (true, true) => (low * high).sqrt(),
                (true, false) => low * 3.0,
                _ => high / 3.0,
            };
        }
        let (local, price) = best.unwrap_or((nothing, price));
        let local = self.fill(local);
        let sets = |layers: bool| -> Vec<PackageSet> {
            let parts = local.parts.iter().filter(|part| part.is_layer == layers);
            parts.map(|part| self.packages(part)).collect()
        };
        Solution {
            images: sets(false),
            layers: sets(true),
            mean_seconds: local.mean,
            price_of_byte: price,
        }
    }

    fn local(&self, parts: Parts) -> Local {
        let choices = self.assign(&parts);
        let mean = self.mean(&choices);
        let bytes = parts.iter().map(|part| self.stored_bytes(part)).sum();
        Local { parts, choices, mean, bytes }
    }

    /// Adds, refines and drops images until nothing gets better, or far too much is stored.
    fn descend(&self, start: Local, price: f64) -> Local {
        let cost = |local: &Local| local.mean + price * local.bytes;
        let mut best = self.alternate(self.drop_unworthy(start, price), price);
        while best.bytes <= TOO_MUCH * self.budget {
            let seeds = self.seeds(&best, price);
            if seeds.is_empty() {
                break;
            }
            let mut parts = best.parts.clone();
            parts.extend(seeds);
            let next = self.drop_unworthy(self.alternate(self.local(parts), price), price);
            if cost(&next) >= cost(&best) * (1.0 - 1e-6) {
                break;
            }
            best = next;
        }
        best
    }

    fn alternate(&self, start: Local, price: f64) -> Local {
        let mut best = start;
        for _ in 0..ROUNDS {
            let mut parts = best.parts.clone();
            self.refine(&mut parts, &best.choices, price);
            parts.retain(|part| !part.items.is_empty());
            parts.sort_unstable();
            parts.dedup();
            let next = self.local(parts);
            let (before, after) = (best.mean + price * best.bytes, next.mean + price * next.bytes);
            if after >= before {
                break;
            }
            best = next;
            if before - after < WORTH_A_ROUND * before {
                break;
            }
        }
        best
    }

    /// Takes out parts that cost more than their requests would lose without them, the least worthy
    /// first: eviction by expected loss. Since they stand in for each other, only some go at once.
    fn drop_unworthy(&self, mut local: Local, price: f64) -> Local {
        loop {
            let mut losses: Vec<f64> =
                local.parts.iter().map(|part| -price * self.stored_bytes(part)).collect();
            for (choice, wanted) in local.choices.iter().zip(&self.wanted) {
                for (place, without) in choice.losses() {
                    losses[place] += wanted.weight * (without - choice.seconds);
                }
            }
            let mut unworthy: Vec<usize> =
                (0..losses.len()).filter(|place| losses[*place] <= 0.0).collect();
            if unworthy.is_empty() {
                return local;
            }
            unworthy.sort_by(|a, b| losses[*a].total_cmp(&losses[*b]).then(a.cmp(b)));
            unworthy.truncate(unworthy.len().div_ceil(STARTED));
            let mut place = 0;
            local.parts.retain(|_| {
                place += 1;
                !unworthy.contains(&(place - 1))
            });
            local = self.local(local.parts);
        }
    }

    /// Parts from which more may come: no more than there is room for, and a share of those there are.
    fn seeds(&self, local: &Local, price: f64) -> Vec<Part> {
        let room = MOST_PARTS - local.parts.len().min(MOST_PARTS);
        let masks = Masks::of(self, &local.parts);
        let mut choices = local.choices.clone();
        let mut seeds = Vec::new();
        while seeds.len() < room.min(1 + local.parts.len() / STARTED) {
            let worth = |gain: f64, part: &Part| gain - price * self.stored_bytes(part);
            let Some((part, with)) = self.best_start(&choices, &masks, f64::INFINITY, worth) else {
                break;
            };
            choices = with;
            seeds.push(part);
        }
        seeds
    }

    /// Uses what room is left for packages that parts lack, as long as that helps.
    fn grow(&self, mut local: Local) -> Local {
        for _ in 0..GROWTHS {
            let room = self.budget - local.bytes;
            let Some(parts) = self.grown(&local.parts, &local.choices, room) else { break };
            let next = self.local(parts);
            if next.mean >= local.mean || next.bytes > self.budget {
                break;
            }
            local = next;
        }
        local
    }

    /// Uses what room is left for single requests' parts, the most seconds for a byte first.
    fn fill(&self, local: Local) -> Local {
        let masks = Masks::of(self, &local.parts);
        let mut parts = local.parts;
        let (mut bytes, mut choices) = (local.bytes, local.choices);
        while parts.len() < MOST_PARTS {
            let worth = |gain: f64, part: &Part| gain / self.stored_bytes(part);
            let room = self.budget - bytes;
            let Some((part, with)) = self.best_start(&choices, &masks, room, worth) else {
                break;
            };
            bytes += self.stored_bytes(&part);
            choices = with;
            parts.push(part);
        }
        self.local(parts)
    }
}
