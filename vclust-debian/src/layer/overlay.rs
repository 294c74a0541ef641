//! The overlay that a layer is built in.

use std::ffi::{CString, OsStr};
use std::fs::{self, Permissions};
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::path::{Path, PathBuf};

use rustix::mount::{MountFlags, UnmountFlags, mount, unmount};

use super::attach::mount_erofs;
use super::{Below, LayerError};

/// Attributes by which an overlay finds its way back to what lies below. They name inodes of this
/// build and mean nothing elsewhere; whiteouts and opaque directories need none of them.
const OWN_ATTRIBUTES: [&str; 5] = ["origin", "impure", "nlink", "upper", "uuid"];

/// A mounted overlay, in the mount namespace of its thread.
#[derive(Debug)]
pub(crate) struct Overlay {
    root: PathBuf,
    layer: PathBuf,
    work: PathBuf,
}

impl Overlay {
    /// Mounts the images and an overlay over them, below an empty directory.
    pub(crate) fn mount(below: &[Below], scratch: &Path) -> Result<Self, LayerError> {
        if below.is_empty() {
            return Err(LayerError::NothingBelow);
        }
        let make = |name: &str| -> Result<PathBuf, LayerError> {
            let path = scratch.join(name);
            fs::create_dir(&path).map_err(LayerError::access("make", &path))?;
            let mode = Permissions::from_mode(0o755);
            fs::set_permissions(&path, mode)
                .map_err(LayerError::access("set the mode of", &path))?;
            Ok(path)
        };
        let mut lower = Vec::new();
        for (number, image) in below.iter().enumerate() {
            lower.push(match image {
                Below::Directory(path) => path.clone(),
                Below::Erofs(path) => {
                    let target = make(&format!("below-{number}"))?;
                    mount_erofs(path, &target)
                        .map_err(|source| LayerError::Attach { path: path.clone(), source })?;
                    target
                }
            });
        }
        let (layer, work, root) = (make("layer")?, make("work")?, make("root")?);
        // the root directory itself is written first: it takes its owner and mode from the image
        if let Some(image) = below.last() {
            copy_mode(lower.last().map_or(image.path(), PathBuf::as_path), &layer)?;
        }
        let options = options(&lower, &layer, &work)?;
        mount("overlay", &root, "overlay", MountFlags::NODEV, options.as_c_str())
            .map_err(|error| LayerError::Overlay { path: root.clone(), source: error.into() })?;
        Ok(Self { root, layer, work })
    }

    /// Where everything is one root.
    pub(crate) fn root(&self) -> &Path {
        &self.root
    }

    /// Unmounts the overlay and leaves the layer alone.
    pub(crate) fn into_layer(self) -> Result<PathBuf, LayerError> {
        unmount(&self.root, UnmountFlags::empty())
            .map_err(|error| LayerError::access("unmount", &self.root)(error.into()))?;
        remove_own_attributes(&self.layer)?;
        fs::remove_dir_all(&self.work).map_err(LayerError::access("remove", &self.work))?;
        Ok(self.layer)
    }
}

fn copy_mode(from: &Path, to: &Path) -> Result<(), LayerError> {
    let data = fs::metadata(from).map_err(LayerError::access("look at", from))?;
    std::os::unix::fs::chown(to, Some(data.uid()), Some(data.gid()))
        .map_err(LayerError::access("set the owner of", to))?;
    fs::set_permissions(to, data.permissions()).map_err(LayerError::access("set the mode of", to))
}

/// The options: the layer is to stand for itself, so nothing is redirected or left below in part,
/// and nothing is synced before all of it is.
fn options(lower: &[PathBuf], layer: &Path, work: &Path) -> Result<CString, LayerError> {
    let text = |path: &Path| -> Result<Vec<u8>, LayerError> {
        let bytes = path.as_os_str().as_bytes();
        if bytes.iter().any(|byte| b":,\\".contains(byte)) {
            return Err(LayerError::Path { path: path.to_owned() });
        }
        Ok(bytes.to_vec())
    };
    let mut options = b"lowerdir=".to_vec();
    // the topmost comes first
    for (number, path) in lower.iter().rev().enumerate() {
        if number > 0 {
            options.push(b':');
        }
        options.extend(text(path)?);
    }
    options.extend(b",upperdir=");
    options.extend(text(layer)?);
    options.extend(b",workdir=");
    options.extend(text(work)?);
    options.extend(b",redirect_dir=off,metacopy=off,index=off,volatile");
    CString::new(options).map_err(|_| LayerError::Path { path: layer.to_owned() })
}

/// Removes the overlay's own attributes from a tree, without following links.
fn remove_own_attributes(directory: &Path) -> Result<(), LayerError> {
    let mut to_do = vec![directory.to_owned()];
    let mut names = vec![0; 64 << 10];
    while let Some(path) = to_do.pop() {
        let access = |error: rustix::io::Errno| {
            LayerError::access("remove attributes of", &path)(error.into())
        };
        let length = rustix::fs::llistxattr(&path, &mut names[..]).map_err(access)?;
        for name in names[..length].split(|byte| *byte == 0) {
            let own = [&b"trusted.overlay."[..], b"user.overlay."]
                .iter()
                .find_map(|prefix| name.strip_prefix(*prefix));
            if own.is_some_and(|own| OWN_ATTRIBUTES.iter().any(|name| name.as_bytes() == own)) {
                rustix::fs::lremovexattr(&path, OsStr::from_bytes(name)).map_err(access)?;
            }
        }
        let metadata = path.symlink_metadata().map_err(LayerError::access("look at", &path))?;
        if metadata.is_dir() {
            let entries = fs::read_dir(&path).map_err(LayerError::access("list", &path))?;
            to_do.extend(entries.flatten().map(|entry| entry.path()));
        }
    }
    Ok(())
}
