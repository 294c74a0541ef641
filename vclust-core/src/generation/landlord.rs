//! LANDLORD's policy: similar requests share an image that grows.

use super::keep_used::LastUse;
use super::{Changes, GenerationPolicy, Making, Repository, Served};
use crate::catalogue::ImageId;

/// A request that no image covers is merged into the most similar one, if their Jaccard distance is
/// below `alpha`; else it gets an image of its own. The least recently used images make room (T.
/// Shaffer, N. Hazekamp, J. Blomer, D. Thain: Solving the container explosion problem for distributed
/// high throughput computing, IPDPS 2020).
#[derive(Debug, Clone)]
pub struct Landlord {
    alpha: f64,
    used: LastUse,
}

impl Landlord {
    /// Merges what is nearer than `alpha`, between 0 (never) and 1 (always).
    #[must_use]
    pub fn new(alpha: f64) -> Self {
        Self { alpha, used: LastUse::default() }
    }
}

impl GenerationPolicy for Landlord {
    fn name(&self) -> String {
        format!("landlord:{}", self.alpha)
    }

    fn served(&mut self, served: &Served<'_>, repository: &Repository<'_>) -> Changes {
        self.used.notice(repository, served.number);
        let covering = repository
            .cached()
            .filter(|(_, image)| served.packages.is_subset(&image.packages))
            .min_by_key(|(id, image)| (image.bytes, *id));
        if let Some((id, _)) = covering {
            self.used.touch(id, served.number);
            return Changes::default();
        }
        let near = repository
            .cached()
            .map(|(id, image)| (image.packages.jaccard_distance(served.packages), id))
            .filter(|(distance, id)| {
                *distance < self.alpha && self.goes_with(*id, served, repository)
            })
            .min_by(|a, b| a.0.total_cmp(&b.0).then(a.1.cmp(&b.1)));
        let mut merged = served.packages.clone();
        let mut replaced = None;
        if let Some(image) = near.and_then(|(_, id)| repository.catalogue.get(id)) {
            let mut union = image.packages.clone();
            union.union_with(served.packages);
            // An image that outgrows the budget is no use to anybody.
            if repository.sizes.of(repository.universe, &union) <= repository.budget {
                merged = union;
                replaced = near.map(|(_, id)| id);
            }
        }
        let bytes = repository.sizes.of(repository.universe, &merged);
        match self.used.make_room(bytes, replaced, repository) {
            None => Changes::default(),
            Some(mut evict) => {
                if let Some(id) = replaced {
                    self.used.forget(id);
                    evict.push(id);
                }
                Changes { evict, add: vec![(merged, Making::Built)], ..Changes::default() }
            }
        }
    }

    fn decide(&mut self, _: &Repository<'_>) -> Changes {
        Changes::default()
    }
}

impl Landlord {
    /// Whether an image can be merged with a request: no conflicts, and no other versions.
    #[expect(clippy::unused_self, reason = "one rule of this policy")]
    fn goes_with(&self, id: ImageId, served: &Served<'_>, repository: &Repository<'_>) -> bool {
        let Some(image) = repository.catalogue.get(id) else { return false };
        let universe = repository.universe;
        served.packages.difference(&image.packages).all(|new| {
            !universe.conflicts(new).iter().any(|other| image.packages.contains(*other))
                && !universe.other_versions(new).any(|other| image.packages.contains(other))
        })
    }
}
