//! What a crash left, put in order: dead builders' directories go, and files and catalogue agree.

use std::fs;
use std::io;

use super::building::is_dead;
use super::catalogue::{self, Written};
use super::error::RepositoryError;
use super::manifest::{Manifest, ManifestError};
use super::{ImageRepository, scratch};

/// What was put in order.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Recovered {
    /// Directories of builders that are dead, removed.
    pub builds: usize,
    /// Names of images that were there without being in the catalogue, and are now.
    pub adopted: Vec<String>,
    /// Names of images in the catalogue whose files were gone, and of unusable files; removed.
    pub dropped: Vec<String>,
    /// How many images are gone of which something had been made that is removed now.
    pub derived: usize,
}

impl ImageRepository {
    /// Puts in order what a crash left. Builds that go on are not touched, and nothing is killed.
    pub fn recover(&self) -> Result<Recovered, RepositoryError> {
        let mut recovered = Recovered::default();
        self.remove_dead_builds(&mut recovered)?;
        self.adopt_files(&mut recovered)?;
        self.forget_rows(&mut recovered)?;
        recovered.derived = self.remove_strays()?;
        Ok(recovered)
    }

    fn remove_dead_builds(&self, recovered: &mut Recovered) -> Result<(), RepositoryError> {
        let _scan = self.lock_building()?;
        let building = self.building();
        for entry in fs::read_dir(&building).map_err(RepositoryError::read(&building))? {
            let entry = entry.map_err(RepositoryError::read(&building))?;
            let path = entry.path();
            let is_directory = entry.file_type().is_ok_and(|kind| kind.is_dir());
            if is_directory && is_dead(&path).map_err(RepositoryError::read(&path))? {
                scratch::remove(&path)?;
                recovered.builds += 1;
            }
        }
        Ok(())
    }

    /// Images without a row: what lies on another one after what it lies on.
    fn adopt_files(&self, recovered: &mut Recovered) -> Result<(), RepositoryError> {
        let known = self.sql(catalogue::names)?;
        let images = self.images();
        let mut found = Vec::new();
        for entry in fs::read_dir(&images).map_err(RepositoryError::read(&images))? {
            let entry = entry.map_err(RepositoryError::read(&images))?;
            let name = entry.file_name().to_string_lossy().into_owned();
            if !known.contains(&name) && entry.file_type().is_ok_and(|kind| kind.is_dir()) {
                found.push((name, entry.path()));
            }
        }
        found.sort();
        let mut layers = Vec::new();
        for (name, path) in found {
            match Manifest::read(&path) {
                Ok(manifest) if is_complete(&path, &manifest) => layers.push((name, manifest)),
                // another process may just have taken it out
                Err(ManifestError::Read(error))
                    if error.kind() == io::ErrorKind::NotFound && !path.exists() => {}
                // not ours to judge
                Err(ManifestError::Newer(_)) => {}
                _ => self.discard(name, recovered)?,
            }
        }
        layers.sort_by_key(|(_, manifest)| manifest.image.kind);
        for (name, manifest) in layers {
            match self.sql(|sql| catalogue::insert(sql, &manifest))? {
                Written::Done => recovered.adopted.push(name),
                Written::NoBase => self.discard(name, recovered)?,
            }
        }
        Ok(())
    }

    fn discard(&self, name: String, recovered: &mut Recovered) -> Result<(), RepositoryError> {
        let trash = self.take_out(&name)?;
        scratch::remove(&trash)?;
        recovered.dropped.push(name);
        Ok(())
    }

    fn forget_rows(&self, recovered: &mut Recovered) -> Result<(), RepositoryError> {
        for name in self.sql(catalogue::names)? {
            let directory = self.image_directory(&name);
            if !directory.try_exists().map_err(RepositoryError::read(&directory))? {
                self.sql(|sql| catalogue::forget(sql, &name))?;
                recovered.dropped.push(name);
            }
        }
        Ok(())
    }
}

/// Whether all files are there with their sizes.
fn is_complete(directory: &std::path::Path, manifest: &Manifest) -> bool {
    manifest.image.products.iter().all(|product| {
        let data = directory.join(&product.name).symlink_metadata();
        data.is_ok_and(|data| data.is_file() && data.len() == product.bytes)
    })
}
