//! Whether an image's files are what its builder left.

use std::fmt;
use std::fs;

use vclust_core::Sha256;
use vclust_debian::{OnBytes, file_digest};

use super::ImageRepository;
use super::catalogue::StoredImage;
use super::error::RepositoryError;
use super::manifest::{ImageKind, MANIFEST, Manifest};

/// Something that is wrong with an image.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum Damage {
    /// The manifest cannot be used; nothing else can be said then.
    Manifest {
        /// Why not.
        reason: String,
    },
    /// A file is gone, or is none.
    Missing {
        /// Its name.
        name: String,
    },
    /// A file cannot be read.
    Unreadable {
        /// Its name.
        name: String,
        /// What the system says.
        reason: String,
    },
    /// A file has another size.
    Size {
        /// Its name.
        name: String,
        /// Its size.
        found: u64,
        /// What the manifest says.
        expected: u64,
    },
    /// A file has another content.
    Digest {
        /// Its name.
        name: String,
        /// Its digest.
        found: Sha256,
        /// What the manifest says.
        expected: Sha256,
    },
    /// There is a file that the manifest does not name.
    Unexpected {
        /// Its name.
        name: String,
    },
    /// What a layer lies on is gone.
    NoBase {
        /// Its name.
        base: String,
    },
    /// The catalogue says something else than the manifest.
    Catalogue {
        /// About what.
        what: &'static str,
    },
}

impl fmt::Display for Damage {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Manifest { reason } => write!(out, "{MANIFEST}: {reason}"),
            Self::Missing { name } => write!(out, "{name} is missing"),
            Self::Unreadable { name, reason } => write!(out, "{name} cannot be read: {reason}"),
            Self::Size { name, found, expected } => {
                write!(out, "{name} has {found} bytes instead of {expected}")
            }
            Self::Digest { name, found, expected } => {
                write!(out, "{name} has the digest {found} instead of {expected}")
            }
            Self::Unexpected { name } => write!(out, "{name} does not belong to the image"),
            Self::NoBase { base } => write!(out, "its base {base} is missing"),
            Self::Catalogue { what } => {
                write!(out, "the catalogue and {MANIFEST} differ about its {what}")
            }
        }
    }
}

/// What came of looking at an image.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Verified {
    /// Its name.
    pub id: String,
    /// Bytes that were read.
    pub bytes: u64,
    /// What is wrong, all of it.
    pub damages: Vec<Damage>,
}

impl ImageRepository {
    /// Compares an image's files with its manifest, and the catalogue with both. Everything wrong is
    /// found, not just the first.
    pub fn verify(
        &self,
        image: &StoredImage,
        on_bytes: OnBytes<'_>,
    ) -> Result<Verified, RepositoryError> {
        let id = image.id.clone();
        let mut damages = Vec::new();
        let mut bytes = 0;
        let directory = self.image_directory(&id);
        let _lease = match self.lease(image) {
            Ok(lease) => lease,
            Err(RepositoryError::Unknown { .. }) => {
                let damages = vec![Damage::Missing { name: MANIFEST.to_owned() }];
                return Ok(Verified { id, bytes, damages });
            }
            Err(error) => return Err(error),
        };
        let manifest = match Manifest::read(&directory) {
            Ok(manifest) => manifest,
            Err(error) => {
                let mut reason = error.to_string();
                if let Some(cause) = std::error::Error::source(&error) {
                    reason = format!("{reason}: {cause}");
                }
                return Ok(Verified { id, bytes, damages: vec![Damage::Manifest { reason }] });
            }
        };
        for product in &manifest.image.products {
            let (name, path) = (product.name.clone(), directory.join(&product.name));
            match path.symlink_metadata() {
                Ok(data) if data.is_file() && data.len() == product.bytes => {}
                Ok(data) if data.is_file() => {
                    let (found, expected) = (data.len(), product.bytes);
                    damages.push(Damage::Size { name, found, expected });
                    continue;
                }
                _ => {
                    damages.push(Damage::Missing { name });
                    continue;
                }
            }
            match file_digest(&path, on_bytes) {
                Ok(file) if file.sha256 == product.sha256 => bytes += file.bytes,
                Ok(file) => {
                    bytes += file.bytes;
                    let (found, expected) = (file.sha256, product.sha256);
                    damages.push(Damage::Digest { name, found, expected });
                }
                Err(error) => {
                    let cause = std::error::Error::source(&error).map(ToString::to_string);
                    let reason = cause.unwrap_or_else(|| error.to_string());
                    damages.push(Damage::Unreadable { name, reason });
                }
            }
        }
        for entry in fs::read_dir(&directory).map_err(RepositoryError::read(&directory))? {
            let entry = entry.map_err(RepositoryError::read(&directory))?;
            let name = entry.file_name().to_string_lossy().into_owned();
            if name != MANIFEST && manifest.image.product(&name).is_none() {
                damages.push(Damage::Unexpected { name });
            }
        }
        if let (Some(base), ImageKind::Layer) = (&manifest.image.base, manifest.image.kind) {
            if self.known(base)?.is_none() {
                damages.push(Damage::NoBase { base: base.clone() });
            }
        }
        damages.extend(differences(image, &manifest).map(|what| Damage::Catalogue { what }));
        Ok(Verified { id, bytes, damages })
    }
}

/// What the catalogue has otherwise than the manifest.
fn differences(image: &StoredImage, manifest: &Manifest) -> impl Iterator<Item = &'static str> {
    let new = &manifest.image;
    let mut packages: Vec<_> = new
        .packages
        .iter()
        .map(|entry| (&entry.package, &entry.architecture, &entry.version))
        .collect();
    packages.sort_unstable();
    let known =
        image.packages.iter().map(|entry| (&entry.package, &entry.architecture, &entry.version));
    let mut products: Vec<_> =
        new.products.iter().map(|product| (product.name.clone(), product.bytes)).collect();
    products.sort_unstable();
    [
        ("content", image.content == new.content),
        ("kind", image.kind == new.kind && image.base == new.base),
        ("packages", known.eq(packages)),
        ("files", image.products == products),
    ]
    .into_iter()
    .filter_map(|(what, same)| (!same).then_some(what))
}
