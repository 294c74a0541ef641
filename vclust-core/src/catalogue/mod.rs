//! What a site's repository holds: images as sets of packages, and the sets themselves.
//!
//! Selection and generation compare thousands of sets, so each package in a version gets a dense
//! number in a [`Universe`], sets are bitsets over these numbers, and a [`Catalogue`] keeps its images
//! transposed: one column of images for each package. A target then reads only its own columns.

mod images;
mod layers;
mod listing;
mod set;
mod universe;

pub(crate) use images::WORD;
pub use images::{Catalogue, CatalogueError, Image, ImageId};
pub use layers::{LayerId, LayerImage, Stored};
pub use listing::{ImageKind, ImageListing, ImageListingError, ImageListings};
pub use set::PackageSet;
pub use universe::{PackageVersionId, Universe};
