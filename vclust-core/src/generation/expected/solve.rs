//! The search: images are added, refined and dropped until the mean build time plus the price of the
//! bytes is least; the price of a byte is raised until the budget holds.
//!
//! For a given price this is Lloyd's alternation (S. P. Lloyd, Least squares quantization in PCM, 1982)
//! between assigning requests to images and making each image the best for its requests. New images
//! start from requests that would gain most. The price is the Lagrange multiplier of the budget.

use super::assign::{Choice, Images};
use super::problem::{MOST_IMAGES, Problem, Solution};
use crate::catalogue::PackageSet;

/// Rounds of assigning and refining, at most, and what a round must gain for the next, relatively.
const ROUNDS: usize = 5;
const WORTH_A_ROUND: f64 = 1e-3;
/// Requests that are tried as the start of a new image.
const SEEDS: usize = 5;
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
    images: Images,
    choices: Vec<Choice>,
    mean: f64,
    bytes: f64,
}

impl Problem<'_> {
    /// Images within the budget. The search starts from those that are there, and from the price of a
    /// byte that the last search ended with, if there was one.
    #[must_use]
    pub fn solve(&self, there: &[PackageSet], price_of_byte: Option<f64>) -> Solution {
        let start: Images =
            there.iter().take(MOST_IMAGES).map(|image| self.numbers(image)).collect();
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
                if best.as_ref().is_none_or(|(known, _)| local.mean < known.mean) {
                    best = Some((local.clone(), price));
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
        Solution {
            images: local.images.iter().map(|items| self.image(items)).collect(),
            mean_seconds: local.mean,
            price_of_byte: price,
        }
    }

    fn local(&self, images: Images) -> Local {
        let choices = self.assign(&images);
        let mean = self.mean(&choices);
        let bytes = images.iter().map(|items| self.bytes(items)).sum();
        Local { images, choices, mean, bytes }
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
            let mut images = best.images.clone();
            images.extend(seeds);
            let next = self.drop_unworthy(self.alternate(self.local(images), price), price);
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
            let mut images = best.images.clone();
            self.refine(&mut images, &best.choices, price);
            images.retain(|items| !items.is_empty());
            images.sort_unstable();
            images.dedup();
            let next = self.local(images);
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

    /// Takes out images that cost more than their requests would lose without them, the least worthy
    /// first: eviction by expected loss. Since images stand in for each other, only some go at once.
    fn drop_unworthy(&self, mut local: Local, price: f64) -> Local {
        loop {
            let mut losses: Vec<f64> =
                local.images.iter().map(|items| -price * self.bytes(items)).collect();
            for (choice, wanted) in local.choices.iter().zip(&self.wanted) {
                if let Some(place) = choice.image {
                    losses[place] += wanted.weight * (choice.otherwise - choice.seconds);
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
            local.images.retain(|_| {
                place += 1;
                !unworthy.contains(&(place - 1))
            });
            local = self.local(local.images);
        }
    }

    /// Requests whose packages start further images: each the one that gains most beyond its bytes' price
    /// beside the others, as far as the best of a few can be told.
    fn seeds(&self, local: &Local, price: f64) -> Vec<Vec<u32>> {
        let room = MOST_IMAGES - local.images.len().min(MOST_IMAGES);
        let mut choices = local.choices.clone();
        let mut seeds = Vec::new();
        while seeds.len() < room.min(1 + local.images.len() / STARTED) {
            let worth = |gain: f64, items: &[u32]| gain - price * self.bytes(items);
            let Some((items, with)) = self.best_start(&choices, f64::INFINITY, worth) else {
                break;
            };
            choices = with;
            seeds.push(items);
        }
        seeds
    }

    /// Of the requests that could gain most, the one whose packages are worth most as an image of their
    /// own of at most so many bytes, and what all requests would take with it; `None` if none is worth
    /// anything.
    fn best_start(
        &self,
        choices: &[Choice],
        most_bytes: f64,
        worth: impl Fn(f64, &[u32]) -> f64,
    ) -> Option<(Vec<u32>, Vec<Choice>)> {
        let mut wishes: Vec<(f64, usize)> = self
            .wanted
            .iter()
            .zip(choices)
            .enumerate()
            .filter_map(|(place, (wanted, choice))| {
                let bytes = self.bytes(&wanted.items);
                let own = self.seconds(bytes, 0, 0.0, 0.0, false).0;
                let gain = wanted.weight * (choice.seconds - own);
                (gain > 0.0 && bytes <= most_bytes).then(|| (worth(gain, &wanted.items), place))
            })
            .collect();
        wishes.sort_by(|a, b| b.0.total_cmp(&a.0).then(a.1.cmp(&b.1)));
        let mut best = None;
        let mut most = 0.0;
        for (_, place) in wishes.into_iter().take(SEEDS) {
            let mut items = self.wanted[place].items.clone();
            items.sort_unstable();
            let (gain, with) = self.with_one_more(&items, choices);
            let value = worth(gain, &items);
            if value > most {
                most = value;
                best = Some((items, with));
            }
        }
        best
    }

    /// Uses what room is left for single requests' images, the most seconds for a byte first.
    fn fill(&self, local: Local) -> Local {
        let mut images = local.images;
        let (mut bytes, mut choices) = (local.bytes, local.choices);
        while images.len() < MOST_IMAGES {
            let worth = |gain: f64, items: &[u32]| gain / self.bytes(items);
            let Some((items, with)) = self.best_start(&choices, self.budget - bytes, worth) else {
                break;
            };
            bytes += self.bytes(&items);
            choices = with;
            images.push(items);
        }
        self.local(images)
    }
}
