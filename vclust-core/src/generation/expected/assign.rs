//! Which image each request is built from, and what that takes.

use super::problem::{Item, MOST_IMAGES, Problem, Wanted};

/// Images under consideration, each a list of items, ascending.
pub(super) type Images = Vec<Vec<u32>>;

/// How one request is built.
#[derive(Debug, Clone, Copy)]
pub(super) struct Choice {
    /// Place of the image; `None` is the minimal one.
    pub(super) image: Option<usize>,
    pub(super) seconds: f64,
    /// Seconds of the second best image.
    pub(super) otherwise: f64,
    pub(super) strategy: usize,
    /// Packages that it installs.
    pub(super) missing: u32,
}

/// What a request finds in an image.
#[derive(Debug, Clone, Copy, Default)]
struct Held {
    packages: i64,
    triggers: i64,
    unpack: f64,
    configure: f64,
}

impl Held {
    /// Adds an item, or with a sign of -1 takes it out.
    fn add(&mut self, item: &Item, sign: f64) {
        let one = if sign > 0.0 { 1 } else { -1 };
        self.packages += one;
        self.triggers += if item.trigger { one } else { 0 };
        self.unpack += sign * item.unpack;
        self.configure += sign * item.configure;
    }

    fn with(&self, other: &Self) -> Self {
        Self {
            packages: self.packages + other.packages,
            triggers: self.triggers + other.triggers,
            unpack: self.unpack + other.unpack,
            configure: self.configure + other.configure,
        }
    }
}

/// Calls `act` with the place of each bit that is set.
fn each(mut bits: u128, mut act: impl FnMut(usize)) {
    while bits != 0 {
        act(bits.trailing_zeros() as usize);
        bits &= bits - 1;
    }
}

/// Images by package: a bit for each image that holds it, or that holds what conflicts with it.
struct Masks {
    /// A bit for every image.
    all: u128,
    holds: Vec<u128>,
    hates: Vec<u128>,
    bytes: Vec<f64>,
}

impl Masks {
    fn of(problem: &Problem<'_>, images: &Images) -> Self {
        let mut masks = Self {
            all: u128::MAX
                .checked_shr((MOST_IMAGES - images.len().min(MOST_IMAGES)) as u32)
                .unwrap_or(0),
            holds: vec![0; problem.items.len()],
            hates: vec![0; problem.items.len()],
            bytes: images.iter().map(|items| problem.bytes(items)).collect(),
        };
        for (place, items) in images.iter().enumerate().take(MOST_IMAGES) {
            for item in items {
                masks.holds[*item as usize] |= 1 << place;
                for other in &problem.items[*item as usize].conflicts {
                    masks.hates[*other as usize] |= 1 << place;
                }
            }
        }
        masks
    }
}

impl Problem<'_> {
    /// The best image for each request.
    pub(super) fn assign(&self, images: &Images) -> Vec<Choice> {
        let masks = Masks::of(self, images);
        let mut held = vec![Held::default(); images.len()];
        self.wanted.iter().map(|wanted| self.choose(wanted, &masks, &mut held)).collect()
    }

    fn choose(&self, wanted: &Wanted, masks: &Masks, held: &mut [Held]) -> Choice {
        held.fill(Held::default());
        let all = masks.all;
        let mut by_all = Held::default();
        let mut blocked: u128 = 0;
        for item in &wanted.items {
            let place = *item as usize;
            blocked |= masks.hates[place];
            let holders = masks.holds[place];
            let costs = &self.items[place];
            // What most images hold is counted for all, and taken from those that lack it.
            if 2 * holders.count_ones() > masks.bytes.len() as u32 {
                by_all.add(costs, 1.0);
                each(all & !holders, |image| held[image].add(costs, -1.0));
            } else {
                each(holders, |image| held[image].add(costs, 1.0));
            }
        }
        let count = wanted.items.len() as u32;
        let minimal = self.choose_minimal(wanted);
        let mut best = minimal;
        for (place, sum) in held.iter().enumerate() {
            let sum = sum.with(&by_all);
            if sum.packages == 0 || blocked >> place & 1 == 1 {
                continue;
            }
            let missing = (i64::from(count) - sum.packages).unsigned_abs() as u32;
            let (seconds, strategy) = self.seconds(
                masks.bytes[place],
                missing,
                (wanted.unpack - sum.unpack).max(0.0),
                (wanted.configure - sum.configure).max(0.0),
                i64::from(wanted.triggers) > sum.triggers,
            );
            if seconds < best.seconds {
                let otherwise = best.seconds;
                best = Choice { image: Some(place), seconds, otherwise, strategy, missing };
            } else if seconds < best.otherwise {
                best.otherwise = seconds;
            }
        }
        best
    }

    fn choose_minimal(&self, wanted: &Wanted) -> Choice {
        let count = wanted.items.len() as u32;
        let bytes = self.bytes(&[]);
        let trigger = wanted.triggers > 0;
        let (seconds, strategy) =
            self.seconds(bytes, count, wanted.unpack, wanted.configure, trigger);
        Choice { image: None, seconds, otherwise: f64::INFINITY, strategy, missing: count }
    }

    /// Mean seconds of the requests as assigned.
    pub(super) fn mean(&self, choices: &[Choice]) -> f64 {
        choices
            .iter()
            .zip(&self.wanted)
            .map(|(choice, wanted)| wanted.weight * choice.seconds)
            .sum()
    }

    /// How much less the requests would take, in the mean, if there were one image more, and what each
    /// would take then. The new image has no place yet, so that only seconds are right in the choices.
    pub(super) fn with_one_more(&self, items: &[u32], choices: &[Choice]) -> (f64, Vec<Choice>) {
        let masks = Masks::of(self, &vec![items.to_vec()]);
        let mut held = [Held::default()];
        let mut gain = 0.0;
        let mut with = choices.to_vec();
        for (wanted, choice) in self.wanted.iter().zip(&mut with) {
            let new = self.choose(wanted, &masks, &mut held);
            if new.seconds < choice.seconds {
                gain += wanted.weight * (choice.seconds - new.seconds);
                choice.seconds = new.seconds;
            }
        }
        (gain, with)
    }
}
