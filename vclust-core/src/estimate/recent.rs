//! A map that stays small: what was learned of longest ago goes first.

use std::hash::Hash;

use rustc_hash::FxHashMap;
use serde::{Deserialize, Serialize};

/// A map of at most `MOST` entries. Where it would outgrow that, the quarter that was written
/// longest ago is dropped, so that a write costs the same however many there were.
///
/// It is stored as a list of pairs, the one written longest ago first.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(
    from = "Vec<(K, V)>",
    into = "Vec<(K, V)>",
    bound(
        serialize = "K: Serialize + Clone + Eq + Hash, V: Serialize + Clone",
        deserialize = "K: Deserialize<'de> + Clone + Eq + Hash, V: Deserialize<'de>"
    )
)]
pub(super) struct Recent<K, V, const MOST: usize> {
    entries: FxHashMap<K, (u64, V)>,
    /// Number of writes so far; each entry holds that of its last.
    writes: u64,
}

impl<K, V, const MOST: usize> Default for Recent<K, V, MOST> {
    fn default() -> Self {
        Self { entries: FxHashMap::default(), writes: 0 }
    }
}

/// Equal entries; when each was written does not count.
impl<K: Eq + Hash, V: PartialEq, const MOST: usize> PartialEq for Recent<K, V, MOST> {
    fn eq(&self, other: &Self) -> bool {
        let same = |key: &K, value: &V| other.entries.get(key).is_some_and(|(_, its)| its == value);
        self.entries.len() == other.entries.len()
            && self.entries.iter().all(|(key, (_, value))| same(key, value))
    }
}

impl<K: Eq + Hash + Clone, V, const MOST: usize> Recent<K, V, MOST> {
    pub(super) fn get(&self, key: &K) -> Option<&V> {
        self.entries.get(key).map(|(_, value)| value)
    }

    /// The value of `key`, to be written to; `new` makes it where there is none.
    pub(super) fn entry(&mut self, key: &K, new: impl FnOnce() -> V) -> &mut V {
        self.make_room(key);
        let writes = self.writes;
        let (written, value) = self.entries.entry(key.clone()).or_insert_with(|| (writes, new()));
        *written = writes;
        value
    }

    /// Puts a value in the place of what is there.
    pub(super) fn set(&mut self, key: K, value: V) {
        self.make_room(&key);
        self.entries.insert(key, (self.writes, value));
    }

    /// Counts a write to `key` and, where that needs a new entry, makes room for it.
    fn make_room(&mut self, key: &K) {
        self.writes += 1;
        if self.entries.contains_key(key) || self.entries.len() < MOST {
            return;
        }
        let mut times: Vec<u64> = self.entries.values().map(|(written, _)| *written).collect();
        let middle = times.len() / 4;
        let (_, last, _) = times.select_nth_unstable(middle);
        let last = *last;
        self.entries.retain(|_, (written, _)| *written > last);
    }

    /// The entries, the one written longest ago first.
    pub(super) fn in_order(&self) -> Vec<(&K, &V)> {
        let mut entries: Vec<_> = self.entries.iter().collect();
        entries.sort_unstable_by_key(|(_, (written, _))| *written);
        entries.into_iter().map(|(key, (_, value))| (key, value)).collect()
    }
}

impl<K: Eq + Hash + Clone, V, const MOST: usize> From<Vec<(K, V)>> for Recent<K, V, MOST> {
    fn from(pairs: Vec<(K, V)>) -> Self {
        let mut map = Self::default();
        for (key, value) in pairs {
            map.entry(&key, || value);
        }
        map
    }
}

impl<K: Eq + Hash + Clone, V: Clone, const MOST: usize> From<Recent<K, V, MOST>> for Vec<(K, V)> {
    fn from(map: Recent<K, V, MOST>) -> Self {
        map.in_order().into_iter().map(|(key, value)| (key.clone(), value.clone())).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_never_holds_more_than_its_bound_and_keeps_what_is_used() {
        let mut map: Recent<u32, u32, 8> = Recent::default();
        for key in 0..1000 {
            map.entry(&key, || key);
            map.entry(&7777, || 1);
            assert!(map.entries.len() <= 8);
        }
        assert!(map.get(&7777).is_some() && map.get(&999).is_some() && map.get(&0).is_none());
        let text = serde_json::to_string(&map).expect("it is plain data");
        let again: Recent<u32, u32, 8> = serde_json::from_str(&text).expect("it was written");
        assert_eq!(again.in_order(), map.in_order());
    }
}
