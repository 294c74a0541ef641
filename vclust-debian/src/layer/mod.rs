//! Differential layers: what installing packages adds to an image, and nothing else.
//!
//! The image is mounted read-only and an overlay put over it (the kernel's overlayfs); packages are
//! installed there as in any root. What was written, with whiteouts for what was removed, is the
//! layer: put over the same image, it gives the root that dpkg left, dpkg's database included.
//!
//! All mounts are in a mount namespace of the building thread, so nobody else sees them and they are
//! gone with it.

mod attach;
mod error;
mod overlay;

use std::path::{Path, PathBuf};

pub use error::LayerError;
pub(crate) use overlay::Overlay;

use crate::sandbox::in_private_mounts;

/// An image, or a layer of a stack, as a layer is built over it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Below {
    /// A directory that holds the tree. It stays as it is.
    Directory(PathBuf),
    /// A file with an erofs file system.
    Erofs(PathBuf),
}

impl Below {
    fn path(&self) -> &Path {
        match self {
            Self::Directory(path) | Self::Erofs(path) => path,
        }
    }
}

/// Does something in an overlay over images; `work` gets the directory where all of it is one root.
///
/// `below` is the stack from its bottom up, at least one. `scratch` is an empty directory on a file
/// system that can hold an overlay's upper layer; afterwards the layer's tree is in `scratch/layer`,
/// free of what the overlay keeps there for itself.
pub fn build_layer<T: Send, E: Send + From<LayerError>>(
    below: &[Below],
    scratch: &Path,
    work: impl FnOnce(&Path) -> Result<T, E> + Send,
) -> Result<(T, PathBuf), E> {
    let built = in_private_mounts(|| {
        let overlay = Overlay::mount(below, scratch)?;
        let result = work(overlay.root())?;
        Ok((result, overlay.into_layer()?))
    });
    match built {
        Ok(built) => built,
        Err(error) => Err(LayerError::from(error).into()),
    }
}
