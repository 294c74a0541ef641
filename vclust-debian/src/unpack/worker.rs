//! One package on its way into the root.
//!
//! Entries are taken in dpkg's order: as in the archive, but symbolic links last (dpkg's
//! `tar_extractor`), which is also the order of dpkg's lists.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Instant;

use rustix::fs::FileType;

use super::claims::{Claimant, Content, Order, Turn};
use super::error::{LeftReason, Stop, show};
use super::root::{Directory, OpenDirectories, join, split};
use super::write::{self, Attributes, MakeError, Sum};
use super::{Md5, PackageToUnpack, Shared, UnpackError, UnpackedPackage};
use crate::deb::{DataArchive, DataEntry, EntryKind, PackageFile};

/// A package that is being unpacked.
pub(super) struct Worker<'w, 's> {
    shared: &'w Shared<'s>,
    order: Order,
    package: &'s PackageToUnpack,
    open: &'w mut OpenDirectories<'s>,
    /// Canonical paths of the directories that it has shipped so far, and of others it has used.
    directories: HashMap<Vec<u8>, Arc<[u8]>>,
    conffiles: HashSet<&'s [u8]>,
    sums: HashMap<Vec<u8>, Md5>,
    keeps_sums: bool,
    contended: HashMap<Vec<u8>, Arc<[u8]>>,
    done: UnpackedPackage,
}

/// What became of a package so far.
pub(super) struct Run {
    pub(super) done: UnpackedPackage,
    /// Canonical paths of what another package had written, by the path in this one.
    pub(super) contended: HashMap<Vec<u8>, Arc<[u8]>>,
}

impl<'w, 's> Worker<'w, 's> {
    pub(super) fn new(
        shared: &'w Shared<'s>,
        order: Order,
        open: &'w mut OpenDirectories<'s>,
    ) -> Self {
        let package = &shared.packages[order as usize];
        Self {
            shared,
            order,
            package,
            open,
            directories: HashMap::new(),
            conffiles: package.conffiles().iter().map(Vec::as_slice).collect(),
            sums: HashMap::new(),
            keeps_sums: package.control().file("md5sums").is_none(),
            contended: HashMap::new(),
            done: UnpackedPackage { only_directories: true, ..UnpackedPackage::default() },
        }
    }

    pub(super) fn run(mut self) -> Result<Run, Stop> {
        let start = Instant::now();
        let file = PackageFile::open(self.package.path(), self.shared.limits)?;
        let mut data = file.data()?;
        let mut links = Vec::new();
        while let Some(entry) = data.next_entry()? {
            if self.shared.stop.load(Ordering::Relaxed) {
                // another package's error undoes this one, too
                return Ok(Run { done: self.done, contended: self.contended });
            }
            if matches!(entry.kind, EntryKind::Symlink { .. }) {
                links.push(entry);
            } else {
                self.entry(entry, &mut data)?;
            }
        }
        for link in links {
            self.entry(link, &mut data)?;
        }
        self.done.conffiles = self
            .package
            .conffiles()
            .iter()
            .filter_map(|path| Some((path.clone(), *self.sums.get(path)?)))
            .collect();
        if self.keeps_sums {
            let sum = |path: &Vec<u8>| Some((path.clone(), *self.sums.get(path)?));
            self.done.md5sums = Some(self.done.files.iter().filter_map(sum).collect());
        }
        self.done.elapsed = start.elapsed();
        Ok(Run { done: self.done, contended: self.contended })
    }

    fn entry(&mut self, mut entry: DataEntry, data: &mut DataArchive) -> Result<(), Stop> {
        let overrides = self.shared.overrides;
        self.done.files.push(entry.path.clone());
        if entry.path.is_empty() {
            return Ok(());
        }
        if overrides.is_diverted_to(&entry.path) {
            return Err(Stop::left(&entry.path, LeftReason::Diverted));
        }
        let attributes = Attributes::of(&mut entry, &self.shared.accounts, overrides);
        let place = overrides.place(&entry.path, &self.package.description().name);
        let (parent, name) = split(place);
        let parent = self.parent(parent)?;
        let directory = self.directory(&parent, &entry.path)?;
        let claimant = Claimant {
            order: self.order,
            literal: &entry.path,
            parent: &parent,
            directory: &directory,
            name,
        };
        if entry.kind == EntryKind::Directory {
            let canonical = self.shared.claims().directory(claimant, &attributes)?;
            self.directories.insert(place.to_vec(), canonical);
            return Ok(());
        }
        self.other(claimant, &entry, &attributes, data)
    }

    fn other(
        &mut self,
        claimant: Claimant<'_>,
        entry: &DataEntry,
        attributes: &Attributes,
        data: &mut DataArchive,
    ) -> Result<(), Stop> {
        self.done.newest = self.done.newest.max(entry.modified);
        self.done.only_directories = false;
        let is_conffile = self.conffiles.contains(&entry.path[..]);
        if is_conffile && !matches!(entry.kind, EntryKind::File { .. }) {
            return Err(Stop::left(&entry.path, LeftReason::PeculiarConffile));
        }
        if attributes.has_extended() && !matches!(entry.kind, EntryKind::File { .. }) {
            return Err(Stop::left(&entry.path, LeftReason::Attributes));
        }
        let target = match &entry.kind {
            EntryKind::Symlink { target } => Some(&target[..]),
            _ => None,
        };
        let entangled = is_conffile || matches!(entry.kind, EntryKind::HardLink { .. });
        let turn = self.shared.claims().other(claimant, entangled, target)?;
        let key = join(claimant.parent, claimant.name);
        match turn {
            Turn::Keep => return Ok(()),
            Turn::Contend => return self.contend(&key, entry, data),
            Turn::Write => {}
        }
        let needs_sum = is_conffile || self.keeps_sums;
        let (directory, name) = (claimant.directory, claimant.name);
        let made = match &entry.kind {
            EntryKind::File { size } => {
                self.done.bytes += size;
                let sum = if needs_sum { Sum::Needed } else { Sum::NotNeeded };
                write::file(directory, name, attributes, data, sum).map(|sum| {
                    if let Some(sum) = sum {
                        self.sums.insert(entry.path.clone(), sum);
                    }
                })
            }
            EntryKind::HardLink { target } => {
                if self.conffiles.contains(&target[..]) {
                    return Err(Stop::left(target, LeftReason::PeculiarConffile));
                }
                self.hard_link(target, claimant, attributes)?
            }
            EntryKind::Symlink { .. } => write::finish_symlink(directory, name, attributes),
            kind => write::node(directory, name, file_type(kind), numbers(kind), attributes),
        };
        match made {
            Ok(()) => Ok(()),
            Err(MakeError::Exists) => {
                self.shared.claims().existed(&key);
                Err(Stop::left(&entry.path, LeftReason::PathExists))
            }
            Err(error) => Err(self.failed(&entry.path, error)),
        }
    }

    fn hard_link(
        &mut self,
        target: &[u8],
        claimant: Claimant<'_>,
        attributes: &Attributes,
    ) -> Result<Result<(), MakeError>, Stop> {
        let place = self.shared.overrides.place(target, &self.package.description().name);
        let (parent, old_name) = split(place);
        let parent = self.parent(parent)?;
        let key = join(&parent, old_name);
        self.shared.claims().link_to(self.order, &key, claimant.literal)?;
        let from = self.directory(&parent, target)?;
        if let Some(sum) = self.sums.get(target).copied() {
            self.sums.insert(claimant.literal.to_vec(), sum);
        }
        let new = (claimant.directory, claimant.name);
        Ok(write::hard_link((&from, old_name), new, attributes))
    }

    /// Another package wrote this path: its content is only needed to compare it.
    fn contend(
        &mut self,
        key: &[u8],
        entry: &DataEntry,
        data: &mut DataArchive,
    ) -> Result<(), Stop> {
        let content = match &entry.kind {
            EntryKind::File { .. } => {
                let sum = write::sum(data)?;
                self.sums.insert(entry.path.clone(), sum);
                Content::File(sum)
            }
            EntryKind::Symlink { target } => Content::Symlink(target.clone()),
            _ => Content::Other,
        };
        self.shared.claims().contend(key, self.order, content);
        self.contended.insert(entry.path.clone(), key.into());
        Ok(())
    }

    /// The canonical path of a directory.
    fn parent(&mut self, path: &[u8]) -> Result<Arc<[u8]>, Stop> {
        if let Some(canonical) = self.directories.get(path) {
            return Ok(Arc::clone(canonical));
        }
        let canonical = self.shared.claims().parent(self.order, path)?;
        self.directories.insert(path.to_vec(), Arc::clone(&canonical));
        Ok(canonical)
    }

    fn directory(&mut self, canonical: &Arc<[u8]>, path: &[u8]) -> Result<Directory, Stop> {
        self.open.get(canonical).map_err(|error| {
            self.failed(path, MakeError::Failed("open the directory of", error.into()))
        })
    }

    fn failed(&self, path: &[u8], error: MakeError) -> Stop {
        failed(self.package, path, error)
    }
}

/// What could not be made, as the error of a whole unpacking.
pub(super) fn failed(package: &PackageToUnpack, path: &[u8], error: MakeError) -> Stop {
    let (action, source) = match error {
        MakeError::Package(error) => return error.into(),
        MakeError::Failed(action, source) => (action, source),
        MakeError::Exists => ("make", rustix::io::Errno::EXIST.into()),
    };
    UnpackError::Write { package: package.name(), path: show(path), action, source }.into()
}

/// Reads a package again and makes only the given paths of it: those that another package had written
/// first, although they are this one's. Their canonical paths are free by now.
pub(super) fn rewrite(
    shared: &Shared<'_>,
    order: Order,
    paths: &HashMap<Vec<u8>, Arc<[u8]>>,
    open: &mut OpenDirectories<'_>,
) -> Result<(), Stop> {
    let package = &shared.packages[order as usize];
    let file = PackageFile::open(package.path(), shared.limits)?;
    let mut data = file.data()?;
    while let Some(mut entry) = data.next_entry()? {
        let Some(key) = paths.get(&entry.path) else { continue };
        let attributes = Attributes::of(&mut entry, &shared.accounts, shared.overrides);
        let (parent, name) = split(key);
        let made = open
            .get(&parent.into())
            .map_err(|error| MakeError::Failed("open the directory of", error.into()))
            .and_then(|directory| match &entry.kind {
                EntryKind::File { .. } => {
                    write::file(&directory, name, &attributes, &mut data, Sum::NotNeeded).map(drop)
                }
                EntryKind::Symlink { target } => {
                    write::symlink(&directory, name, target, &attributes)
                }
                kind => write::node(&directory, name, file_type(kind), numbers(kind), &attributes),
            });
        made.map_err(|error| failed(package, &entry.path, error))?;
    }
    Ok(())
}

fn file_type(kind: &EntryKind) -> FileType {
    match kind {
        EntryKind::CharacterDevice { .. } => FileType::CharacterDevice,
        EntryKind::BlockDevice { .. } => FileType::BlockDevice,
        _ => FileType::Fifo,
    }
}

fn numbers(kind: &EntryKind) -> (u32, u32) {
    match kind {
        EntryKind::CharacterDevice { major, minor } | EntryKind::BlockDevice { major, minor } => {
            (*major, *minor)
        }
        _ => (0, 0),
    }
}
