//! Images and layers under consideration, and which of them a request takes.

use super::problem::Problem;

/// As many parts are considered at once: bits of a word.
pub(super) const MOST_PARTS: usize = 128;
/// Parts of one stack at most.
pub(super) const MOST_STACKED: usize = 4;

/// An image or a layer under consideration.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Part {
    /// Whether it is a layer over the minimal image.
    pub(super) is_layer: bool,
    /// What it holds beyond the minimal image.
    pub(super) items: Vec<u32>,
}

/// All that are under consideration.
pub(super) type Parts = Vec<Part>;

/// How one request is built.
#[derive(Debug, Clone, Copy)]
pub(super) struct Choice {
    places: [u16; MOST_STACKED],
    without: [f64; MOST_STACKED],
    count: usize,
    pub(super) seconds: f64,
    pub(super) strategy: usize,
    /// Packages that it installs.
    pub(super) missing: u32,
}

impl Choice {
    /// A build from the minimal image.
    pub(super) fn minimal(seconds: f64, strategy: usize, missing: u32) -> Self {
        let (places, without) = ([0; MOST_STACKED], [f64::INFINITY; MOST_STACKED]);
        Self { places, without, count: 0, seconds, strategy, missing }
    }

    /// Places of the parts it is built from; none of them for the minimal image.
    pub(super) fn parts(&self) -> impl Iterator<Item = usize> + '_ {
        self.places[..self.count].iter().map(|place| usize::from(*place))
    }

    /// The same, each with the seconds that it would take without this part. Of stacks that is what was
    /// seen on the way; another stack may be better.
    pub(super) fn losses(&self) -> impl Iterator<Item = (usize, f64)> + '_ {
        self.parts().zip(self.without)
    }

    /// The parts as bits.
    pub(super) fn bits(&self) -> u128 {
        self.parts().fold(0, |bits, place| bits | 1 << place)
    }

    pub(super) fn count(&self) -> usize {
        self.count
    }

    pub(super) fn holds(&self, place: usize) -> bool {
        self.parts().any(|own| own == place)
    }

    pub(super) fn least_without(&self) -> f64 {
        self.without[..self.count].iter().copied().fold(f64::INFINITY, f64::min)
    }

    /// Adds a part to a stack.
    pub(super) fn push(&mut self, place: usize, without: f64) {
        self.places[self.count] = place as u16;
        self.without[self.count] = without;
        self.count += 1;
    }

    /// Takes a single part if it is better than what was known, and remembers the second best.
    pub(super) fn offer(&mut self, place: usize, seconds: f64, strategy: usize, missing: u32) {
        if seconds < self.seconds {
            let otherwise = self.seconds;
            *self = Self::minimal(seconds, strategy, missing);
            self.push(place, otherwise);
        } else if seconds < self.without[0] {
            self.without[0] = seconds;
        }
    }

    /// The better of two choices among different parts, those of the other numbered from `first` on.
    pub(super) fn join(&mut self, mut other: Self, first: usize) {
        for place in &mut other.places[..other.count] {
            *place += first as u16;
        }
        let (better, worse) =
            if other.seconds < self.seconds { (other, *self) } else { (*self, other) };
        *self = better;
        for without in &mut self.without {
            *without = without.min(worse.seconds);
        }
    }
}

/// Calls `act` with the place of each bit that is set.
pub(super) fn each(mut bits: u128, mut act: impl FnMut(usize)) {
    while bits != 0 {
        act(bits.trailing_zeros() as usize);
        bits &= bits - 1;
    }
}

/// Parts by package: a bit for each that holds it, or that holds what conflicts with it.
pub(super) struct Masks {
    /// A bit for every part.
    pub(super) all: u128,
    /// A bit for every layer.
    pub(super) layers: u128,
    pub(super) holds: Vec<u128>,
    pub(super) hates: Vec<u128>,
    /// By part, those that may not be in a stack with it; only where there are layers.
    pub(super) clashes: Vec<u128>,
    /// By part, its bytes with those of the minimal image, which is below every layer.
    pub(super) bytes: Vec<f64>,
}

impl Masks {
    pub(super) fn of(problem: &Problem<'_>, parts: &[Part]) -> Self {
        let parts = &parts[..parts.len().min(MOST_PARTS)];
        let mut masks = Self {
            all: u128::MAX.checked_shr((MOST_PARTS - parts.len()) as u32).unwrap_or(0),
            layers: 0,
            holds: vec![0; problem.items.len()],
            hates: vec![0; problem.items.len()],
            clashes: vec![0; parts.len()],
            bytes: parts.iter().map(|part| problem.bytes(&part.items)).collect(),
        };
        for (place, part) in parts.iter().enumerate() {
            masks.layers |= u128::from(part.is_layer) << place;
            for item in &part.items {
                masks.holds[*item as usize] |= 1 << place;
                for other in &problem.items[*item as usize].conflicts {
                    masks.hates[*other as usize] |= 1 << place;
                }
            }
        }
        if masks.layers != 0 {
            for (clashes, part) in masks.clashes.iter_mut().zip(parts) {
                *clashes = part.items.iter().fold(0, |all, item| all | masks.hates[*item as usize]);
            }
        }
        masks
    }
}
