//! Taking images out again: those that were not used for the longest time go first.
//!
//! Nothing that is in use goes: neither what a process has a lease on, nor what a cluster holds, nor
//! what a layer lies on. A layer that goes may set its base free.

use std::collections::HashMap;
use std::time::Duration;

use vclust_core::Timestamp;

use super::catalogue::{self, StoredImage};
use super::error::RepositoryError;
use super::manifest::MANIFEST;
use super::recover::Recovered;
use super::{ImageRepository, now, scratch};
use crate::lock::{Lock, Missing, Mode};

/// What may stay.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct CollectOptions {
    /// Bytes that all images together may take, with what was made of them for nodes; what goes is as
    /// little as keeps to it.
    pub budget: Option<u64>,
    /// Whatever was not used for so long goes.
    pub unused_for: Option<Duration>,
    /// Names of images that stay in any case.
    pub keep: Vec<String>,
    /// Whether to tell only what would go.
    pub dry_run: bool,
}

/// Why an image goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Removal {
    /// All together take too much.
    Budget,
    /// It was not used for too long.
    Age,
}

/// An image that went.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Removed {
    /// Its name.
    pub id: String,
    /// Bytes of its files, and of what was made of it for nodes.
    pub bytes: u64,
    /// When it was last used.
    pub last_used: Timestamp,
    /// Why it went.
    pub why: Removal,
}

/// Why an image that should go stays.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Held {
    /// It was asked for.
    Asked,
    /// A process uses it.
    Leased,
    /// These layers lie on it.
    Base(Vec<String>),
    /// These clusters run on it.
    Holders(Vec<String>),
}

/// What came of it.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Collected {
    /// What a crash had left.
    pub recovered: Recovered,
    /// Images that went, in their order; with [`CollectOptions::dry_run`] those that would.
    pub removed: Vec<Removed>,
    /// Images that should have gone and are in use.
    pub held: Vec<(String, Held)>,
    /// Bytes of all images before, with what was made of them for nodes.
    pub bytes_before: u64,
    /// Bytes of all images now, or as they would be.
    pub bytes_after: u64,
}

/// Whether a process uses an image.
pub(super) enum Standing {
    /// None does, and none can while the lock is held.
    Free(Option<Lock>),
    Used,
}

impl ImageRepository {
    /// Puts in order what a crash left, and takes images out until the rest keeps to `options`, those
    /// unused for the longest time first.
    pub fn collect(&self, options: &CollectOptions) -> Result<Collected, RepositoryError> {
        let recovered = if options.dry_run { Recovered::default() } else { self.recover()? };
        let mut images = self.list()?;
        images
            .sort_by(|a, b| (a.last_used, a.created, &a.id).cmp(&(b.last_used, b.created, &b.id)));
        let mut sizes = HashMap::new();
        for image in &images {
            let bytes = image.stored_bytes() + self.derived_bytes(&image.id)?;
            sizes.insert(image.id.clone(), bytes);
        }
        let total: u64 = sizes.values().sum();
        let mut collected = Collected {
            recovered,
            removed: Vec::new(),
            held: Vec::new(),
            bytes_before: total,
            bytes_after: total,
        };
        let now = now();
        let mut gone: Vec<String> = Vec::new();
        let mut refused = Vec::new();
        // again after each that goes, as it may have set its base free
        while let Some((place, why)) = self.next(&images, options, &mut collected, &gone, now)? {
            let image = images.remove(place);
            if !options.dry_run && !self.remove_image(&image)? {
                refused.push((image.id, Held::Leased));
                continue;
            }
            let bytes = sizes[&image.id];
            collected.bytes_after -= bytes;
            gone.push(image.id.clone());
            collected.removed.push(Removed {
                bytes,
                last_used: image.last_used,
                id: image.id,
                why,
            });
        }
        collected.held.extend(refused);
        Ok(collected)
    }

    /// The next image to go.
    fn next(
        &self,
        images: &[StoredImage],
        options: &CollectOptions,
        collected: &mut Collected,
        gone: &[String],
        now: Timestamp,
    ) -> Result<Option<(usize, Removal)>, RepositoryError> {
        collected.held.clear();
        for (place, image) in images.iter().enumerate() {
            let unused = now.unix_microseconds() - image.last_used.unix_microseconds();
            let is_old =
                |limit: Duration| u128::from(unused.max(0).unsigned_abs()) >= limit.as_micros();
            let why = if options.unused_for.is_some_and(is_old) {
                Removal::Age
            } else if options.budget.is_some_and(|budget| collected.bytes_after > budget) {
                Removal::Budget
            } else {
                continue;
            };
            match self.held(image, options, gone)? {
                None => return Ok(Some((place, why))),
                Some(held) => collected.held.push((image.id.clone(), held)),
            }
        }
        Ok(None)
    }

    /// What keeps an image, if anything does.
    fn held(
        &self,
        image: &StoredImage,
        options: &CollectOptions,
        gone: &[String],
    ) -> Result<Option<Held>, RepositoryError> {
        if options.keep.contains(&image.id) {
            return Ok(Some(Held::Asked));
        }
        let (mut layers, holders) = self.sql(|sql| catalogue::needed_by(sql, &image.id))?;
        layers.retain(|layer| !gone.contains(layer));
        if !holders.is_empty() {
            return Ok(Some(Held::Holders(holders)));
        }
        if !layers.is_empty() {
            return Ok(Some(Held::Base(layers)));
        }
        Ok(matches!(self.standing(&image.id)?, Standing::Used).then_some(Held::Leased))
    }

    /// Whether an image can be taken out.
    pub(super) fn standing(&self, id: &str) -> Result<Standing, RepositoryError> {
        let path = self.image_directory(id).join(MANIFEST);
        match Lock::attempt(&path, Mode::Alone, Missing::Fail) {
            Ok(Some(lock)) => Ok(Standing::Free(Some(lock))),
            Ok(None) => Ok(Standing::Used),
            // nobody can use what is not there
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(Standing::Free(None)),
            Err(source) => Err(RepositoryError::Read { path, source }),
        }
    }

    /// Takes an image out; false if somebody has begun to use it.
    ///
    /// The row goes first: whoever builds a layer on it, or holds it, asks for the row. If a crash
    /// comes between, the files are taken in again.
    fn remove_image(&self, image: &StoredImage) -> Result<bool, RepositoryError> {
        let Standing::Free(_alone) = self.standing(&image.id)? else { return Ok(false) };
        if !self.sql(|sql| catalogue::remove(sql, &image.id))? {
            return Ok(false);
        }
        let trash = self.take_out(&image.id)?;
        scratch::remove(&trash)?;
        self.remove_derived(&image.id)?;
        Ok(true)
    }
}
