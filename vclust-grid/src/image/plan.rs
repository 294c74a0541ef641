//! From a closure to what a build needs of it: packages, and where each is fetched from.

use std::collections::HashMap;
use std::fmt::Write;

use sha2::Digest as _;
use thiserror::Error;
use vclust_core::{Closure, PackageVersion, Sha256, VersionView};
use vclust_debian::WantedPackage;

/// What builds make of the same packages. It counts up whenever that changes, so that images of older
/// builds are not taken for those of newer ones.
const FORMAT: u32 = 3;

/// The archives that package indexes belong to: names of index files, with the archives' URIs.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Archives(HashMap<String, String>);

impl<N: Into<String>, U: Into<String>> FromIterator<(N, U)> for Archives {
    fn from_iter<T: IntoIterator<Item = (N, U)>>(pairs: T) -> Self {
        Self(pairs.into_iter().map(|(name, uri)| (name.into(), uri.into())).collect())
    }
}

/// A package of a build.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct PlannedPackage {
    /// Its name.
    pub name: String,
    /// Its version.
    pub version: String,
    /// Its architecture, or `all`.
    pub architecture: String,
    /// Bytes after installation, as its maintainer states them.
    pub installed_size: u64,
    /// Where it comes from.
    pub wanted: WantedPackage,
}

impl PlannedPackage {
    /// A version of a package. `archives` knows the index files that the version's index was read
    /// from.
    pub fn of(version: &VersionView<'_>, archives: &Archives) -> Result<Self, PlanError> {
        let name = version.name().into_owned();
        let missing = |field| PlanError::NoDigest { package: name.clone(), field };
        let archive = version.files().find_map(|file| archives.0.get(&file.name));
        let archive = archive.ok_or_else(|| PlanError::NoArchive {
            package: name.clone(),
            version: version.version().into_owned(),
        })?;
        let sha256 = version.field("SHA256").and_then(|text| text.trim().parse().ok());
        let path = version.field("Filename").ok_or_else(|| missing("Filename"))?;
        Ok(Self {
            version: version.version().into_owned(),
            architecture: version.architecture().to_owned(),
            installed_size: version.installed_size(),
            wanted: WantedPackage {
                name: name.clone(),
                archive: archive.clone(),
                path: path.into_owned(),
                size: version.size(),
                sha256: sha256.ok_or_else(|| missing("SHA256"))?,
            },
            name,
        })
    }

    /// Name and version.
    #[must_use]
    pub fn package_version(&self) -> PackageVersion {
        PackageVersion { package: self.name.clone(), version: self.version.clone() }
    }
}

/// The packages of an image or a layer to be built.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct ImagePlan {
    /// dpkg's native architecture.
    pub architecture: String,
    /// What is installed, in dpkg's order.
    pub packages: Vec<PlannedPackage>,
    /// What is removed from the image below.
    pub remove: Vec<String>,
}

/// Why a closure cannot be built.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum PlanError {
    /// The version is only known from the root.
    #[error(
        "no archive that is known offers {package} {version}; bring the package lists up to date, or \
         name the archive with --mirror and --suite (a file of --packages-file says of none)"
    )]
    NoArchive {
        /// The package.
        package: String,
        /// Its version.
        version: String,
    },
    /// An index names no SHA-256 for a package.
    #[error("the index does not say what {package} must be (no usable field `{field}`)")]
    NoDigest {
        /// The package.
        package: String,
        /// What is missing.
        field: &'static str,
    },
}

impl ImagePlan {
    /// What a closure needs. `archives` knows the index files that the closure's index was read from.
    pub fn of(closure: &Closure<'_>, archives: &Archives) -> Result<Self, PlanError> {
        let packages = closure.install().map(|version| PlannedPackage::of(&version, archives));
        Ok(Self {
            architecture: closure.index().native_architecture().to_owned(),
            packages: packages.collect::<Result<_, _>>()?,
            remove: closure.remove().map(|version| version.name().into_owned()).collect(),
        })
    }

    /// A digest over all that decides what the build makes: `settings`, the packages with their
    /// digests in their order, and what is removed. Builds of the same key make the same bytes.
    #[must_use]
    pub fn key(&self, settings: &[(&str, &str)]) -> Sha256 {
        let mut text = format!("vclust image, format {FORMAT}\n");
        for (name, value) in settings {
            let _ = writeln!(text, "{name} {value}");
        }
        let _ = writeln!(text, "architecture {}", self.architecture);
        for name in &self.remove {
            let _ = writeln!(text, "remove {name}");
        }
        for package in &self.packages {
            let _ = writeln!(text, "install {} {}", package.name, package.wanted.sha256);
        }
        Sha256(sha2::Sha256::digest(text.as_bytes()).into())
    }

    /// Bytes of all packages as archives have them.
    #[must_use]
    pub fn download_bytes(&self) -> u64 {
        self.packages.iter().map(|package| package.wanted.size).sum()
    }
}
