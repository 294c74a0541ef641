//! The best content of an image or a layer for the requests that are built from it.

use rustc_hash::FxHashSet;

use super::parts::{Choice, MOST_PARTS, Masks, Parts};
use super::problem::Problem;

impl Problem<'_> {
    /// Makes each part anew for the requests that chose it: a package is in it if what it saves them
    /// exceeds what its bytes cost, on the way to the nodes and in the repository. What another part of
    /// a request's stack holds saves that request nothing. Parts that nothing is built from become empty.
    pub(super) fn refine(&self, parts: &mut Parts, choices: &[Choice], price_of_byte: f64) {
        let mut values = vec![0.0_f64; self.items.len()];
        let mut seen = vec![false; self.items.len()];
        let stacked = choices.iter().any(|choice| choice.count() > 1);
        // Parts change one after the other, so what one has dropped another may take.
        let mut holds = if stacked { Masks::of(self, parts).holds } else { Vec::new() };
        for place in 0..parts.len().min(MOST_PARTS) {
            let mut touched: Vec<u32> = Vec::new();
            let mut per_byte = price_of_byte;
            for (wanted, choice) in self.wanted.iter().zip(choices) {
                if !choice.holds(place) {
                    continue;
                }
                let (unpack, configure, byte) = self.slopes(choice.strategy, choice.missing);
                per_byte += wanted.weight * byte;
                let others = choice.bits() & !(1 << place);
                for item in &wanted.items {
                    let number = *item as usize;
                    if !std::mem::replace(&mut seen[number], true) {
                        touched.push(*item);
                    }
                    if others == 0 || holds[number] & others == 0 {
                        let costs = &self.items[number];
                        values[number] +=
                            wanted.weight * (unpack * costs.unpack + configure * costs.configure);
                    }
                }
            }
            for item in &touched {
                seen[*item as usize] = false;
            }
            let part = &mut parts[place];
            let of_base = |item: &u32| part.is_layer && self.items[*item as usize].changes_base;
            let candidates: Vec<u32> =
                touched.iter().copied().filter(|item| !of_base(item)).collect();
            let new = self.worthwhile(&candidates, &values, per_byte);
            if stacked {
                for item in &part.items {
                    holds[*item as usize] &= !(1 << place);
                }
                for item in &new {
                    holds[*item as usize] |= 1 << place;
                }
            }
            part.items = new;
            for item in touched {
                values[item as usize] = 0.0;
            }
        }
    }

    /// The items that are worth their bytes, closed under dependencies and without conflicts.
    ///
    /// This is a closure of maximum weight. It is found by pruning: an item that does not pay leaves
    /// with all that needs it, unless those pay for it together. An item is as valuable as the requests
    /// that want it are many, and they want what it needs, too, so that few cases are left to the
    /// heuristic.
    fn worthwhile(&self, candidates: &[u32], values: &[f64], per_byte: f64) -> Vec<u32> {
        let net = |item: u32| values[item as usize] - per_byte * self.items[item as usize].bytes;
        let mut inside = vec![false; self.items.len()];
        let mut by_value = candidates.to_vec();
        by_value.sort_by(|a, b| values[*b as usize].total_cmp(&values[*a as usize]).then(a.cmp(b)));
        // Of two that conflict the more valuable stays; what needs the other goes with it below.
        for item in &by_value {
            let place = *item as usize;
            let conflicts = self.items[place].conflicts.iter();
            inside[place] = !conflicts.copied().any(|other| inside[other as usize]);
        }
        let mut dependants: Vec<Vec<u32>> = vec![Vec::new(); self.items.len()];
        for item in candidates {
            for need in self.items[*item as usize].needs.iter().flatten() {
                dependants[*need as usize].push(*item);
            }
        }
        // Whether nobody who is inside, those leaving left out, satisfies some dependency of an item.
        let unmet = |item: u32, inside: &[bool], leaving: &FxHashSet<u32>| {
            self.items[item as usize].needs.iter().any(|group| {
                !group.iter().any(|need| inside[*need as usize] && !leaving.contains(need))
            })
        };
        let nobody = FxHashSet::default();
        let mut lost: Vec<u32> = candidates
            .iter()
            .copied()
            .filter(|item| inside[*item as usize] && unmet(*item, &inside, &nobody))
            .collect();
        while let Some(item) = lost.pop() {
            if std::mem::replace(&mut inside[item as usize], false) {
                let others = dependants[item as usize].iter().copied();
                lost.extend(others.filter(|other| unmet(*other, &inside, &nobody)));
            }
        }
        // The least worthy first.
        by_value.sort_by(|a, b| net(*a).total_cmp(&net(*b)).then(a.cmp(b)));
        for item in by_value {
            if net(item) >= 0.0 {
                break;
            }
            if !inside[item as usize] {
                continue;
            }
            let mut group = vec![item];
            let mut leaving = FxHashSet::from_iter([item]);
            let mut at = 0;
            let mut sum = 0.0;
            while at < group.len() {
                sum += net(group[at]);
                for dependant in &dependants[group[at] as usize] {
                    let stays = inside[*dependant as usize] && !leaving.contains(dependant);
                    if stays && unmet(*dependant, &inside, &leaving) {
                        leaving.insert(*dependant);
                        group.push(*dependant);
                    }
                }
                at += 1;
            }
            if sum < 0.0 {
                for member in group {
                    inside[member as usize] = false;
                }
            }
        }
        let mut kept: Vec<u32> =
            candidates.iter().copied().filter(|item| inside[*item as usize]).collect();
        kept.sort_unstable();
        kept
    }
}
