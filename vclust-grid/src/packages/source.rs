//! What can be said about where packages come from.

use std::path::PathBuf;

use vclust_core::{ClusterSpec, MetaPackages};
use vclust_debian::{AptConfiguration, StateDirectory, StateDirectoryError};

use super::error::PackagesError;

/// Where package indexes come from; by default from the sources of the machine's apt.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct PackageSource {
    /// `Packages` files (plain, gz, xz, zst or lz4) in apt's order of sources, instead of all else. An
    /// `InRelease` file beside one, named as in apt's lists, tells its suite.
    pub packages_files: Vec<PathBuf>,
    /// The URI (http, https or file) of an archive, instead of the machine's sources. It goes with `suite`.
    pub mirror: Option<String>,
    /// The archive's suite, such as `bookworm`; a path that ends in `/` is a flat repository.
    pub suite: Option<String>,
    /// Components of the suite; `main` where none is named.
    pub components: Vec<String>,
    /// The keyring whose keys may sign the suite, instead of those that apt trusts.
    pub keyring: Option<PathBuf>,
    /// The root's architecture; by default the machine's, or the one that the files are for.
    pub architecture: Option<String>,
    /// Architectures whose packages are taken, too, as after `dpkg --add-architecture`.
    pub foreign_architectures: Vec<String>,
    /// Where fetched indexes are kept; by default where [`StateDirectory::locate`] says.
    pub state: Option<StateDirectory>,
}

impl PackageSource {
    /// The sources of the machine's apt.
    #[must_use]
    pub fn of_machine() -> Self {
        Self::default()
    }

    /// `Packages` files.
    #[must_use]
    pub fn of_files(files: impl IntoIterator<Item = impl Into<PathBuf>>) -> Self {
        Self { packages_files: files.into_iter().map(Into::into).collect(), ..Self::default() }
    }

    /// A suite of an archive.
    #[must_use]
    pub fn of_archive(mirror: impl Into<String>, suite: impl Into<String>) -> Self {
        Self { mirror: Some(mirror.into()), suite: Some(suite.into()), ..Self::default() }
    }

    /// The source of a cluster's packages: what is said here, else what the spec says.
    #[must_use]
    pub fn for_spec(&self, spec: &ClusterSpec) -> Self {
        let mut source = self.clone();
        if source.packages_files.is_empty() && source.mirror.is_none() {
            source.mirror.clone_from(&spec.debian.mirror);
            source.suite.clone_from(&spec.debian.suite);
        }
        if source.architecture.is_none() {
            source.architecture.clone_from(&spec.debian.architecture);
        }
        source
    }

    /// The architecture of the roots that the source is for, as far as can be said without reading it.
    pub fn root_architecture(&self) -> Result<String, PackagesError> {
        if let Some(architecture) = &self.architecture {
            return Ok(architecture.clone());
        }
        if self.packages_files.is_empty() {
            return Ok(AptConfiguration::load()?.architecture().to_owned());
        }
        Ok(machine_architecture().to_owned())
    }

    pub(super) fn state(&self) -> Result<StateDirectory, StateDirectoryError> {
        self.state.clone().map_or_else(StateDirectory::locate, Ok)
    }
}

/// What the root of a request holds.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub enum RootState {
    /// Nothing.
    #[default]
    Empty,
    /// What a dpkg status file says.
    StatusFile(PathBuf),
    /// All essential packages and apt, with what they need.
    Minimal,
}

/// Debian's name for the architecture this program runs on.
pub(super) fn machine_architecture() -> &'static str {
    match std::env::consts::ARCH {
        "x86_64" => "amd64",
        "aarch64" => "arm64",
        "x86" => "i386",
        "arm" => "armhf",
        "powerpc64" => "ppc64el",
        other => other,
    }
}

/// vclust's meta-packages, with those of further files; a later one takes the place of an earlier one of the
/// same name.
pub fn read_meta_packages(files: &[PathBuf]) -> Result<MetaPackages, PackagesError> {
    let mut all = MetaPackages::shipped();
    for path in files {
        let text = std::fs::read_to_string(path)
            .map_err(|source| PackagesError::Read { path: path.clone(), source })?;
        all.merge(&text, &path.display().to_string())?;
    }
    Ok(all)
}
