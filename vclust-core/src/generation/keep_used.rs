//! ORE Grid's policy: images that were used are kept.

use rustc_hash::FxHashMap;

use super::{Changes, GenerationPolicy, Making, Repository, Served};
use crate::catalogue::ImageId;

/// Each build's image is kept as it is; the least recently used ones make room.
#[derive(Debug, Clone, Default)]
pub struct KeepUsed {
    used: LastUse,
}

impl KeepUsed {
    /// Keeps nothing yet.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }
}

/// When each image was used last.
#[derive(Debug, Clone, Default)]
pub(super) struct LastUse {
    used: FxHashMap<ImageId, u64>,
}

impl LastUse {
    pub(super) fn touch(&mut self, image: ImageId, number: u64) {
        self.used.insert(image, number);
    }

    /// Takes images that were not there before for used by the request before this one, which brought
    /// them.
    pub(super) fn notice(&mut self, repository: &Repository<'_>, number: u64) {
        for (id, _) in repository.cached() {
            self.used.entry(id).or_insert(number.saturating_sub(1));
        }
    }

    pub(super) fn forget(&mut self, image: ImageId) {
        self.used.remove(&image);
    }

    /// Images to evict, the least recently used first, so that `bytes` more fit; `None` if they do not
    /// fit at all. `spared` has made room already.
    pub(super) fn make_room(
        &mut self,
        bytes: u64,
        spared: Option<ImageId>,
        repository: &Repository<'_>,
    ) -> Option<Vec<ImageId>> {
        // Layers are not its to evict.
        if bytes + repository.catalogue.layer_bytes() > repository.budget {
            return None;
        }
        let mut oldest: Vec<(u64, ImageId, u64)> = repository
            .cached()
            .filter(|(id, _)| Some(*id) != spared)
            .map(|(id, image)| (self.used.get(&id).copied().unwrap_or(0), id, image.bytes))
            .collect();
        oldest.sort_unstable();
        let spared_bytes = spared.and_then(|id| repository.catalogue.get(id));
        let mut used =
            repository.used_bytes() - spared_bytes.map_or(0, |image| image.bytes) + bytes;
        let mut evict = Vec::new();
        for (_, id, size) in oldest {
            if used <= repository.budget {
                break;
            }
            used -= size;
            evict.push(id);
        }
        for id in &evict {
            self.forget(*id);
        }
        Some(evict)
    }
}

impl GenerationPolicy for KeepUsed {
    fn name(&self) -> String {
        "keep-used".to_owned()
    }

    fn served(&mut self, served: &Served<'_>, repository: &Repository<'_>) -> Changes {
        self.used.notice(repository, served.number);
        self.used.touch(served.image, served.number);
        let same =
            repository.catalogue.iter().find(|(_, image)| image.packages == *served.packages);
        if let Some((id, _)) = same {
            self.used.touch(id, served.number);
            return Changes::default();
        }
        let bytes = repository.sizes.of(repository.universe, served.packages);
        match self.used.make_room(bytes, None, repository) {
            None => Changes::default(),
            Some(evict) => {
                let add = vec![(served.packages.clone(), Making::Kept)];
                Changes { evict, add, ..Changes::default() }
            }
        }
    }

    fn decide(&mut self, _: &Repository<'_>) -> Changes {
        Changes::default()
    }
}
