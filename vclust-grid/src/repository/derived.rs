//! What is made of images for nodes that install, and kept beside them: the root as a directory, which
//! an NFS server shows, and the compressed archive of an image that was built without one.
//!
//! ```text
//! derived/ID/root/             the image's files
//! derived/ID/SHA256.tar.zst    its archive, under the archive's digest
//! ```
//!
//! It is made once, when it is first asked for, and goes with its image.

use std::fs::{self, DirBuilder};
use std::io;
use std::os::unix::fs::DirBuilderExt;
use std::path::{Path, PathBuf};

use vclust_core::Sha256;
use vclust_debian::{ProductFile, file_digest};

use super::catalogue::StoredImage;
use super::collect::Standing;
use super::error::RepositoryError;
use super::export::{ExportError, ExportForm, ExportOptions};
use super::manifest::root_archive;
use super::{ImageRepository, catalogue, scratch};

/// An image's archive: a tar stream compressed by zstd.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StoredArchive {
    /// Where it is.
    pub path: PathBuf,
    /// Its bytes.
    pub bytes: u64,
    /// Its digest.
    pub sha256: Sha256,
}

const SUFFIX: &str = ".tar.zst";
/// How much smaller an archive is than the image: 3.03 times of the minimal image, 3.07 times of one with a
/// compiler and MPI.
const COMPRESSED: u64 = 3;

/// The archive in the directory of what was made of an image.
fn archive_in(directory: &Path) -> io::Result<Option<StoredArchive>> {
    for entry in fs::read_dir(directory)? {
        let entry = entry?;
        let name = entry.file_name();
        let digest = name.to_str().and_then(|name| name.strip_suffix(SUFFIX));
        if let Some(sha256) = digest.and_then(|digest| digest.parse().ok()) {
            let bytes = entry.metadata()?.len();
            return Ok(Some(StoredArchive { path: entry.path(), bytes, sha256 }));
        }
    }
    Ok(None)
}

impl ImageRepository {
    /// An image as a directory with all its files. Hold a [`Lease`](super::Lease) while you use it.
    pub fn directory(&self, image: &StoredImage) -> Result<PathBuf, ExportError> {
        let directory = self.make_derived(image)?;
        let root = directory.join("root");
        if !root.is_dir() {
            self.derive(image, &root, ExportForm::Directory)?;
        }
        Ok(root)
    }

    /// The archive of an image. Hold a [`Lease`](super::Lease) while you use it.
    pub fn archive(&self, image: &StoredImage) -> Result<StoredArchive, ExportError> {
        let manifest = self.manifest(image)?;
        if let Some(product) = manifest.image.product(root_archive()) {
            let path = self.path_of(image).join(root_archive());
            return Ok(StoredArchive { path, bytes: product.bytes, sha256: product.sha256 });
        }
        let directory = self.make_derived(image)?;
        if let Some(archive) = archive_in(&directory).map_err(RepositoryError::read(&directory))? {
            return Ok(archive);
        }
        let new = directory.join(format!(".{}{SUFFIX}", std::process::id()));
        self.derive(image, &new, ExportForm::TarZst)?;
        let ProductFile { bytes, sha256 } = file_digest(&new, &|_| ())
            .map_err(|source| ExportError::Product { target: new.clone(), source })?;
        let path = directory.join(format!("{sha256}{SUFFIX}"));
        fs::rename(&new, &path).map_err(RepositoryError::write(&path))?;
        Ok(StoredArchive { path, bytes, sha256 })
    }

    /// Bytes of the archive that nodes install an image from; a guess where it was not made yet.
    pub(crate) fn archive_bytes(&self, image: &StoredImage) -> u64 {
        if let Some((_, bytes)) = image.products.iter().find(|(name, _)| name == root_archive()) {
            return *bytes;
        }
        match archive_in(&self.derived().join(&image.id)) {
            Ok(Some(archive)) => archive.bytes,
            Ok(None) | Err(_) => image.transfer_bytes() / COMPRESSED,
        }
    }

    fn derive(
        &self,
        image: &StoredImage,
        target: &Path,
        form: ExportForm,
    ) -> Result<(), ExportError> {
        let options =
            ExportOptions { form, replace: form != ExportForm::Directory, disk_size: None };
        match self.export(image, target, &options, &|_| ()) {
            // somebody else was sooner
            Err(ExportError::Exists(_) | ExportError::NotEmpty(_)) if target.exists() => Ok(()),
            result => result.map(drop),
        }
    }

    fn derived(&self) -> PathBuf {
        self.directory.join("derived")
    }

    fn make_derived(&self, image: &StoredImage) -> Result<PathBuf, RepositoryError> {
        let path = self.derived().join(&image.id);
        DirBuilder::new()
            .recursive(true)
            .mode(0o700)
            .create(&path)
            .map_err(RepositoryError::write(&path))?;
        Ok(path)
    }

    /// Bytes of what was made of an image.
    pub(super) fn derived_bytes(&self, id: &str) -> Result<u64, RepositoryError> {
        bytes_below(&self.derived().join(id))
    }

    /// Removes what was made of an image.
    pub(super) fn remove_derived(&self, id: &str) -> Result<(), RepositoryError> {
        scratch::remove(&self.derived().join(id))
    }

    /// Removes what was made of images that are gone, and what killed processes have begun to make of
    /// others; of how many images that was.
    pub(super) fn remove_strays(&self) -> Result<usize, RepositoryError> {
        let derived = self.derived();
        let entries = match fs::read_dir(&derived) {
            Ok(entries) => entries,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(0),
            Err(source) => return Err(RepositoryError::Read { path: derived, source }),
        };
        let known = self.sql(catalogue::names)?;
        let mut removed = 0;
        for entry in entries {
            let name = entry.map_err(RepositoryError::read(&derived))?.file_name();
            let name = name.to_string_lossy();
            if !known.iter().any(|known| *known == name) {
                self.remove_derived(&name)?;
                removed += 1;
            } else if self.remove_unfinished(&name)? {
                removed += 1;
            }
        }
        Ok(removed)
    }

    /// Removes what nobody makes any more of an image that is there: whoever makes something has a lease
    /// on the image.
    fn remove_unfinished(&self, id: &str) -> Result<bool, RepositoryError> {
        let directory = self.derived().join(id);
        let mut begun = Vec::new();
        for entry in fs::read_dir(&directory).map_err(RepositoryError::read(&directory))? {
            let entry = entry.map_err(RepositoryError::read(&directory))?;
            if entry.file_name().to_string_lossy().starts_with('.') {
                begun.push(entry.path());
            }
        }
        if begun.is_empty() {
            return Ok(false);
        }
        let Standing::Free(_alone) = self.standing(id)? else { return Ok(false) };
        for path in begun {
            let removed = match path.symlink_metadata() {
                Ok(data) if data.is_dir() => fs::remove_dir_all(&path),
                Ok(_) => fs::remove_file(&path),
                Err(error) => Err(error),
            };
            match removed {
                Err(error) if error.kind() == io::ErrorKind::NotFound => {}
                result => result.map_err(RepositoryError::write(&path))?,
            }
        }
        Ok(true)
    }
}

/// Bytes in all files of a directory; none if it is not there.
fn bytes_below(directory: &Path) -> Result<u64, RepositoryError> {
    let mut bytes = 0;
    let mut open = vec![directory.to_owned()];
    while let Some(directory) = open.pop() {
        let entries = match fs::read_dir(&directory) {
            Ok(entries) => entries,
            // somebody removes it
            Err(error) if error.kind() == io::ErrorKind::NotFound => continue,
            Err(source) => return Err(RepositoryError::Read { path: directory, source }),
        };
        for entry in entries {
            let entry = entry.map_err(RepositoryError::read(&directory))?;
            match entry.metadata() {
                Ok(data) if data.is_dir() => open.push(entry.path()),
                Ok(data) => bytes += data.len(),
                Err(error) if error.kind() == io::ErrorKind::NotFound => {}
                Err(error) => return Err(RepositoryError::read(&entry.path())(error)),
            }
        }
    }
    Ok(bytes)
}
