use std::io;
use std::path::PathBuf;

use thiserror::Error;
use vclust_debian::{ImageError, InstallError, LayerError, PoolError, ProductError};

use crate::repository::RepositoryError;

/// Why an image was not built. The repository is as it was.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum BuildError {
    /// A package cannot be had.
    #[error(transparent)]
    Pool(#[from] PoolError),
    /// A package cannot be installed.
    #[error(transparent)]
    Install(#[from] InstallError),
    /// The root cannot be made an image.
    #[error(transparent)]
    Image(#[from] ImageError),
    /// The layer's base cannot be used.
    #[error(transparent)]
    Layer(#[from] LayerError),
    /// A product cannot be written.
    #[error(transparent)]
    Product(#[from] ProductError),
    /// The repository refuses.
    #[error(transparent)]
    Repository(#[from] RepositoryError),
    /// A layer that would hold nothing.
    #[error("the image {base} holds all of that already, so that no layer is needed over it")]
    NothingToAdd {
        /// The image below.
        base: String,
    },
    /// The base of a layer has no erofs image.
    #[error("the image {id} has no erofs file system to build a layer over; build it again")]
    NoErofs {
        /// The image.
        id: String,
    },
    /// A directory of the build cannot be made.
    #[error("cannot make {}", path.display())]
    Access {
        /// The directory.
        path: PathBuf,
        /// What the system says.
        source: io::Error,
    },
}
