//! Splits of recorded installs by run, as the accuracy reports need them.

use std::collections::{BTreeMap, BTreeSet};

use vclust_core::InstallEvent;

/// One split: what estimators learn from, and what they are asked.
#[derive(Debug, Clone)]
pub struct Split<'a> {
    /// Runs to learn from.
    pub train: Vec<&'a InstallEvent>,
    /// Runs to predict.
    pub test: Vec<&'a InstallEvent>,
    /// Packages that are in runs to predict but in none to learn from.
    pub unseen: BTreeSet<&'a str>,
}

/// Names of the packages of a run.
fn set(event: &InstallEvent) -> BTreeSet<&str> {
    event.packages.iter().map(|package| package.package.as_str()).collect()
}

/// Draws half of the distinct package sets to learn from; all repeats of a set are on one side.
/// Of the other half, those runs are kept of whose packages a share of at least `unseen` is in no
/// run to learn from. The same seed draws the same split everywhere.
#[must_use]
pub fn split_by_run<'a>(
    events: impl IntoIterator<Item = &'a InstallEvent>,
    seed: u64,
    unseen: f64,
) -> Split<'a> {
    let mut by_set: BTreeMap<BTreeSet<&str>, Vec<&InstallEvent>> = BTreeMap::new();
    for event in events {
        by_set.entry(set(event)).or_default().push(event);
    }
    let mut groups: Vec<_> = by_set.into_iter().collect();
    // Fisher and Yates's shuffle over splitmix64.
    let mut state = seed;
    for last in (1..groups.len()).rev() {
        state = state.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut bits = state;
        bits = (bits ^ (bits >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        bits = (bits ^ (bits >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        bits ^= bits >> 31;
        groups.swap(last, (bits % (last as u64 + 1)) as usize);
    }
    let test_groups = groups.split_off(groups.len().div_ceil(2));
    let known: BTreeSet<&str> = groups.iter().flat_map(|(names, _)| names).copied().collect();
    let mut split = Split {
        train: groups.into_iter().flat_map(|(_, runs)| runs).collect(),
        test: Vec::new(),
        unseen: BTreeSet::new(),
    };
    for (names, runs) in test_groups {
        let new: Vec<&str> = names.difference(&known).copied().collect();
        split.unseen.extend(&new);
        if new.len() as f64 >= unseen * names.len() as f64 {
            split.test.extend(runs);
        }
    }
    split
}
