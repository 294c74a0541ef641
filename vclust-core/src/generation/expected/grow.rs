//! What room is left in the budget goes to packages that parts lack.
//!
//! Prices of bytes leave some of the budget unused, since parts come and go whole. A layer does not hold the
//! minimal image again, so a package more costs it little, and each one that pays for the bytes best is added
//! with what it needs.

use super::parts::{Choice, Part, Parts};
use super::problem::Problem;

/// Rounds of growing, after each of which requests are assigned anew.
pub(super) const GROWTHS: usize = 4;

/// Packages that go into a part together: one with what it needs.
struct Addition {
    /// Seconds of the mean build for each byte.
    worth: f64,
    place: usize,
    item: u32,
}

impl Problem<'_> {
    /// The parts with what fits into so many bytes more, the most seconds for a byte first; `None` if nothing
    /// does.
    pub(super) fn grown(&self, parts: &Parts, choices: &[Choice], room: f64) -> Option<Parts> {
        let mut additions = Vec::new();
        for (place, part) in parts.iter().enumerate() {
            self.additions(place, part, choices, &mut additions);
        }
        additions.sort_by(|a, b| {
            b.worth.total_cmp(&a.worth).then(a.place.cmp(&b.place)).then(a.item.cmp(&b.item))
        });
        let mut grown = parts.clone();
        let mut inside: Vec<Option<Vec<bool>>> = vec![None; parts.len()];
        let mut left = room;
        for addition in additions {
            let part = &mut grown[addition.place];
            let inside = inside[addition.place].get_or_insert_with(|| self.inside(&part.items));
            let Some(group) = self.closed_group(addition.item, part.is_layer, inside) else {
                continue;
            };
            let bytes: f64 = group.iter().map(|item| self.items[*item as usize].bytes).sum();
            if group.is_empty() || bytes > left {
                continue;
            }
            left -= bytes;
            for item in group {
                inside[item as usize] = true;
                part.items.push(item);
            }
        }
        if left >= room {
            return None;
        }
        for part in &mut grown {
            part.items.sort_unstable();
        }
        Some(grown)
    }

    /// What the requests of a part would have it hold, too.
    fn additions(
        &self,
        place: usize,
        part: &Part,
        choices: &[Choice],
        additions: &mut Vec<Addition>,
    ) {
        let inside = self.inside(&part.items);
        let mut values = vec![0.0_f64; self.items.len()];
        let mut touched = Vec::new();
        for (wanted, choice) in self.wanted.iter().zip(choices) {
            if choice.missing == 0 || !choice.holds(place) {
                continue;
            }
            let (unpack, configure, byte) = self.slopes(choice.strategy, choice.missing);
            for item in wanted.items.iter().filter(|item| !inside[**item as usize]) {
                let costs = &self.items[*item as usize];
                if values[*item as usize] == 0.0 {
                    touched.push(*item);
                }
                let saved = unpack * costs.unpack + configure * costs.configure;
                values[*item as usize] += wanted.weight * (saved - byte * costs.bytes);
            }
        }
        for item in touched {
            let Some(group) = self.closed_group(item, part.is_layer, &inside) else { continue };
            let of = |item: &u32| &self.items[*item as usize];
            let bytes: f64 = group.iter().map(|item| of(item).bytes).sum();
            let value: f64 = group.iter().map(|item| values[*item as usize]).sum();
            if value > 0.0 {
                additions.push(Addition { worth: value / bytes.max(1.0), place, item });
            }
        }
    }

    fn inside(&self, items: &[u32]) -> Vec<bool> {
        let mut inside = vec![false; self.items.len()];
        for item in items {
            inside[*item as usize] = true;
        }
        inside
    }

    /// An item with what it needs that is not inside; `None` where that conflicts with what is, or with
    /// itself. A layer changes nothing of the minimal image.
    fn closed_group(&self, item: u32, is_layer: bool, inside: &[bool]) -> Option<Vec<u32>> {
        if inside[item as usize] {
            return Some(Vec::new());
        }
        let mut group = vec![item];
        let mut at = 0;
        while at < group.len() {
            let costs = &self.items[group[at] as usize];
            let mut conflicts = costs.conflicts.iter();
            if is_layer && costs.changes_base
                || conflicts.any(|other| inside[*other as usize] || group.contains(other))
            {
                return None;
            }
            for need in &costs.needs {
                let there = need.iter().any(|id| inside[*id as usize] || group.contains(id));
                if let Some(first) = need.first().filter(|_| !there) {
                    group.push(*first);
                }
            }
            at += 1;
        }
        Some(group)
    }
}
