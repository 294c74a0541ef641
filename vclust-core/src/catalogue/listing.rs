//! Images as other programs exchange them: names, sizes, and lists of packages.

use serde::{Deserialize, Serialize};
use thiserror::Error;

use super::images::{Catalogue, CatalogueError, Image, ImageId};
use super::layers::LayerImage;
use super::universe::Universe;
use crate::history::PackageVersion;
use crate::index::Index;

/// What an entry of a list is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum ImageKind {
    /// A whole root.
    #[default]
    Image,
    /// What some packages add over the minimal image.
    Layer,
}

/// An image or a layer with everything in it by name.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ImageListing {
    /// Its name in the repository.
    pub id: String,
    /// Which of the two it is; an image where nothing is said.
    #[serde(default)]
    pub kind: ImageKind,
    /// Bytes that a node has to get.
    pub bytes: u64,
    /// Of an image all packages in it, those of the minimal image included; of a layer those that it
    /// adds.
    pub packages: Vec<PackageVersion>,
}

/// Images and layers by name: a JSON document with the field `images`. Other fields are ignored.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct ImageListings {
    /// The images.
    pub images: Vec<ImageListing>,
}

/// Why a text is no list of images.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum ImageListingError {
    /// Not JSON, or without the fields that images have.
    #[error("this is no list of images")]
    Json(#[from] serde_json::Error),
    /// An image that the catalogue does not take.
    #[error(transparent)]
    Catalogue(#[from] CatalogueError),
    /// One image holds a package twice.
    #[error("image {image} holds {package} in two versions")]
    TwoVersions {
        /// The image.
        image: String,
        /// The package.
        package: String,
    },
}

impl ImageListings {
    /// Reads a JSON document.
    pub fn parse(text: &[u8]) -> Result<Self, ImageListingError> {
        Ok(serde_json::from_slice(text)?)
    }

    /// Adds images and layers to a catalogue, their packages to a universe, and gives the images'
    /// places. Packages that the index does not have any longer keep their name and version.
    pub fn add_to(
        &self,
        catalogue: &mut Catalogue,
        universe: &mut Universe,
        index: &Index,
    ) -> Result<Vec<ImageId>, ImageListingError> {
        let mut added = Vec::with_capacity(self.images.len());
        for listing in &self.images {
            let packages = universe.add_all(&listing.packages, index);
            if let Some(twice) = two_versions(&listing.packages) {
                let (image, package) = (listing.id.clone(), twice.to_owned());
                return Err(ImageListingError::TwoVersions { image, package });
            }
            let (id, bytes) = (listing.id.clone(), listing.bytes);
            match listing.kind {
                ImageKind::Image => added.push(catalogue.add(Image { id, packages, bytes })?),
                ImageKind::Layer => {
                    catalogue.add_layer(LayerImage { id, packages, bytes })?;
                }
            }
        }
        Ok(added)
    }
}

fn two_versions(packages: &[PackageVersion]) -> Option<&str> {
    let mut versions = rustc_hash::FxHashMap::default();
    packages.iter().find_map(|package| {
        let before = versions.insert(&package.package, &package.version);
        before.is_some_and(|version| *version != package.version).then_some(&*package.package)
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::index::FileOrigin;

    fn index() -> Index {
        let mut builder = Index::builder("amd64");
        let file = b"Package: a\nVersion: 2\nArchitecture: all\nSize: 7\n";
        builder.packages(&file[..], FileOrigin::named("test")).expect("a Packages file");
        builder.build().expect("an index")
    }

    #[test]
    fn an_image_keeps_packages_that_vanished_from_the_index() {
        let text = br#"{"policy":"x","images":[{"id":"i","bytes":5,"share":0.5,"packages":[
            {"package":"a","version":"2"},{"package":"gone","version":"1"}]}]}"#;
        let (mut catalogue, mut universe) = (Catalogue::new(), Universe::new());
        let listings = ImageListings::parse(text).expect("images");
        let ids = listings.add_to(&mut catalogue, &mut universe, &index()).expect("images");
        let image = catalogue.get(ids[0]).expect("it was added");
        assert_eq!(image.packages.len(), 2);
        assert_eq!(universe.deb_bytes_of(&image.packages), 7);
        let again = listings.add_to(&mut catalogue, &mut universe, &index());
        assert_eq!(again.expect_err("twice").to_string(), "image i is in the catalogue already");
    }

    #[test]
    fn an_entry_may_be_a_layer() {
        let text = br#"{"images":[{"id":"i","kind":"layer","bytes":5,"packages":[
            {"package":"a","version":"2"}]}]}"#;
        let (mut catalogue, mut universe) = (Catalogue::new(), Universe::new());
        let listings = ImageListings::parse(text).expect("a layer");
        let images = listings.add_to(&mut catalogue, &mut universe, &index()).expect("a layer");
        assert!(images.is_empty() && catalogue.is_empty());
        let (_, layer) = catalogue.layers().next().expect("it was added");
        assert_eq!((layer.id.as_str(), layer.bytes, layer.packages.len()), ("i", 5, 1));
        let written = serde_json::to_string(&listings).expect("JSON");
        assert_eq!(ImageListings::parse(written.as_bytes()).expect("a layer"), listings);
        let unknown = String::from_utf8_lossy(text).replace("layer", "disk");
        assert!(ImageListings::parse(unknown.as_bytes()).is_err());
    }

    #[test]
    fn an_image_cannot_hold_two_versions_of_a_package() {
        let text = br#"{"images":[{"id":"i","bytes":5,"packages":[
            {"package":"a","version":"2"},{"package":"a","version":"1"}]}]}"#;
        let listings = ImageListings::parse(text).expect("images");
        let error = listings.add_to(&mut Catalogue::new(), &mut Universe::new(), &index());
        assert_eq!(error.expect_err("two versions").to_string(), "image i holds a in two versions");
        assert!(ImageListings::parse(b"[]").is_err());
    }
}
