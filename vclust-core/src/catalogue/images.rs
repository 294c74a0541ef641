//! The images of a site, by the packages in them.

use rustc_hash::FxHashMap;
use serde::Serialize;
use thiserror::Error;

use super::layers::Layers;
use super::set::PackageSet;
use super::universe::PackageVersionId;

/// The place of an image in a [`Catalogue`]; given anew after the image is removed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(transparent)]
pub struct ImageId(pub(crate) u32);

impl ImageId {
    /// Position in tables over the catalogue.
    #[must_use]
    pub fn index(self) -> usize {
        self.0 as usize
    }
}

/// A root file system with a known set of packages.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Image {
    /// Its name in the repository, such as the hash of its content.
    pub id: String,
    /// All packages in it, those of the minimal image included.
    pub packages: PackageSet,
    /// Bytes that a node has to get, compressed as the repository keeps them.
    pub bytes: u64,
}

/// Why an image is not taken into a catalogue.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum CatalogueError {
    /// An image or a layer of that name is there.
    #[error("image {id} is in the catalogue already")]
    Duplicate {
        /// Its name.
        id: String,
    },
    /// An image larger than any there is.
    #[error("image {id} has {bytes} bytes, beyond the {most} that could be true")]
    TooLarge {
        /// Its name.
        id: String,
        /// Its size.
        bytes: u64,
        /// The most that is taken.
        most: u64,
    },
    /// An image without a byte, or without a name.
    #[error("image `{id}` has no name or no content")]
    Empty {
        /// Its name.
        id: String,
    },
}

/// Images, kept transposed: for each package, which images have it.
#[derive(Debug, Clone, Default)]
pub struct Catalogue {
    images: Vec<Option<Image>>,
    sizes: Vec<u32>,
    free: Vec<ImageId>,
    by_name: FxHashMap<String, ImageId>,
    /// By package: a bit for each image, in words; short where the rest is zero.
    columns: Vec<Vec<u64>>,
    pub(super) layers: Layers,
}

/// No image has more than a tebibyte, as in events.
const MOST_BYTES: u64 = 1 << 40;
/// Images to a word of a column.
pub(crate) const WORD: usize = 64;

impl Catalogue {
    /// A catalogue without images.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds an image.
    pub fn add(&mut self, image: Image) -> Result<ImageId, CatalogueError> {
        self.check(&image.id, image.bytes)?;
        let id = self.free.pop().unwrap_or_else(|| {
            self.images.push(None);
            self.sizes.push(0);
            ImageId(self.images.len() as u32 - 1)
        });
        let (word, bit) = (id.index() / WORD, id.index() % WORD);
        for package in image.packages.iter() {
            if self.columns.len() <= package.index() {
                self.columns.resize_with(package.index() + 1, Vec::new);
            }
            let column = &mut self.columns[package.index()];
            if column.len() <= word {
                column.resize(word + 1, 0);
            }
            column[word] |= 1 << bit;
        }
        self.by_name.insert(image.id.clone(), id);
        self.sizes[id.index()] = image.packages.len() as u32;
        self.images[id.index()] = Some(image);
        Ok(id)
    }

    /// Whether something of that name and size can be added.
    pub(super) fn check(&self, id: &str, bytes: u64) -> Result<(), CatalogueError> {
        let id = id.to_owned();
        if self.by_name.contains_key(&id) || self.find_layer(&id).is_some() {
            return Err(CatalogueError::Duplicate { id });
        }
        if id.is_empty() || bytes == 0 {
            return Err(CatalogueError::Empty { id });
        }
        if bytes > MOST_BYTES {
            return Err(CatalogueError::TooLarge { id, bytes, most: MOST_BYTES });
        }
        Ok(())
    }

    /// Takes an image out.
    pub fn remove(&mut self, id: ImageId) -> Option<Image> {
        let image = self.images.get_mut(id.index())?.take()?;
        let (word, bit) = (id.index() / WORD, id.index() % WORD);
        for package in image.packages.iter() {
            self.columns[package.index()][word] &= !(1 << bit);
        }
        self.by_name.remove(&image.id);
        self.free.push(id);
        Some(image)
    }

    /// An image by its place.
    #[must_use]
    pub fn get(&self, id: ImageId) -> Option<&Image> {
        self.images.get(id.index())?.as_ref()
    }

    /// The place of an image by its name.
    #[must_use]
    pub fn find(&self, name: &str) -> Option<ImageId> {
        self.by_name.get(name).copied()
    }

    /// All images with their places.
    pub fn iter(&self) -> impl Iterator<Item = (ImageId, &Image)> {
        let numbered = self.images.iter().enumerate();
        numbered.filter_map(|(place, image)| Some((ImageId(place as u32), image.as_ref()?)))
    }

    /// Number of images.
    #[must_use]
    pub fn len(&self) -> usize {
        self.by_name.len()
    }

    /// Whether there is none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.by_name.is_empty()
    }

    /// Bytes of all images together, layers left out.
    #[must_use]
    pub fn bytes(&self) -> u64 {
        self.iter().map(|(_, image)| image.bytes).sum()
    }

    /// Number of places, free ones included.
    pub(crate) fn places(&self) -> usize {
        self.images.len()
    }

    /// Number of packages of the image at a place.
    pub(crate) fn package_count(&self, place: usize) -> u32 {
        self.sizes[place]
    }

    /// Which images have a package: a bit each.
    pub(crate) fn column(&self, package: PackageVersionId) -> &[u64] {
        self.columns.get(package.index()).map_or(&[], Vec::as_slice)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn image(id: &str, packages: &[u32]) -> Image {
        let packages = packages.iter().map(|number| PackageVersionId(*number)).collect();
        Image { id: id.to_owned(), packages, bytes: 10 }
    }

    #[test]
    fn a_removed_image_leaves_nothing_to_the_next_at_its_place() {
        let mut catalogue = Catalogue::new();
        let first = catalogue.add(image("a", &[1, 70])).expect("a new image");
        catalogue.add(image("b", &[1])).expect("a new image");
        assert_eq!(catalogue.remove(first).map(|image| image.id).as_deref(), Some("a"));
        assert_eq!(catalogue.remove(first), None);
        let next = catalogue.add(image("c", &[2])).expect("a new image");
        assert_eq!((next, catalogue.len(), catalogue.bytes()), (first, 2, 20));
        assert_eq!(catalogue.column(PackageVersionId(70)), [0]);
        assert_eq!(catalogue.column(PackageVersionId(1)), [2]);
        assert!(catalogue.column(PackageVersionId(999)).is_empty());
        assert_eq!(catalogue.find("a"), None);
    }

    #[test]
    fn images_are_named_once_and_have_content() {
        let mut catalogue = Catalogue::new();
        catalogue.add(image("a", &[1])).expect("a new image");
        let twice = catalogue.add(image("a", &[2]));
        assert_eq!(twice, Err(CatalogueError::Duplicate { id: "a".to_owned() }));
        let empty = catalogue.add(Image { bytes: 0, ..image("b", &[2]) });
        assert_eq!(empty, Err(CatalogueError::Empty { id: "b".to_owned() }));
    }
}
