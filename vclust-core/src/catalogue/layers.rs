//! The layers of a site, beside its images.
//!
//! A layer holds what a set of packages, closed under dependencies, adds over the minimal image: files and
//! the package database of the two together. It is no root by itself, so it is kept apart from images and
//! its bytes do not count the minimal image again.

use serde::Serialize;

use super::images::{Catalogue, CatalogueError, Image};
use super::set::PackageSet;

/// The place of a layer in a [`Catalogue`]; given anew after the layer is removed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(transparent)]
pub struct LayerId(pub(crate) u32);

impl LayerId {
    /// Position in tables over the catalogue's layers.
    #[must_use]
    pub fn index(self) -> usize {
        self.0 as usize
    }
}

/// A read-only file system of what a set of packages adds over the minimal image.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LayerImage {
    /// Its name in the repository; no image has the same.
    pub id: String,
    /// The packages that it adds, those of the minimal image left out.
    pub packages: PackageSet,
    /// Bytes that the repository keeps of it.
    pub bytes: u64,
}

/// What a repository holds, the minimal image left out.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Stored {
    /// Images.
    pub images: Vec<Image>,
    /// Layers over the minimal image.
    pub layers: Vec<LayerImage>,
}

impl Stored {
    /// Bytes of all together.
    #[must_use]
    pub fn bytes(&self) -> u64 {
        let images: u64 = self.images.iter().map(|image| image.bytes).sum();
        images + self.layers.iter().map(|layer| layer.bytes).sum::<u64>()
    }
}

/// Layers by place.
#[derive(Debug, Clone, Default)]
pub(super) struct Layers {
    places: Vec<Option<LayerImage>>,
}

impl Catalogue {
    /// Adds a layer. Fails where the name is taken, by an image or a layer, or nothing is in it.
    pub fn add_layer(&mut self, layer: LayerImage) -> Result<LayerId, CatalogueError> {
        self.check(&layer.id, layer.bytes)?;
        if layer.packages.is_empty() {
            return Err(CatalogueError::Empty { id: layer.id });
        }
        let places = &mut self.layers.places;
        let free = places.iter().position(Option::is_none).unwrap_or(places.len());
        if free == places.len() {
            places.push(None);
        }
        places[free] = Some(layer);
        Ok(LayerId(free as u32))
    }

    /// Takes a layer out.
    pub fn remove_layer(&mut self, id: LayerId) -> Option<LayerImage> {
        self.layers.places.get_mut(id.index())?.take()
    }

    /// A layer by its place.
    #[must_use]
    pub fn layer(&self, id: LayerId) -> Option<&LayerImage> {
        self.layers.places.get(id.index())?.as_ref()
    }

    /// The place of a layer by its name.
    #[must_use]
    pub fn find_layer(&self, name: &str) -> Option<LayerId> {
        self.layers().find(|(_, layer)| layer.id == name).map(|(id, _)| id)
    }

    /// All layers with their places.
    pub fn layers(&self) -> impl Iterator<Item = (LayerId, &LayerImage)> {
        let numbered = self.layers.places.iter().enumerate();
        numbered.filter_map(|(place, layer)| Some((LayerId(place as u32), layer.as_ref()?)))
    }

    /// Bytes of all layers together.
    #[must_use]
    pub fn layer_bytes(&self) -> u64 {
        self.layers().map(|(_, layer)| layer.bytes).sum()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::catalogue::PackageVersionId;

    fn layer(id: &str, packages: &[u32]) -> LayerImage {
        let packages = packages.iter().map(|number| PackageVersionId(*number)).collect();
        LayerImage { id: id.to_owned(), packages, bytes: 10 }
    }

    #[test]
    fn a_removed_layer_leaves_its_place_and_its_name_to_the_next() {
        let mut catalogue = Catalogue::new();
        let first = catalogue.add_layer(layer("a", &[1])).expect("a new layer");
        catalogue.add_layer(layer("b", &[2])).expect("a new layer");
        assert_eq!(catalogue.remove_layer(first).map(|layer| layer.id).as_deref(), Some("a"));
        assert_eq!(catalogue.remove_layer(first), None);
        assert_eq!(catalogue.find_layer("a"), None);
        let next = catalogue.add_layer(layer("a", &[3])).expect("a new layer");
        assert_eq!((next, catalogue.layers().count(), catalogue.layer_bytes()), (first, 2, 20));
    }

    #[test]
    fn layers_and_images_share_their_names_and_nothing_else() {
        let mut catalogue = Catalogue::new();
        catalogue.add_layer(layer("a", &[1])).expect("a new layer");
        let packages = PackageSet::new();
        let image = |id: &str| Image { id: id.to_owned(), packages: packages.clone(), bytes: 7 };
        let taken = Err(CatalogueError::Duplicate { id: "a".to_owned() });
        assert_eq!(catalogue.add(image("a")), taken);
        catalogue.add(image("b")).expect("a new image");
        let taken = Err(CatalogueError::Duplicate { id: "b".to_owned() });
        assert_eq!(catalogue.add_layer(layer("b", &[1])), taken);
        let empty = Err(CatalogueError::Empty { id: "c".to_owned() });
        assert_eq!(catalogue.add_layer(layer("c", &[])), empty);
        assert_eq!((catalogue.len(), catalogue.bytes(), catalogue.layer_bytes()), (1, 7, 10));
    }
}
