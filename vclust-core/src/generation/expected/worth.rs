//! What each image of a repository is worth to the requests.

use serde::Serialize;

use super::assign::{Choice, Images};
use super::problem::{MOST_IMAGES, Problem};
use crate::catalogue::PackageSet;

/// What one image is worth.
#[derive(Debug, Clone, Copy, PartialEq, Default, Serialize)]
pub struct ImageWorth {
    /// Share of the requests that are served from it.
    pub share: f64,
    /// Seconds that each of these takes less than from the minimal image, in the mean.
    pub saved_seconds: f64,
    /// Seconds that the mean request would take longer without it: its expected loss.
    pub expected_loss: f64,
    /// Seconds that building it takes the head node.
    pub build_seconds: f64,
}

impl Problem<'_> {
    /// The best image for each request, of any number of images.
    pub(super) fn assign_all(&self, images: &Images) -> Vec<Choice> {
        let mut best = self.assign(&Images::new());
        for (part, some) in images.chunks(MOST_IMAGES).enumerate() {
            for (known, mut new) in best.iter_mut().zip(self.assign(&some.to_vec())) {
                new.image = new.image.map(|place| place + part * MOST_IMAGES);
                if new.seconds < known.seconds {
                    new.otherwise = new.otherwise.min(known.seconds);
                    *known = new;
                } else if new.image.is_some() {
                    known.otherwise = known.otherwise.min(new.seconds);
                }
            }
        }
        best
    }

    /// Mean seconds of the requests with these images and the minimal one.
    #[must_use]
    pub fn mean_seconds(&self, images: &[PackageSet]) -> f64 {
        let images: Images = images.iter().map(|image| self.numbers(image)).collect();
        self.mean(&self.assign_all(&images))
    }

    /// What each of some images is worth beside the others and the minimal one.
    #[must_use]
    pub fn worth(&self, images: &[PackageSet]) -> Vec<ImageWorth> {
        let numbers: Images = images.iter().map(|image| self.numbers(image)).collect();
        let choices = self.assign_all(&numbers);
        let minimal = self.assign(&Images::new());
        let mut worth = vec![ImageWorth::default(); images.len()];
        for ((choice, without), wanted) in choices.iter().zip(&minimal).zip(&self.wanted) {
            let Some(place) = choice.image else { continue };
            let image = &mut worth[place];
            image.share += wanted.weight;
            image.saved_seconds += wanted.weight * (without.seconds - choice.seconds);
            image.expected_loss += wanted.weight * (choice.otherwise - choice.seconds);
        }
        for (image, packages) in worth.iter_mut().zip(images) {
            if image.share > 0.0 {
                image.saved_seconds /= image.share;
            }
            image.build_seconds = self.build_seconds(packages);
        }
        worth
    }
}
