//! From the command line's idea of where packages come from to an index.

use std::path::{Path, PathBuf};

use bytes::Bytes;
use vclust_core::{FileOrigin, MetaPackages};
use vclust_grid::{PackageSource, RootState, read_meta_packages};

use crate::arguments::{Root, Source};
use crate::failure::Failure;
use crate::progress::Bars;

pub(crate) use vclust_grid::LoadedIndex as Loaded;

impl From<&Source> for PackageSource {
    fn from(source: &Source) -> Self {
        Self {
            packages_files: source.packages_file.clone(),
            mirror: source.mirror.clone(),
            suite: source.suite.clone(),
            components: source.component.clone(),
            keyring: source.keyring.clone(),
            architecture: source.architecture.clone(),
            foreign_architectures: source.foreign_architecture.clone(),
            state: None,
        }
    }
}

impl From<PackageSource> for Source {
    fn from(source: PackageSource) -> Self {
        Self {
            packages_file: source.packages_files,
            mirror: source.mirror,
            suite: source.suite,
            component: source.components,
            keyring: source.keyring,
            architecture: source.architecture,
            foreign_architecture: source.foreign_architectures,
        }
    }
}

/// What the root of a request holds.
pub(crate) fn root_of(status: Option<&Path>, root: Option<Root>) -> RootState {
    match (status, root) {
        (Some(path), _) => RootState::StatusFile(path.to_owned()),
        (None, Some(Root::Minimal)) => RootState::Minimal,
        (None, Some(Root::Empty) | None) => RootState::Empty,
    }
}

/// Loads the indexes and the root.
pub(crate) fn load(source: &Source, root: &RootState) -> Result<Loaded, Failure> {
    let bars = Bars::new();
    let loaded = PackageSource::from(source).load(root, &|progress| bars.report(progress));
    bars.clear();
    Ok(loaded?)
}

/// Loads the indexes, another `Packages` file that was made up, and the root.
pub(crate) fn load_with(
    source: &Source,
    root: &RootState,
    made_up: (Bytes, FileOrigin),
) -> Result<Loaded, Failure> {
    let bars = Bars::new();
    let source = PackageSource::from(source);
    let loaded = source.load_with(root, Some(made_up), &|progress| bars.report(progress));
    bars.clear();
    Ok(loaded?)
}

/// vclust's meta-packages with the user's files.
pub(crate) fn meta_packages(files: &[PathBuf]) -> Result<MetaPackages, Failure> {
    Ok(read_meta_packages(files)?)
}
