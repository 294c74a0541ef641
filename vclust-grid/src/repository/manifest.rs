//! The manifest of an image: what is in it, what it was made of, what its files must be.
//!
//! It lies beside the files it describes and is the truth about them; the catalogue only finds
//! images faster, and counts their uses.

use std::path::Path;

use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256 as Hasher};
use thiserror::Error;
use vclust_core::{Sha256, Timestamp};

/// The form of manifests that this vclust writes.
const FORM: u32 = 1;

/// Name of the archive among the products.
#[must_use]
pub fn root_archive() -> &'static str {
    "root.tar.zst"
}

/// Name of the erofs image among the products.
#[must_use]
pub fn root_erofs() -> &'static str {
    "root.erofs"
}

/// What an image is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum ImageKind {
    /// A whole root.
    Image,
    /// What lies on top of another image, its base.
    Layer,
}

impl ImageKind {
    /// `image` or `layer`.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Image => "image",
            Self::Layer => "layer",
        }
    }
}

/// Digests as texts of 64 digits.
pub(super) mod hexadecimal {
    use serde::{Deserialize, Deserializer, Serializer};
    use vclust_core::Sha256;

    pub(crate) fn serialize<S: Serializer>(digest: &Sha256, out: S) -> Result<S::Ok, S::Error> {
        out.collect_str(digest)
    }

    pub(crate) fn deserialize<'de, D: Deserializer<'de>>(input: D) -> Result<Sha256, D::Error> {
        let text = String::deserialize(input)?;
        text.parse().map_err(serde::de::Error::custom)
    }
}

/// What a build is found by: the SHA-256 of everything that its result depends on.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(transparent)]
pub struct BuildKey(#[serde(with = "hexadecimal")] pub Sha256);

impl BuildKey {
    /// The key of inputs in their order. Each counts with its length, so that no two lists of inputs
    /// run into one another.
    pub fn of<T: AsRef<[u8]>>(inputs: impl IntoIterator<Item = T>) -> Self {
        let mut hasher = Hasher::new();
        for input in inputs {
            hasher.update((input.as_ref().len() as u64).to_le_bytes());
            hasher.update(input);
        }
        Self(Sha256(hasher.finalize().into()))
    }
}

impl std::fmt::Display for BuildKey {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        self.0.fmt(out)
    }
}

/// A package of an image, and the file that it came from.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ManifestPackage {
    /// Its name.
    pub package: String,
    /// Its version.
    pub version: String,
    /// Its architecture, or `all`.
    pub architecture: String,
    /// Bytes of the `.deb`.
    pub size: u64,
    /// The `.deb`'s digest.
    #[serde(with = "hexadecimal")]
    pub sha256: Sha256,
}

/// Something that went into a build, such as a suite's `InRelease`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct InputDigest {
    /// What it is.
    pub name: String,
    /// Its digest.
    #[serde(with = "hexadecimal")]
    pub sha256: Sha256,
}

/// A part of the build and what it took.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ManifestPhase {
    /// Its name.
    pub phase: String,
    /// Seconds.
    pub seconds: f64,
}

/// A file of an image.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Product {
    /// Its name in the image's directory: a suffix tells its form.
    pub name: String,
    /// Its size.
    pub bytes: u64,
    /// Its digest.
    #[serde(with = "hexadecimal")]
    pub sha256: Sha256,
}

/// What a builder says of an image that it made.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct NewImage {
    /// What it is.
    pub kind: ImageKind,
    /// The digest of the content: the SHA-256 of its tar stream.
    #[serde(with = "hexadecimal")]
    pub content: Sha256,
    /// The id of what a layer lies on; none for an image.
    pub base: Option<String>,
    /// How it was made, such as `minimal` or `cache`.
    pub variant: String,
    /// What was asked for beyond the variant, or the base.
    #[serde(default)]
    pub request: Vec<String>,
    /// Debian's name for the machines that it is for.
    pub architecture: String,
    /// All packages of an image; those that a layer adds.
    pub packages: Vec<ManifestPackage>,
    /// Files, directories and links in it.
    pub files: u64,
    /// Bytes in its files.
    pub bytes: u64,
    /// The latest time that a file in it has, in seconds since the start of 1970.
    pub source_date_epoch: u64,
    /// The builder and its version.
    pub builder: String,
    /// What else went into the build.
    pub inputs: Vec<InputDigest>,
    /// When it was built.
    pub created: Timestamp,
    /// Seconds that the build took.
    pub build_seconds: f64,
    /// Parts of the build.
    pub phases: Vec<ManifestPhase>,
    /// Its files.
    pub products: Vec<Product>,
}

/// The file `manifest.json`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Manifest {
    /// The form of the manifest, 1.
    pub form: u32,
    /// The image's name: the first sixteen digits of what it is known by.
    pub id: String,
    /// What the build is found by.
    pub key: BuildKey,
    /// Everything else.
    #[serde(flatten)]
    pub image: NewImage,
}

/// Why a manifest is none.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum ManifestError {
    /// It cannot be read.
    #[error("cannot read it")]
    Read(#[from] std::io::Error),
    /// It is not JSON, or lacks a field.
    #[error("it is damaged")]
    Json(#[from] serde_json::Error),
    /// A newer vclust wrote it.
    #[error("it has form {0}, written by a newer vclust; this one knows form {FORM}")]
    Newer(u32),
    /// Its name does not follow from its content.
    #[error("it names the image {found}, but its content is that of {expected}")]
    Id {
        /// What it says.
        found: String,
        /// What it should say.
        expected: String,
    },
    /// A product has a name that leads elsewhere.
    #[error("a product has the name `{0}`, which is no plain file name")]
    ProductName(String),
    /// A layer without a base, or an image with one.
    #[error("a layer has a base and an image has none; this {} has it the other way", .0.name())]
    Base(ImageKind),
}

impl NewImage {
    /// The name that follows from the content: the first sixteen digits of its digest, for a layer
    /// those of the digest of its base's name and its content, as one layer may be had over two bases.
    #[must_use]
    pub fn id(&self) -> String {
        let digest = match &self.base {
            None => self.content,
            Some(base) => BuildKey::of([base.as_bytes(), &self.content.0]).0,
        };
        digest.to_string()[..16].to_owned()
    }

    /// Checks what every manifest must keep to.
    pub(super) fn check(&self) -> Result<(), ManifestError> {
        if self.base.is_some() != (self.kind == ImageKind::Layer) {
            return Err(ManifestError::Base(self.kind));
        }
        let odd = |name: &&Product| {
            let name = &name.name;
            name.is_empty()
                || name.starts_with('.')
                || name == MANIFEST
                || !name.bytes().all(|byte| byte.is_ascii_alphanumeric() || b".-_+".contains(&byte))
        };
        match self.products.iter().find(odd) {
            Some(product) => Err(ManifestError::ProductName(product.name.clone())),
            None => Ok(()),
        }
    }

    /// Bytes of all its files.
    #[must_use]
    pub fn product_bytes(&self) -> u64 {
        self.products.iter().map(|product| product.bytes).sum()
    }

    /// A file by its name.
    #[must_use]
    pub fn product(&self, name: &str) -> Option<&Product> {
        self.products.iter().find(|product| product.name == name)
    }
}

/// The name of a manifest.
pub(super) const MANIFEST: &str = "manifest.json";

impl Manifest {
    /// The manifest of a build.
    pub(super) fn of(key: BuildKey, image: NewImage) -> Result<Self, ManifestError> {
        image.check()?;
        Ok(Self { form: FORM, id: image.id(), key, image })
    }

    /// Reads the manifest in an image's directory and checks that it is about this image.
    pub(super) fn read(directory: &Path) -> Result<Self, ManifestError> {
        /// Read first, as other fields may be different in other forms.
        #[derive(Deserialize)]
        struct Form {
            form: u32,
        }
        let text = std::fs::read(directory.join(MANIFEST))?;
        let Form { form } = serde_json::from_slice(&text)?;
        if form != FORM {
            return Err(ManifestError::Newer(form));
        }
        let manifest: Self = serde_json::from_slice(&text)?;
        manifest.image.check()?;
        let expected = manifest.image.id();
        let named = directory.file_name().map(std::ffi::OsStr::to_string_lossy);
        for found in [Some(manifest.id.as_str()), named.as_deref()].into_iter().flatten() {
            if found != expected {
                return Err(ManifestError::Id { found: found.to_owned(), expected });
            }
        }
        Ok(manifest)
    }

    /// The text of the file.
    pub(super) fn text(&self) -> Result<Vec<u8>, ManifestError> {
        let mut text = serde_json::to_vec_pretty(self)?;
        text.push(b'\n');
        Ok(text)
    }
}
