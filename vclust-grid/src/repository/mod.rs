//! The images of a site, on its head node's disk.
//!
//! ```text
//! images/ID/manifest.json      what an image is
//! images/ID/root.tar.zst ...   its products
//! building/                    builds that go on; all of it goes when they end
//! locks/                       one file for each build that goes on, and one for building/
//! derived/ID/                  what was made of an image for nodes that install
//! catalogue.sqlite             which images there are, how often they were used
//! ```
//!
//! An image is known by its content, so it never changes: its directory appears whole, by a rename
//! after everything in it has been synced, and goes whole. The manifests are the truth; the catalogue
//! can be deleted, and is made anew from them. Who uses an image holds a shared lock on its manifest, or
//! is noted in the catalogue where the use outlives the process; neither is ever removed from under its
//! user. Everything here may be called by several processes at once.

mod building;
mod catalogue;
mod collect;
mod derived;
mod error;
mod export;
mod manifest;
mod recover;
mod schema;
pub(crate) mod scratch;
mod stacks;
mod verify;

use std::fs;
use std::io;
use std::os::unix::fs::PermissionsExt;
use std::path::PathBuf;
use std::time::SystemTime;

use rusqlite::Connection;
use rustix::fs::{CWD, RenameFlags, renameat_with};
use vclust_core::{ImageKind as ListedKind, ImageListing, ImageListings, Timestamp};
use vclust_debian::{StateDirectory, StateDirectoryError};

use crate::lock::{Lock, Missing, Mode};
use crate::sqlite::connect;
use manifest::MANIFEST;

pub use building::{Begun, Building};
pub use catalogue::{StoredImage, StoredPackage};
pub use collect::{CollectOptions, Collected, Held, Removal, Removed};
pub use derived::StoredArchive;
pub use error::RepositoryError;
pub use export::{ExportError, ExportForm, ExportOptions, remove_unfinished_export};
pub use manifest::{
    BuildKey, ImageKind, InputDigest, Manifest, ManifestError, ManifestPackage, ManifestPhase,
    NewImage, Product, root_archive, root_erofs,
};
pub use recover::Recovered;
pub use stacks::Stack;
pub use verify::{Damage, Verified};

/// The variant of images that hold what every node needs. The latest of them for which nothing else was
/// asked goes by this name, too.
pub const MINIMAL: &str = "minimal";

/// What becomes of an image that is there when its build is asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum IfFound {
    /// It is the answer.
    Use,
    /// It is built anew, and the new one takes its place.
    Replace,
}

/// The repository of a site, open in this process. Each thread that uses it opens its own.
#[derive(Debug)]
pub struct ImageRepository {
    connection: Connection,
    directory: PathBuf,
}

/// The use of an image: as long as it is held the image stays where it is.
#[derive(Debug)]
pub struct Lease {
    directory: PathBuf,
    _lock: Lock,
}

impl Lease {
    /// A file of the image.
    #[must_use]
    pub fn product(&self, name: &str) -> PathBuf {
        self.directory.join(name)
    }
}

/// The present moment.
pub(crate) fn now() -> Timestamp {
    let since = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
    let microseconds = i64::try_from(since.as_micros()).unwrap_or(i64::MAX);
    Timestamp::from_unix_microseconds(microseconds).expect("a clock in the years 0 to 9999")
}

impl ImageRepository {
    /// Opens the repository of a state directory; makes what is not there, and puts in order what a
    /// crash left. Failing at the latter is told to `tracing`, as what is sound can be used all the same.
    pub fn open(state: &StateDirectory) -> Result<Self, RepositoryError> {
        let directory = state.path().to_owned();
        for name in ["images", "building", "locks"] {
            let path = directory.join(name);
            // images hold files and programs of root's that are no business of other users here
            fs::create_dir_all(&path)
                .and_then(|()| fs::set_permissions(&path, fs::Permissions::from_mode(0o700)))
                .map_err(|source| StateDirectoryError::Make { path, source })?;
        }
        let path = directory.join(CATALOGUE);
        let connection = connect(&path).map_err(|error| RepositoryError::of(&path, error))?;
        schema::prepare(&connection, &path)?;
        let repository = Self { connection, directory };
        match repository.recover() {
            Ok(recovered) if recovered != Recovered::default() => {
                tracing::info!("the repository was put in order: {recovered:?}");
            }
            Ok(_) => {}
            Err(error) => tracing::warn!("the repository cannot be put in order: {error}"),
        }
        Ok(repository)
    }

    /// Opens the repository of a state directory if it has one, and makes none.
    pub fn open_existing(state: &StateDirectory) -> Result<Option<Self>, RepositoryError> {
        let images = state.path().join("images");
        match images.try_exists() {
            Ok(false) => Ok(None),
            Ok(true) => Self::open(state).map(Some),
            Err(source) => Err(RepositoryError::Read { path: images, source }),
        }
    }

    /// Where an image's files are. Hold a [`Lease`] while you read them.
    #[must_use]
    pub fn path_of(&self, image: &StoredImage) -> PathBuf {
        self.image_directory(&image.id)
    }

    /// What a build made, if it is there.
    pub fn find(&self, key: BuildKey) -> Result<Option<StoredImage>, RepositoryError> {
        match self.sql(|sql| catalogue::built(sql, key))? {
            Some(id) => self.known(&id),
            None => Ok(None),
        }
    }

    /// The image whose name begins with these digits, if there is exactly one; `minimal` is the latest
    /// image of that variant.
    pub fn get(&self, prefix: &str) -> Result<StoredImage, RepositoryError> {
        if prefix == MINIMAL {
            if let Some(image) = latest_minimal(&self.list()?, None) {
                return Ok(image.clone());
            }
        }
        let names = self.sql(catalogue::names)?;
        let lower = prefix.to_ascii_lowercase();
        let found: Vec<&String> =
            names.iter().filter(|name| !lower.is_empty() && name.starts_with(&lower)).collect();
        match found[..] {
            [name] => {
                let image = self.known(name)?;
                image.ok_or_else(|| RepositoryError::Unknown { name: name.clone(), near: vec![] })
            }
            [] => {
                let near = near(&lower, &names);
                Err(RepositoryError::Unknown { name: prefix.to_owned(), near })
            }
            _ => Err(RepositoryError::Ambiguous {
                prefix: prefix.to_owned(),
                names: found.into_iter().cloned().collect(),
            }),
        }
    }

    /// All images, the latest built last.
    pub fn list(&self) -> Result<Vec<StoredImage>, RepositoryError> {
        self.sql(catalogue::list)
    }

    /// The manifest of an image.
    pub fn manifest(&self, image: &StoredImage) -> Result<Manifest, RepositoryError> {
        let path = self.image_directory(&image.id);
        Manifest::read(&path).map_err(|source| RepositoryError::Manifest { path, source })
    }

    /// The images for an architecture as selection and generation take them, the latest minimal one
    /// under the name `minimal`, and the layers that lie on it; [`ImageRepository::stacks`] has the others.
    pub fn listings(&self, architecture: &str) -> Result<ImageListings, RepositoryError> {
        self.listings_with(architecture, StoredImage::transfer_bytes)
    }

    /// As [`ImageRepository::listings`], with the bytes that nodes get which install an image.
    pub(crate) fn listings_for_nodes(
        &self,
        architecture: &str,
    ) -> Result<ImageListings, RepositoryError> {
        self.listings_with(architecture, |image| match image.kind {
            ImageKind::Image => self.archive_bytes(image),
            ImageKind::Layer => image.transfer_bytes(),
        })
    }

    fn listings_with(
        &self,
        architecture: &str,
        bytes: impl Fn(&StoredImage) -> u64,
    ) -> Result<ImageListings, RepositoryError> {
        let images = self.list()?;
        let minimal = latest_minimal(&images, Some(architecture)).map(|image| image.id.as_str());
        let listed = images.iter().filter(|image| match image.kind {
            ImageKind::Image => image.architecture == architecture,
            ImageKind::Layer => image.base.is_some() && image.base.as_deref() == minimal,
        });
        let listing = |image: &StoredImage| {
            let is_minimal = minimal == Some(&image.id);
            ImageListing {
                id: if is_minimal { MINIMAL.to_owned() } else { image.id.clone() },
                kind: match image.kind {
                    ImageKind::Image => ListedKind::Image,
                    ImageKind::Layer => ListedKind::Layer,
                },
                bytes: bytes(image),
                packages: image.package_versions(),
            }
        };
        Ok(ImageListings { images: listed.map(listing).collect() })
    }

    /// Begins a build, or finds what it would make. Of several processes that begin the same build
    /// one builds, and the others wait for it here; `on_wait` is called once before that.
    pub fn begin(
        &self,
        key: BuildKey,
        if_found: IfFound,
        on_wait: &mut dyn FnMut(),
    ) -> Result<Begun, RepositoryError> {
        let path = self.directory.join("locks").join(key.to_string());
        let mut waited = false;
        let mut wait = || {
            waited = true;
            on_wait();
        };
        let lock = Lock::wait(&path, Mode::Alone, Missing::Make, &mut wait)
            .map_err(RepositoryError::write(&path))?;
        // who waited has seen it built anew
        if if_found == IfFound::Use || waited {
            if let Some(image) = self.find(key)? {
                let _ = fs::remove_file(&path);
                return Ok(Begun::Found(Box::new(image)));
            }
        }
        Building::begin(self, key, if_found, lock, path).map(Begun::Building)
    }

    /// Keeps an image from being removed as long as the lease lives.
    pub fn lease(&self, image: &StoredImage) -> Result<Lease, RepositoryError> {
        let directory = self.image_directory(&image.id);
        let path = directory.join(MANIFEST);
        let lock = Lock::wait(&path, Mode::Shared, Missing::Fail, &mut || ());
        match lock {
            Ok(lock) => Ok(Lease { directory, _lock: lock }),
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                Err(RepositoryError::Unknown { name: image.id.clone(), near: Vec::new() })
            }
            Err(source) => Err(RepositoryError::Read { path, source }),
        }
    }

    /// Keeps an image from being removed until [`ImageRepository::release`], whatever becomes of this
    /// process: for clusters that run on it, by their names.
    pub fn hold(&self, image: &StoredImage, holder: &str) -> Result<(), RepositoryError> {
        let _lease = self.lease(image)?;
        self.sql(|sql| catalogue::hold(sql, &image.id, holder))
    }

    /// Gives up all that a holder holds; how many images that were.
    pub fn release(&self, holder: &str) -> Result<usize, RepositoryError> {
        self.sql(|sql| catalogue::release(sql, holder))
    }

    /// Who holds images, each once.
    pub fn holders(&self) -> Result<Vec<String>, RepositoryError> {
        self.sql(catalogue::holders)
    }

    /// Counts a use of an image, and of its base.
    pub fn record_use(&self, image: &StoredImage) -> Result<(), RepositoryError> {
        self.sql(|sql| catalogue::used(sql, &image.id, now())).map(|_| ())
    }

    /// An image by its whole name, if its files are there.
    fn known(&self, id: &str) -> Result<Option<StoredImage>, RepositoryError> {
        let image = self.sql(|sql| catalogue::get(sql, id))?;
        let path = self.image_directory(id).join(MANIFEST);
        let is_there = path.try_exists().map_err(RepositoryError::read(&path))?;
        Ok(image.filter(|_| is_there))
    }

    /// Takes an image's directory out of sight; where it is then.
    fn take_out(&self, id: &str) -> Result<PathBuf, RepositoryError> {
        let directory = self.image_directory(id);
        let pid = std::process::id();
        let mut number = 0;
        loop {
            let trash = self.building().join(format!("removed-{id}-{pid}-{number}"));
            match renameat_with(CWD, &directory, CWD, &trash, RenameFlags::NOREPLACE) {
                Err(rustix::io::Errno::EXIST) => number += 1,
                // somebody else has taken it out
                Ok(()) | Err(rustix::io::Errno::NOENT) => return Ok(trash),
                Err(error) => return Err(RepositoryError::write(&directory)(error.into())),
            }
        }
    }

    fn lock_building(&self) -> Result<Lock, RepositoryError> {
        let path = self.directory.join("locks/.lock");
        Lock::wait(&path, Mode::Alone, Missing::Make, &mut || ())
            .map_err(RepositoryError::write(&path))
    }

    fn images(&self) -> PathBuf {
        self.directory.join("images")
    }

    fn building(&self) -> PathBuf {
        self.directory.join("building")
    }

    fn image_directory(&self, id: &str) -> PathBuf {
        self.images().join(id)
    }

    fn sql<T>(
        &self,
        work: impl FnOnce(&Connection) -> rusqlite::Result<T>,
    ) -> Result<T, RepositoryError> {
        let path = || self.directory.join(CATALOGUE);
        work(&self.connection).map_err(|error| RepositoryError::of(&path(), error))
    }
}

/// The file of the catalogue.
const CATALOGUE: &str = "catalogue.sqlite";

fn latest_minimal<'a>(
    images: &'a [StoredImage],
    architecture: Option<&str>,
) -> Option<&'a StoredImage> {
    images.iter().rev().find(|image| {
        image.variant == MINIMAL
            && image.request.is_empty()
            && image.kind == ImageKind::Image
            && architecture.is_none_or(|wanted| wanted == image.architecture)
    })
}

/// Names that somebody may have meant: at most three, those that share the longest beginning.
fn near(name: &str, names: &[String]) -> Vec<String> {
    let shared =
        |other: &String| name.bytes().zip(other.bytes()).take_while(|(a, b)| a == b).count();
    let longest = names.iter().map(shared).max().unwrap_or(0);
    if longest < 2 {
        return Vec::new();
    }
    names.iter().filter(|other| shared(other) == longest).take(3).cloned().collect()
}
