//! Images as other programs exchange them: names, sizes, and lists of packages.

use serde::{Deserialize, Serialize};
use thiserror::Error;

use super::images::{Catalogue, CatalogueError, Image, ImageId};
use super::universe::Universe;
use crate::history::PackageVersion;
use crate::index::Index;

/// An image with everything in it by name.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ImageListing {
    /// Its name in the repository.
    pub id: String,
    /// Bytes that a node has to get.
    pub bytes: u64,
    /// All packages in it, those of the minimal image included.
    pub packages: Vec<PackageVersion>,
}

/// Images by name: a JSON document with the field `images`. Other fields are ignored.
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

    /// Adds the images to a catalogue, their packages to a universe. Packages that the index does not
    /// have any longer keep their name and version.
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
            let image = Image { id: listing.id.clone(), packages, bytes: listing.bytes };
            added.push(catalogue.add(image)?);
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
    fn an_image_cannot_hold_two_versions_of_a_package() {
        let text = br#"{"images":[{"id":"i","bytes":5,"packages":[
            {"package":"a","version":"2"},{"package":"a","version":"1"}]}]}"#;
        let listings = ImageListings::parse(text).expect("images");
        let error = listings.add_to(&mut Catalogue::new(), &mut Universe::new(), &index());
        assert_eq!(error.expect_err("two versions").to_string(), "image i holds a in two versions");
        assert!(ImageListings::parse(b"[]").is_err());
    }
}
