//! Images as answers have them: a contract for JSON, and a line of a table for people.

use serde::Serialize;
use vclust_core::{PackageVersion, Timestamp};
use vclust_grid::{ImageKind, StoredImage};

/// An image in a JSON answer. `id`, `bytes` and `packages` are what other commands read.
#[derive(Serialize)]
pub(super) struct ImageAnswer<'a> {
    id: &'a str,
    kind: ImageKind,
    content: String,
    base: Option<&'a str>,
    variant: &'a str,
    request: &'a [String],
    architecture: &'a str,
    /// Bytes that a node has to get.
    bytes: u64,
    /// Bytes of all its files.
    stored_bytes: u64,
    /// Bytes in the files of its root.
    content_bytes: u64,
    files: u64,
    uses: u64,
    created: Timestamp,
    last_used: Timestamp,
    build_seconds: f64,
    packages: Vec<PackageVersion>,
    products: Vec<ProductAnswer<'a>>,
}

#[derive(Serialize)]
struct ProductAnswer<'a> {
    name: &'a str,
    bytes: u64,
}

impl<'a> ImageAnswer<'a> {
    pub(super) fn of(image: &'a StoredImage) -> Self {
        let products = image.products.iter();
        Self {
            id: &image.id,
            kind: image.kind,
            content: image.content.to_string(),
            base: image.base.as_deref(),
            variant: &image.variant,
            request: &image.request,
            architecture: &image.architecture,
            bytes: image.transfer_bytes(),
            stored_bytes: image.stored_bytes(),
            content_bytes: image.content_bytes,
            files: image.files,
            uses: image.uses,
            created: image.created,
            last_used: image.last_used,
            build_seconds: image.build_seconds,
            packages: image.package_versions(),
            products: products.map(|(name, bytes)| ProductAnswer { name, bytes: *bytes }).collect(),
        }
    }
}

/// A moment to the minute.
pub(super) fn minute(moment: Timestamp) -> String {
    let text = moment.to_string();
    text.get(..16).unwrap_or(&text).replace('T', " ")
}
