//! Which image or which stack of layers each request is built from, and what that takes.

use super::parts::{Choice, MOST_PARTS, MOST_STACKED, Masks, Parts, each};
use super::problem::{Item, Problem, Wanted};

/// What a request finds in a part.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Held {
    packages: i64,
    triggers: i64,
    unpack: f64,
    configure: f64,
}

impl Held {
    /// Adds an item, or with a sign of -1 takes it out.
    pub(super) fn add(&mut self, item: &Item, sign: f64) {
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

    pub(super) fn is_nothing(&self) -> bool {
        self.packages == 0
    }
}

/// What a request still lacks.
#[derive(Debug, Clone, Copy)]
pub(super) struct Lacking {
    pub(super) packages: u32,
    pub(super) triggers: i64,
    pub(super) unpack: f64,
    pub(super) configure: f64,
}

impl Lacking {
    pub(super) fn everything(wanted: &Wanted) -> Self {
        Self {
            packages: wanted.items.len() as u32,
            triggers: i64::from(wanted.triggers),
            unpack: wanted.unpack,
            configure: wanted.configure,
        }
    }

    pub(super) fn nothing() -> Self {
        Self { packages: 0, triggers: 0, unpack: 0.0, configure: 0.0 }
    }

    pub(super) fn less(&self, held: &Held) -> Self {
        Self {
            packages: (i64::from(self.packages) - held.packages).unsigned_abs() as u32,
            triggers: self.triggers - held.triggers,
            unpack: (self.unpack - held.unpack).max(0.0),
            configure: (self.configure - held.configure).max(0.0),
        }
    }
}

/// A single part from which a stack may start.
#[derive(Clone, Copy)]
struct Start {
    place: usize,
    seconds: f64,
    strategy: usize,
    lacking: Lacking,
}

impl Problem<'_> {
    /// The best parts for each request.
    pub(super) fn assign(&self, parts: &Parts) -> Vec<Choice> {
        let masks = Masks::of(self, parts);
        let mut held = vec![Held::default(); parts.len().min(MOST_PARTS)];
        self.wanted.iter().map(|wanted| self.choose(wanted, &masks, &mut held)).collect()
    }

    pub(super) fn choose(&self, wanted: &Wanted, masks: &Masks, held: &mut [Held]) -> Choice {
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
        let everything = Lacking::everything(wanted);
        let (seconds, strategy) = self.seconds(self.bytes(&[]), &everything);
        let mut best = Choice::minimal(seconds, strategy, everything.packages);
        let mut start: Option<Start> = None;
        for (place, sum) in held.iter().enumerate() {
            let sum = sum.with(&by_all);
            if sum.is_nothing() || blocked >> place & 1 == 1 {
                continue;
            }
            let lacking = everything.less(&sum);
            let is_layer = masks.layers >> place & 1 == 1;
            if masks.layers != 0 {
                let (seconds, strategy) = self.stack_seconds(masks.bytes[place], 1, &lacking);
                if start.is_none_or(|known| seconds < known.seconds) {
                    start = Some(Start { place, seconds, strategy, lacking });
                }
                if is_layer {
                    best.offer(place, seconds, strategy, lacking.packages);
                    continue;
                }
            }
            let (seconds, strategy) = self.seconds(masks.bytes[place], &lacking);
            best.offer(place, seconds, strategy, lacking.packages);
        }
        if let Some(start) = start {
            self.pile(wanted, masks, held, blocked, start, &mut best);
        }
        best
    }

    /// Puts layers over the best single part, each the one that helps most, as long as that pays; the choice
    /// becomes the stack if that is better.
    fn pile(
        &self,
        wanted: &Wanted,
        masks: &Masks,
        held: &mut [Held],
        blocked: u128,
        start: Start,
        best: &mut Choice,
    ) {
        let (mut parts, mut count, mut taken) = ([start; MOST_STACKED], 1, 1_u128 << start.place);
        let mut bytes = masks.bytes[start.place];
        let mut in_the_way = blocked | masks.clashes[start.place];
        while count < MOST_STACKED {
            let now = parts[count - 1];
            // With nothing left to install, this is what one layer more would take at least.
            let floor = self.stack_seconds(bytes, count + 1, &Lacking::nothing()).0;
            let open = masks.layers & !taken & !in_the_way;
            if floor >= now.seconds.min(best.seconds) || open == 0 {
                break;
            }
            held.fill(Held::default());
            for item in &wanted.items {
                let holders = masks.holds[*item as usize];
                if holders & taken == 0 {
                    each(holders & open, |place| held[place].add(&self.items[*item as usize], 1.0));
                }
            }
            let mut next: Option<Start> = None;
            each(open, |place| {
                if held[place].is_nothing() {
                    return;
                }
                let lacking = now.lacking.less(&held[place]);
                let with = bytes + masks.bytes[place] - self.base_bytes;
                let (seconds, strategy) = self.stack_seconds(with, count + 1, &lacking);
                if seconds < next.map_or(now.seconds, |known| known.seconds) {
                    next = Some(Start { place, seconds, strategy, lacking });
                }
            });
            let Some(next) = next else { break };
            bytes += masks.bytes[next.place] - self.base_bytes;
            taken |= 1 << next.place;
            in_the_way |= masks.clashes[next.place];
            parts[count] = next;
            count += 1;
        }
        let last = parts[count - 1];
        if count < 2 || last.seconds >= best.seconds {
            return;
        }
        let single = *best;
        *best = Choice::minimal(last.seconds, last.strategy, last.lacking.packages);
        for (number, part) in parts[..count].iter().enumerate() {
            let single_without =
                if single.holds(part.place) { single.least_without() } else { single.seconds };
            let before =
                number.checked_sub(1).map_or(f64::INFINITY, |before| parts[before].seconds);
            best.push(part.place, single_without.min(before));
        }
    }

    /// Mean seconds of the requests as assigned.
    pub(super) fn mean(&self, choices: &[Choice]) -> f64 {
        choices
            .iter()
            .zip(&self.wanted)
            .map(|(choice, wanted)| wanted.weight * choice.seconds)
            .sum()
    }
}
