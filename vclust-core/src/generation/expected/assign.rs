//! Which image each request is built from, and what that takes.

use super::problem::{MOST_IMAGES, Problem, Wanted};

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
    packages: u32,
    triggers: u32,
    unpack: f64,
    configure: f64,
}

/// Images by package: a bit for each image that holds it, or that holds what conflicts with it.
struct Masks {
    holds: Vec<u128>,
    hates: Vec<u128>,
    bytes: Vec<f64>,
}

impl Masks {
    fn of(problem: &Problem<'_>, images: &Images) -> Self {
        let mut masks = Self {
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
        let mut blocked: u128 = 0;
        for item in &wanted.items {
            let place = *item as usize;
            blocked |= masks.hates[place];
            let mut holders = masks.holds[place];
            let costs = &self.items[place];
            while holders != 0 {
                let sum = &mut held[holders.trailing_zeros() as usize];
                sum.packages += 1;
                sum.triggers += u32::from(costs.trigger);
                sum.unpack += costs.unpack;
                sum.configure += costs.configure;
                holders &= holders - 1;
            }
        }
        let count = wanted.items.len() as u32;
        let minimal = self.choose_minimal(wanted);
        let mut best = minimal;
        for (place, sum) in held.iter().enumerate() {
            if sum.packages == 0 || blocked >> place & 1 == 1 {
                continue;
            }
            let missing = count - sum.packages;
            let (seconds, strategy) = self.seconds(
                masks.bytes[place],
                missing,
                (wanted.unpack - sum.unpack).max(0.0),
                (wanted.configure - sum.configure).max(0.0),
                wanted.triggers > sum.triggers,
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
