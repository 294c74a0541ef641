//! What each image and each layer of a repository is worth to the requests.

use serde::Serialize;

use super::parts::{Choice, MOST_PARTS, Parts};
use super::problem::Problem;
use crate::catalogue::PackageSet;

/// What one image or layer is worth.
#[derive(Debug, Clone, Copy, PartialEq, Default, Serialize)]
#[non_exhaustive]
pub struct ImageWorth {
    /// Share of the requests that are served from it, be it alone or in a stack.
    pub share: f64,
    /// Seconds that each of these takes less than from the minimal image, in the mean.
    pub saved_seconds: f64,
    /// Seconds that the mean request would take longer without it: its expected loss.
    pub expected_loss: f64,
    /// Seconds that building it takes the head node.
    pub build_seconds: f64,
}

impl Problem<'_> {
    /// The best parts for each request, of any number of them. Stacks are sought among each
    /// [`MOST_PARTS`] only.
    pub(super) fn assign_all(&self, parts: &Parts) -> Vec<Choice> {
        let mut best = self.assign(&Parts::new());
        for (number, some) in parts.chunks(MOST_PARTS).enumerate() {
            for (known, new) in best.iter_mut().zip(self.assign(&some.to_vec())) {
                known.join(new, number * MOST_PARTS);
            }
        }
        best
    }

    /// Mean seconds of the requests with these images and layers, and the minimal image.
    #[must_use]
    pub fn mean_seconds(&self, images: &[PackageSet], layers: &[PackageSet]) -> f64 {
        self.mean(&self.assign_all(&self.parts(images, layers)))
    }

    /// What each of some images, and then of some layers, is worth beside the others and the minimal
    /// image. A request that is served from a stack counts for each of its parts.
    #[must_use]
    pub fn worth(&self, images: &[PackageSet], layers: &[PackageSet]) -> Vec<ImageWorth> {
        let parts = self.parts(images, layers);
        let choices = self.assign_all(&parts);
        let minimal = self.assign(&Parts::new());
        let mut worth = vec![ImageWorth::default(); parts.len()];
        for ((choice, without), wanted) in choices.iter().zip(&minimal).zip(&self.wanted) {
            for (place, otherwise) in choice.losses() {
                let part = &mut worth[place];
                part.share += wanted.weight;
                part.saved_seconds += wanted.weight * (without.seconds - choice.seconds);
                part.expected_loss += wanted.weight * (otherwise - choice.seconds);
            }
        }
        let mean = self.mean(&choices);
        for (place, part) in worth.iter_mut().enumerate() {
            if !layers.is_empty() && part.share > 0.0 {
                // Another stack may do instead, which only a new assignment tells.
                let mut others = parts.clone();
                others.remove(place);
                part.expected_loss = (self.mean(&self.assign_all(&others)) - mean).max(0.0);
            }
            if part.share > 0.0 {
                part.saved_seconds /= part.share;
            }
            part.build_seconds = self.build_part_seconds(&parts[place]);
        }
        worth
    }
}
