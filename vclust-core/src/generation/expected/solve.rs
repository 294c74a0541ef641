//! The search: images are added, refined and dropped until the mean build time plus the price of the
//! bytes is least; the price of a byte is raised until the budget holds.
//!
//! For a given price this is Lloyd's alternation (S. P. Lloyd, Least squares quantization in PCM, 1982)
//! between assigning requests to images and making each image the best for its requests. New images
//! start from requests that would gain most. The price is the Lagrange multiplier of the budget.

use super::assign::{Choice, Images};
use super::problem::{MOST_IMAGES, Problem, Solution};
use crate::catalogue::PackageSet;

/// Rounds of assigning and refining, at most.
const ROUNDS: usize = 6;
/// Requests that are tried as the start of a new image.
const SEEDS: usize = 8;
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
            there.iter().take(MOST_IMAGES / 2).map(|image| self.numbers(image)).collect();
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

    /// Adds, refines and drops images until nothing gets better.
    fn descend(&self, start: Local, price: f64) -> Local {
        let mut best = self.alternate(self.drop_unworthy(start, price), price);
        loop {
            let Some(seed) = self.seed(&best, price) else { return best };
            let mut images = best.images.clone();
            images.push(seed);
            let next = self.alternate(self.local(images), price);
            let next = self.drop_unworthy(next, price);
            if next.mean + price * next.bytes >= best.mean + price * best.bytes - 1e-9 {
                return best;
            }
            best = next;
        }
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
            if before - after < 1e-4 * before {
                break;
            }
        }
        best
    }

    /// Takes out images that cost more than their requests would lose without them, one by one, the
    /// least worthy first: eviction by expected loss.
    fn drop_unworthy(&self, mut local: Local, price: f64) -> Local {
        loop {
            let mut losses: Vec<f64> =
                local.images.iter().map(|items| -price * self.bytes(items)).collect();
            for (choice, wanted) in local.choices.iter().zip(&self.wanted) {
                if let Some(place) = choice.image {
                    losses[place] += wanted.weight * (choice.otherwise - choice.seconds);
                }
            }
            let worst = losses
                .iter()
                .enumerate()
                .min_by(|a, b| a.1.total_cmp(b.1))
                .filter(|(_, loss)| **loss <= 0.0);
            let Some((place, _)) = worst else { return local };
            local.images.remove(place);
            local = self.local(local.images);
        }
    }

    /// The items of the request that is the best start of another image, if any is worth its bytes.
    fn seed(&self, local: &Local, price: f64) -> Option<Vec<u32>> {
        if local.images.len() >= MOST_IMAGES {
            return None;
        }
        let mut wishes: Vec<(f64, usize)> = self
            .wanted
            .iter()
            .zip(&local.choices)
            .enumerate()
            .map(|(place, (wanted, choice))| {
                let own = self.seconds(self.bytes(&wanted.items), 0, 0.0, 0.0, false).0;
                (wanted.weight * (choice.seconds - own), place)
            })
            .collect();
        wishes.sort_by(|a, b| b.0.total_cmp(&a.0).then(a.1.cmp(&b.1)));
        let tried = wishes.into_iter().take(SEEDS).map(|(_, place)| {
            let mut items = self.wanted[place].items.clone();
            items.sort_unstable();
            let worth = self.gain_of(&items, &local.choices) - price * self.bytes(&items);
            (worth, items)
        });
        tried.filter(|(worth, _)| *worth > 0.0).max_by(|a, b| a.0.total_cmp(&b.0)).map(|(_, i)| i)
    }

    /// Uses what room is left for single requests' images, the most seconds for a byte first.
    fn fill(&self, mut local: Local) -> Local {
        for _ in 0..MOST_IMAGES {
            let room = self.budget - local.bytes;
            let mut best: Option<(f64, Vec<u32>)> = None;
            let mut wishes: Vec<(f64, usize)> = self
                .wanted
                .iter()
                .zip(&local.choices)
                .enumerate()
                .filter(|(_, (wanted, _))| self.bytes(&wanted.items) <= room)
                .map(|(place, (wanted, choice))| {
                    let bytes = self.bytes(&wanted.items);
                    let own = self.seconds(bytes, 0, 0.0, 0.0, false).0;
                    (wanted.weight * (choice.seconds - own) / bytes, place)
                })
                .collect();
            wishes.sort_by(|a, b| b.0.total_cmp(&a.0).then(a.1.cmp(&b.1)));
            for (_, place) in wishes.into_iter().take(SEEDS) {
                let mut items = self.wanted[place].items.clone();
                items.sort_unstable();
                let worth = self.gain_of(&items, &local.choices) / self.bytes(&items);
                if worth > 0.0 && best.as_ref().is_none_or(|(known, _)| worth > *known) {
                    best = Some((worth, items));
                }
            }
            let Some((_, items)) = best else { break };
            if local.images.len() >= MOST_IMAGES || local.images.contains(&items) {
                break;
            }
            local.images.push(items);
            local = self.local(local.images);
        }
        local
    }
}
