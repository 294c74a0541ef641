//! Where new images and layers start from: single requests.

use super::assign::{Held, Lacking};
use super::parts::{Choice, MOST_STACKED, Masks, Part, each};
use super::problem::{Problem, Wanted};

/// Requests that are tried as the start of a new part, of each kind.
const SEEDS: usize = 5;

/// What of a request starts a part.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Seed {
    /// All its packages, as an image.
    Image,
    /// All its packages, as a layer.
    Layer,
    /// What its parts lack, as a layer over them.
    Rest,
}

impl Problem<'_> {
    /// Of the requests that could gain most, the one whose packages are worth most as an image or a layer
    /// of at most so many bytes, and what all requests would take with it; `None` if none is worth anything.
    /// `masks` are those of the parts that the choices name.
    pub(super) fn best_start(
        &self,
        choices: &[Choice],
        masks: &Masks,
        most_bytes: f64,
        worth: impl Fn(f64, &Part) -> f64,
    ) -> Option<(Part, Vec<Choice>)> {
        let mut best = None;
        let mut most = 0.0;
        for seed in [Seed::Image, Seed::Layer, Seed::Rest] {
            let designed = match seed {
                Seed::Image => self.designs_images,
                Seed::Layer => self.designs_layers,
                Seed::Rest => self.designs_layers && masks.all != 0,
            };
            if !designed {
                continue;
            }
            let mut wishes: Vec<(f64, usize)> = self
                .wanted
                .iter()
                .zip(choices)
                .enumerate()
                .filter_map(|(place, (wanted, choice))| {
                    let (gain, part) = self.wish(seed, wanted, choice, masks)?;
                    let fits = gain > 0.0 && self.stored_bytes(&part) <= most_bytes;
                    fits.then(|| (worth(gain, &part), place))
                })
                .collect();
            wishes.sort_by(|a, b| b.0.total_cmp(&a.0).then(a.1.cmp(&b.1)));
            for (_, place) in wishes.into_iter().take(SEEDS) {
                let wanted = &self.wanted[place];
                let Some((_, mut part)) = self.wish(seed, wanted, &choices[place], masks) else {
                    continue;
                };
                if seed == Seed::Rest {
                    self.close(&mut part.items, wanted);
                    if self.stored_bytes(&part) > most_bytes {
                        continue;
                    }
                }
                part.items.sort_unstable();
                let (gain, with) = self.with_one_more(&part, choices, masks);
                let value = worth(gain, &part);
                if value > most {
                    most = value;
                    best = Some((part, with));
                }
            }
        }
        best
    }

    /// What a request would gain from a part of its own, at most, and that part.
    fn wish(
        &self,
        seed: Seed,
        wanted: &Wanted,
        choice: &Choice,
        masks: &Masks,
    ) -> Option<(f64, Part)> {
        let nothing = Lacking::nothing();
        if seed == Seed::Image {
            let own = self.seconds(self.bytes(&wanted.items), &nothing).0;
            let gain = wanted.weight * (choice.seconds - own);
            return Some((gain, Part { is_layer: false, items: wanted.items.clone() }));
        }
        let taken = choice.bits();
        let rest = seed == Seed::Rest;
        if rest && (choice.count() == 0 || choice.count() == MOST_STACKED || choice.missing == 0) {
            return None;
        }
        let parts = if rest { choice.count() + 1 } else { 1 };
        let own = self.stack_seconds(self.bytes(&wanted.items), parts, &nothing).0;
        let gain = wanted.weight * (choice.seconds - own);
        if gain <= 0.0 {
            return None;
        }
        let lacks = |item: &&u32| !rest || masks.holds[**item as usize] & taken == 0;
        let items: Vec<u32> = wanted.items.iter().filter(lacks).copied().collect();
        let changes_base = items.iter().any(|item| self.items[*item as usize].changes_base);
        (!changes_base && !items.is_empty()).then_some((gain, Part { is_layer: true, items }))
    }

    /// Adds what some of a request's items need of the others: a layer is closed over the minimal image.
    fn close(&self, items: &mut Vec<u32>, wanted: &Wanted) {
        let all: rustc_hash::FxHashSet<u32> = wanted.items.iter().copied().collect();
        let mut inside: rustc_hash::FxHashSet<u32> = items.iter().copied().collect();
        let mut at = 0;
        while at < items.len() {
            for group in &self.items[items[at] as usize].needs {
                let there = group.iter().any(|need| inside.contains(need));
                let new = group.iter().copied().find(|need| !there && all.contains(need));
                if let Some(need) = new {
                    inside.insert(need);
                    items.push(need);
                }
            }
            at += 1;
        }
    }

    /// How much less the requests would take, in the mean, if there were one part more, by itself or over
    /// what they have, and what each would take then. The new part has no place yet, so that only seconds
    /// are right in the choices.
    fn with_one_more(&self, part: &Part, choices: &[Choice], known: &Masks) -> (f64, Vec<Choice>) {
        let masks = Masks::of(self, std::slice::from_ref(part));
        let mut held = [Held::default()];
        let mut gain = 0.0;
        let mut with = choices.to_vec();
        let clashes = part.items.iter().fold(0, |all, item| all | known.hates[*item as usize]);
        // No request takes less with a layer than with one that has all.
        let least = if part.is_layer {
            self.stack_seconds(self.bytes(&part.items), 1, &Lacking::nothing()).0
        } else {
            f64::NEG_INFINITY
        };
        for (wanted, choice) in self.wanted.iter().zip(&mut with) {
            if choice.seconds <= least {
                continue;
            }
            let seconds = if part.is_layer {
                let over = if choice.bits() & clashes == 0 { choice.bits() } else { 0 };
                self.with_layer(part, &masks, wanted, choice, known, over)
            } else {
                self.choose(wanted, &masks, &mut held).seconds
            };
            if seconds < choice.seconds {
                gain += wanted.weight * (choice.seconds - seconds);
                choice.seconds = seconds;
            }
        }
        (gain, with)
    }

    /// Seconds of a request with a new layer, by itself or over those of its parts that are set in `over`;
    /// infinite where it does not go with the request.
    fn with_layer(
        &self,
        part: &Part,
        masks: &Masks,
        wanted: &Wanted,
        choice: &Choice,
        known: &Masks,
        over: u128,
    ) -> f64 {
        let (mut alone, mut both) = (Held::default(), Held::default());
        for item in &wanted.items {
            let place = *item as usize;
            if masks.hates[place] != 0 {
                return f64::INFINITY;
            }
            if masks.holds[place] != 0 {
                alone.add(&self.items[place], 1.0);
            } else if known.holds[place] & over != 0 {
                both.add(&self.items[place], 1.0);
            }
        }
        if alone.is_nothing() {
            return f64::INFINITY;
        }
        let everything = Lacking::everything(wanted);
        let mut bytes = self.bytes(&part.items);
        let seconds = self.stack_seconds(bytes, 1, &everything.less(&alone)).0;
        if over == 0 || choice.count() == MOST_STACKED {
            return seconds;
        }
        each(over, |place| bytes += known.bytes[place] - self.base_bytes);
        let lacking = everything.less(&alone).less(&both);
        seconds.min(self.stack_seconds(bytes, choice.count() + 1, &lacking).0)
    }
}
