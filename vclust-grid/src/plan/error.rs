//! Why there is no plan.

use std::path::PathBuf;

use thiserror::Error;
use vclust_core::{
    CatalogueError, ImageListingError, MetaPackageError, ResolveError, SelectionError, SpecError,
};
use vclust_debian::StateDirectoryError;

use crate::{DeployError, PackagesError, PastError, RepositoryError};

/// Why a cluster cannot be planned.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum ClusterPlanError {
    /// A file cannot be read.
    #[error("cannot read {}", path.display())]
    Read {
        /// The file.
        path: PathBuf,
        /// What the system says.
        source: std::io::Error,
    },
    /// A file is no spec.
    #[error("{}", path.display())]
    Spec {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        source: Box<SpecError>,
    },
    /// A listing of images cannot be used.
    #[error("{}", path.display())]
    Images {
        /// The file, or what else the listing is.
        path: PathBuf,
        /// What is wrong with it.
        source: ImageListingError,
    },
    /// Packages cannot be loaded.
    #[error(transparent)]
    Packages(#[from] PackagesError),
    /// The request names a meta-package that there is not.
    #[error(transparent)]
    MetaPackage(#[from] MetaPackageError),
    /// The request cannot be fulfilled.
    #[error(transparent)]
    Resolve(#[from] ResolveError),
    /// The repository of images does not answer.
    #[error(transparent)]
    Repository(#[from] RepositoryError),
    /// The minimal image cannot be entered among the others.
    #[error(transparent)]
    Catalogue(#[from] CatalogueError),
    /// Events of the past cannot be read.
    #[error(transparent)]
    Past(#[from] PastError),
    /// Saved machines cannot be looked for.
    #[error(transparent)]
    Templates(#[from] DeployError),
    /// No image or strategy can be used.
    #[error(transparent)]
    Selection(#[from] SelectionError),
    /// There is no state directory to look into.
    #[error(transparent)]
    StateDirectory(#[from] StateDirectoryError),
}
