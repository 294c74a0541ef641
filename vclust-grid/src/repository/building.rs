//! A build: a right to make what a key stands for, and a directory to make it in.
//!
//! ```text
//! locks/KEY                    held while it is built
//! building/NAME/record.json    who builds; locked as long as the builder lives
//! building/NAME/image/         what becomes images/ID, by being renamed
//! building/NAME/...            anything else: the root, mounts
//! ```

use std::collections::BTreeSet;
use std::fs::{self, File};
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use rustix::fs::{CWD, RenameFlags, renameat_with};
use serde::Serialize;

use super::catalogue::{self, StoredImage, Written};
use super::error::RepositoryError;
use super::manifest::{BuildKey, MANIFEST, Manifest, NewImage};
use super::{IfFound, ImageRepository, now, scratch};
use crate::lock::{Lock, Missing, Mode};

/// What beginning a build comes to.
#[derive(Debug)]
pub enum Begun {
    /// It is there already.
    Found(Box<StoredImage>),
    /// It is to be built.
    Building(Building),
}

/// A build that has begun. Dropping it without a commit removes all that was made.
#[derive(Debug)]
pub struct Building {
    key: BuildKey,
    directory: PathBuf,
    if_found: IfFound,
    /// Held as long as the builder lives.
    _record: Lock,
    _key: Lock,
    key_path: PathBuf,
    done: bool,
}

/// Who builds, for people who find the directory; that the builder lives is told by its lock.
#[derive(Serialize)]
struct Record {
    pid: u32,
    /// Clock ticks after the start of the machine, as `/proc/PID/stat` has it.
    pid_started: Option<u64>,
    key: BuildKey,
    begun: vclust_core::Timestamp,
}

/// Name of the record in a build's directory.
const RECORD: &str = "record.json";
/// Name of what becomes the image's directory.
const IMAGE: &str = "image";

impl Building {
    pub(super) fn begin(
        repository: &ImageRepository,
        key: BuildKey,
        if_found: IfFound,
        key_lock: Lock,
        key_path: PathBuf,
    ) -> Result<Self, RepositoryError> {
        let (directory, record) = make_directory(repository, key)?;
        let building = Self {
            key,
            directory,
            if_found,
            _record: record,
            _key: key_lock,
            key_path,
            done: false,
        };
        let image = building.directory.join(IMAGE);
        fs::create_dir(&image).map_err(RepositoryError::write(&image))?;
        Ok(building)
    }

    /// What is built.
    #[must_use]
    pub fn key(&self) -> BuildKey {
        self.key
    }

    /// The build's own directory. Everything in it but [`Building::products`] goes when the build
    /// ends; what is mounted in it is unmounted.
    #[must_use]
    pub fn directory(&self) -> &Path {
        &self.directory
    }

    /// Where the products are to be: files, named as the manifest names them.
    #[must_use]
    pub fn products(&self) -> PathBuf {
        self.directory.join(IMAGE)
    }

    /// Takes the image into the repository: after this it is there, and whatever happens during
    /// this it is there or it is not.
    ///
    /// The products must lie in [`Building::products`] with the sizes that the manifest says, and
    /// nothing else may. Where the repository has the same content from another build, that stays.
    pub fn commit(
        mut self,
        repository: &ImageRepository,
        image: NewImage,
    ) -> Result<StoredImage, RepositoryError> {
        let source = self.products();
        let manifest = Manifest::of(self.key, image)
            .map_err(|error| RepositoryError::Manifest { path: source.clone(), source: error })?;
        check(&source, &manifest.image)?;
        if let Some(base) = &manifest.image.base {
            if repository.known(base)?.is_none() {
                return Err(RepositoryError::NoBase { base: base.clone() });
            }
        }
        let target = repository.image_directory(&manifest.id);
        if self.if_found == IfFound::Use && is_same(&target, &manifest) {
            if let Some(image) = repository.known(&manifest.id)? {
                repository.sql(|sql| catalogue::also_built(sql, self.key, &image.id))?;
                self.end()?;
                return Ok(image);
            }
        }
        write_synced(&source, &manifest)?;
        let placed = place(&source, &target, &manifest.id)?;
        let taken = sync_directory(&repository.images())
            .and_then(|()| repository.sql(|sql| catalogue::insert(sql, &manifest)));
        let failure = match taken {
            Ok(Written::Done) => None,
            Ok(Written::NoBase) => {
                let base = manifest.image.base.clone().unwrap_or_default();
                Some(RepositoryError::NoBase { base })
            }
            Err(error) => Some(error),
        };
        if let Some(failure) = failure {
            // as before: what was made goes back and is removed with the rest
            placed.undo(&source, &target)?;
            return Err(failure);
        }
        drop(placed);
        let image = repository.known(&manifest.id)?;
        self.end()?;
        image.ok_or(RepositoryError::Unknown { name: manifest.id, near: Vec::new() })
    }

    /// Removes what is left of the build.
    fn end(&mut self) -> Result<(), RepositoryError> {
        self.done = true;
        scratch::remove(&self.directory)?;
        // others who wait for this file find that it is gone, and look again
        let _ = fs::remove_file(&self.key_path);
        Ok(())
    }
}

impl Drop for Building {
    fn drop(&mut self) {
        if !self.done {
            if let Err(error) = self.end() {
                tracing::warn!("{} is left behind: {error}", self.directory.display());
            }
        }
    }
}

/// Makes the directory of a build, with its record, so that nobody takes it for a dead one's.
fn make_directory(
    repository: &ImageRepository,
    key: BuildKey,
) -> Result<(PathBuf, Lock), RepositoryError> {
    let _scan = repository.lock_building()?;
    let pid = std::process::id();
    let building = repository.building();
    let stem = format!("{}-{pid}", &key.to_string()[..16]);
    let mut number = 0;
    let directory = loop {
        let directory = building.join(format!("{stem}-{number}"));
        match fs::create_dir(&directory) {
            Ok(()) => break directory,
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => number += 1,
            Err(source) => return Err(RepositoryError::Write { path: directory, source }),
        }
    };
    let path = directory.join(RECORD);
    let write = || -> io::Result<Lock> {
        let lock = Lock::attempt(&path, Mode::Alone, Missing::Make)?;
        let lock = lock.ok_or(io::ErrorKind::WouldBlock)?;
        let record = Record { pid, pid_started: started(), key, begun: now() };
        let mut file = &lock.file;
        file.write_all(&serde_json::to_vec(&record)?)?;
        Ok(lock)
    };
    match write() {
        Ok(lock) => Ok((directory, lock)),
        Err(source) => {
            scratch::remove(&directory)?;
            Err(RepositoryError::Write { path, source })
        }
    }
}

/// Each product as large as it should be, and nothing else.
fn check(source: &Path, image: &NewImage) -> Result<(), RepositoryError> {
    let mut expected: BTreeSet<&str> = BTreeSet::new();
    for product in &image.products {
        let path = source.join(&product.name);
        let data = path.symlink_metadata().map_err(RepositoryError::read(&path))?;
        if !data.is_file() {
            return Err(RepositoryError::Unexpected { path });
        }
        if data.len() != product.bytes {
            let (found, expected) = (data.len(), product.bytes);
            return Err(RepositoryError::ProductSize { path, found, expected });
        }
        expected.insert(&product.name);
    }
    for entry in fs::read_dir(source).map_err(RepositoryError::read(source))? {
        let entry = entry.map_err(RepositoryError::read(source))?;
        if !entry.file_name().to_str().is_some_and(|name| expected.contains(name)) {
            return Err(RepositoryError::Unexpected { path: entry.path() });
        }
    }
    Ok(())
}

/// When this process started: the 22nd field of its `stat`, the 20th after its name.
fn started() -> Option<u64> {
    let text = fs::read_to_string("/proc/self/stat").ok()?;
    let (_, after_name) = text.rsplit_once(')')?;
    after_name.split_whitespace().nth(19)?.parse().ok()
}

/// Whether the directory of a build belongs to nobody any more.
pub(super) fn is_dead(directory: &Path) -> io::Result<bool> {
    match Lock::attempt(&directory.join(RECORD), Mode::Alone, Missing::Fail) {
        Ok(lock) => Ok(lock.is_some()),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(true),
        Err(error) => Err(error),
    }
}

/// Whether an image of the same files is at a place, as far as can be seen without reading them.
fn is_same(target: &Path, manifest: &Manifest) -> bool {
    let Ok(there) = Manifest::read(target) else { return false };
    let same_files = there.image.products == manifest.image.products;
    same_files
        && there.image.products.iter().all(|product| {
            let data = target.join(&product.name).symlink_metadata();
            data.is_ok_and(|data| data.is_file() && data.len() == product.bytes)
        })
}

/// Writes the manifest, and waits until it and all products are on the disk.
fn write_synced(source: &Path, manifest: &Manifest) -> Result<(), RepositoryError> {
    let path = source.join(MANIFEST);
    let text = manifest
        .text()
        .map_err(|error| RepositoryError::Manifest { path: path.clone(), source: error })?;
    let write = || {
        let mut file = File::create_new(&path)?;
        file.write_all(&text)?;
        file.sync_all()
    };
    write().map_err(RepositoryError::write(&path))?;
    for product in &manifest.image.products {
        let path = source.join(&product.name);
        let synced = File::open(&path).and_then(|file| file.sync_all());
        synced.map_err(RepositoryError::write(&path))?;
    }
    sync_directory(source)
}

fn sync_directory(path: &Path) -> Result<(), RepositoryError> {
    let synced = File::open(path).and_then(|directory| directory.sync_all());
    synced.map_err(RepositoryError::write(path))
}

/// How an image came to its place.
enum Placed {
    New,
    /// In exchange for one that was there, which nobody else uses meanwhile.
    Exchanged {
        _alone: Lock,
    },
}

/// Renames a finished image to its place.
fn place(source: &Path, target: &Path, id: &str) -> Result<Placed, RepositoryError> {
    match renameat_with(CWD, source, CWD, target, RenameFlags::NOREPLACE) {
        Ok(()) => return Ok(Placed::New),
        Err(rustix::io::Errno::EXIST) => {}
        Err(error) => return Err(RepositoryError::write(target)(error.into())),
    }
    let manifest = target.join(MANIFEST);
    let alone = Lock::attempt(&manifest, Mode::Alone, Missing::Make)
        .map_err(RepositoryError::read(&manifest))?
        .ok_or_else(|| RepositoryError::InUse { id: id.to_owned() })?;
    renameat_with(CWD, source, CWD, target, RenameFlags::EXCHANGE)
        .map_err(|error| RepositoryError::write(target)(error.into()))?;
    Ok(Placed::Exchanged { _alone: alone })
}

impl Placed {
    fn undo(self, source: &Path, target: &Path) -> Result<(), RepositoryError> {
        let flags = match self {
            Self::New => RenameFlags::NOREPLACE,
            Self::Exchanged { .. } => RenameFlags::EXCHANGE,
        };
        renameat_with(CWD, target, CWD, source, flags)
            .map_err(|error| RepositoryError::write(target)(error.into()))
    }
}
