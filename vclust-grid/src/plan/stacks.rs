//! Layers that earlier requests left on other images than the minimal one, among the candidates.

use std::collections::HashSet;
use std::fs;

use vclust_core::{Candidate, Closure, Index, Selection, Stanzas, Strategy};

use super::ClusterPlanError;
use crate::deploy::MOST_LAYERS;
use crate::repository::Stack;
use crate::{ImageRepository, ROOT_STATUS};

/// Stacks to choose from, and where they lie.
pub(super) struct KnownStacks<'a> {
    pub(super) stacks: Vec<Stack>,
    repository: Option<&'a ImageRepository>,
}

impl<'a> KnownStacks<'a> {
    /// The stacks of a repository, if there is one, that a node can have.
    pub(super) fn of(
        repository: Option<&'a ImageRepository>,
        index: &Index,
    ) -> Result<Self, ClusterPlanError> {
        let mut stacks = match repository {
            Some(repository) => repository.stacks(index.native_architecture())?,
            None => Vec::new(),
        };
        stacks.retain(|stack| stack.parts.len() <= MOST_LAYERS + 1);
        Ok(Self { stacks, repository })
    }

    fn find(&self, id: &str) -> Option<&Stack> {
        self.stacks.iter().find(|stack| stack.top().id == id)
    }

    /// Leaves out what cannot be carried out: nodes install from an image, not from layers over one,
    /// nothing goes over as many layers as a node can have, and a layer may have removed what the request
    /// wants. As many candidates as wanted stay.
    pub(super) fn only_usable(
        &self,
        mut selection: Selection,
        wanted: &Closure<'_>,
        kept: usize,
    ) -> Selection {
        let before = selection.candidates.len();
        let is_possible = |candidate: &Candidate| {
            let Some(stack) = self.find(&candidate.image) else { return true };
            let adds = candidate.missing + candidate.removals > 0 || !candidate.layers.is_empty();
            candidate.strategy != Strategy::Install && !(adds && stack.parts.len() > MOST_LAYERS)
        };
        selection.candidates.retain(is_possible);
        selection.considered -= before - selection.candidates.len();
        let candidates = std::mem::take(&mut selection.candidates);
        let usable = candidates.into_iter().filter(|candidate| {
            let stack = self.find(&candidate.image);
            candidate.missing > 0 || stack.is_none_or(|stack| self.holds(stack, wanted))
        });
        selection.candidates = usable.take(kept).collect();
        selection
    }

    /// Whether all packages of a closure are in a stack, by dpkg's status beside its top.
    fn holds(&self, stack: &Stack, wanted: &Closure<'_>) -> bool {
        let Some(repository) = self.repository else { return false };
        let Ok(status) = fs::read(repository.path_of(stack.top()).join(ROOT_STATUS)) else {
            return false;
        };
        let value = |value: Option<&[u8]>| {
            String::from_utf8_lossy(value.unwrap_or_default()).trim().to_owned()
        };
        let there: HashSet<(String, String)> = Stanzas::new(&status)
            .filter(|stanza| value(stanza.value("Status")).ends_with(" installed"))
            .map(|stanza| (value(stanza.value("Package")), value(stanza.value("Version"))))
            .collect();
        wanted.install().all(|version| {
            there.contains(&(version.name().into_owned(), version.version().into_owned()))
        })
    }
}
