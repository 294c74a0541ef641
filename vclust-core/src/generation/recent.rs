//! The latest requests, and how often each package is in them.

use std::collections::VecDeque;

use crate::catalogue::{PackageSet, PackageVersionId};

/// The last so many requests.
#[derive(Debug, Clone)]
pub(super) struct Recent {
    most: usize,
    requests: VecDeque<PackageSet>,
    counts: Vec<u32>,
}

impl Recent {
    pub(super) fn new(most: usize) -> Self {
        Self { most: most.max(1), requests: VecDeque::new(), counts: Vec::new() }
    }

    pub(super) fn push(&mut self, packages: &PackageSet) {
        if self.requests.len() == self.most {
            if let Some(oldest) = self.requests.pop_front() {
                for id in oldest.iter() {
                    self.counts[id.index()] -= 1;
                }
            }
        }
        for id in packages.iter() {
            if self.counts.len() <= id.index() {
                self.counts.resize(id.index() + 1, 0);
            }
            self.counts[id.index()] += 1;
        }
        self.requests.push_back(packages.clone());
    }

    pub(super) fn len(&self) -> usize {
        self.requests.len()
    }

    pub(super) fn is_full(&self) -> bool {
        self.requests.len() == self.most
    }

    /// Packages in at least one request, with the number of requests that have them, most first.
    pub(super) fn by_count(&self) -> Vec<(PackageVersionId, u32)> {
        let numbered = self.counts.iter().enumerate().filter(|(_, count)| **count > 0);
        let mut list: Vec<_> =
            numbered.map(|(place, count)| (PackageVersionId(place as u32), *count)).collect();
        list.sort_by_key(|(id, count)| (std::cmp::Reverse(*count), *id));
        list
    }

    /// Distinct requests with their numbers, most first; the later one first among equals.
    pub(super) fn distinct(&self) -> Vec<(&PackageSet, u32)> {
        let mut numbers: rustc_hash::FxHashMap<&PackageSet, (u32, usize)> =
            rustc_hash::FxHashMap::default();
        for (place, request) in self.requests.iter().enumerate() {
            let entry = numbers.entry(request).or_insert((0, place));
            *entry = (entry.0 + 1, place);
        }
        let mut list: Vec<_> = numbers.into_iter().collect();
        list.sort_by_key(|(_, (count, place))| {
            (std::cmp::Reverse(*count), std::cmp::Reverse(*place))
        });
        list.into_iter().map(|(request, (count, _))| (request, count)).collect()
    }
}
