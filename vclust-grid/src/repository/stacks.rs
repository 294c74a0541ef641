//! Layers on images as what they are to a request: roots with more in them.
//!
//! A layer that was built for one request lies on the image that was chosen for it. The next request for
//! the same, or for less, gets there without building anything, so selection has to know of it.

use std::collections::BTreeMap;

use vclust_core::{ImageKind as ListedKind, ImageListing, PackageVersion};

use super::{ImageKind, ImageRepository, RepositoryError, StoredImage, latest_minimal};

/// A layer with everything below it.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub struct Stack {
    /// The image, then the layers over it; the last is the one that the stack goes by.
    pub parts: Vec<StoredImage>,
}

impl Stack {
    /// The image at the bottom.
    #[must_use]
    pub fn base(&self) -> &StoredImage {
        &self.parts[0]
    }

    /// The layer on top.
    #[must_use]
    pub fn top(&self) -> &StoredImage {
        &self.parts[self.parts.len() - 1]
    }

    /// The stack as an image by the name of its top: all packages, each in its highest part's version.
    ///
    /// What a layer removed from the parts below it is not known here and still listed; dpkg's status
    /// beside the layer has the truth.
    #[must_use]
    pub fn listing(&self) -> ImageListing {
        let mut packages = BTreeMap::new();
        for part in &self.parts {
            packages.extend(
                part.package_versions().into_iter().map(|found| (found.package, found.version)),
            );
        }
        let version = |(package, version)| PackageVersion { package, version };
        ImageListing {
            id: self.top().id.clone(),
            kind: ListedKind::Image,
            bytes: self.parts.iter().map(StoredImage::transfer_bytes).sum(),
            packages: packages.into_iter().map(version).collect(),
        }
    }
}

impl ImageRepository {
    /// An image as a stack: itself with everything below it.
    pub fn stack(&self, image: &StoredImage) -> Result<Stack, RepositoryError> {
        let mut parts = vec![image.clone()];
        while let Some(base) = parts[parts.len() - 1].base.clone() {
            parts.push(self.get(&base)?);
        }
        parts.reverse();
        Ok(Stack { parts })
    }

    /// The layers for an architecture that [`ImageRepository::listings`] leaves out, as they lie on
    /// other images than the latest minimal one. Layers whose base is gone are left out here, too.
    pub fn stacks(&self, architecture: &str) -> Result<Vec<Stack>, RepositoryError> {
        let images = self.list()?;
        let by_id: BTreeMap<&str, &StoredImage> =
            images.iter().map(|image| (image.id.as_str(), image)).collect();
        let minimal = latest_minimal(&images, Some(architecture)).map(|image| image.id.as_str());
        let of = |top: &StoredImage| {
            let mut parts = vec![top.clone()];
            while let Some(base) = &parts[parts.len() - 1].base {
                parts.push((*by_id.get(base.as_str())?).clone());
            }
            parts.reverse();
            Some(Stack { parts })
        };
        let is_left_out = |image: &&StoredImage| {
            image.kind == ImageKind::Layer
                && image.architecture == architecture
                && image.base.as_deref() != minimal
        };
        Ok(images.iter().filter(is_left_out).filter_map(of).collect())
    }
}
