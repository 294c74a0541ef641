//! Who ships what: the table that packages enter each of their paths into before they write it.
//!
//! It is what makes the result independent of the threads. A path is claimed before it is written, so
//! that of two packages with one path the later claimant always sees the earlier one; who of them is
//! right is decided afterwards, from the packages' order alone ([`settle`](super::settle)). Whether a
//! directory was in the root before is found out when its first claimant makes it, under the table's
//! lock. Wherever a symbolic link of one package could change where another package's paths lead,
//! the claims meet in the same place, and [`UnpackError::NeedsOrder`] says so.

use std::collections::HashMap;
use std::sync::Arc;

use rustix::fs::{FileType, Mode, Stat};
use rustix::io::Errno;

use super::error::{LeftReason, Stop, show};
use super::root::{Directory, Root, join};
use super::walk::LINKS;
use super::write::Attributes;
use super::{Md5, PackageToUnpack, UnpackError};

/// A package's place in the order of unpacking.
pub(super) type Order = u32;

/// What one canonical path is claimed as.
#[derive(Debug)]
pub(super) enum Claim {
    Directory(DirectoryClaim),
    /// A link of the root's own that leads to the directory with this canonical path.
    Alias(Arc<[u8]>),
    Other(OtherClaim),
}

/// A directory.
#[derive(Debug)]
pub(super) struct DirectoryClaim {
    /// Whether it was in the root before; then its attributes are not ours to set.
    pub(super) existed: bool,
    /// The packages that ship it.
    pub(super) shippers: Vec<Order>,
    /// What the first of them, by order, says.
    pub(super) attributes: Attributes,
    first: Order,
}

/// Anything but a directory.
#[derive(Debug, Clone)]
pub(super) struct OtherClaim {
    /// The package that wrote it.
    pub(super) writer: Order,
    /// The path in the package, where it is not the canonical one.
    pub(super) literal: Option<Box<[u8]>>,
    /// Whether it is a conffile, a hard link or the target of one: then no other package may ship it.
    pub(super) entangled: bool,
    /// Whether it was in the root before, and is not ours to remove.
    pub(super) existed: bool,
    /// Packages that ship the same path and did not write it.
    pub(super) contenders: Vec<Contender>,
}

/// A package that ships what another package wrote.
#[derive(Debug, Clone)]
pub(super) struct Contender {
    pub(super) order: Order,
    pub(super) content: Content,
}

/// What a path holds, to compare it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Content {
    File(Md5),
    Symlink(Vec<u8>),
    /// Devices and pipes are not compared, so that packages cannot share them.
    Other,
}

/// What a package is to do with an entry that is no directory.
#[derive(Debug)]
pub(super) enum Turn {
    /// Write it.
    Write,
    /// It is a link to a directory where there is a directory: leave that.
    Keep,
    /// Another package wrote it: say what it would have been.
    Contend,
}

/// The table, for packages in their order.
#[derive(Debug)]
pub(super) struct Claims<'a> {
    pub(super) table: HashMap<Box<[u8]>, Claim>,
    packages: &'a [PackageToUnpack],
    pub(super) root: &'a Root,
}

/// An entry that is about to be claimed.
#[derive(Debug, Clone, Copy)]
pub(super) struct Claimant<'e> {
    pub(super) order: Order,
    /// The path in the package.
    pub(super) literal: &'e [u8],
    /// The canonical path of its directory, which is open.
    pub(super) parent: &'e [u8],
    pub(super) directory: &'e Directory,
    /// Its name in that directory.
    pub(super) name: &'e [u8],
}

impl Claimant<'_> {
    fn key(&self) -> Vec<u8> {
        join(self.parent, self.name)
    }
}

impl<'a> Claims<'a> {
    pub(super) fn new(root: &'a Root, packages: &'a [PackageToUnpack]) -> Self {
        Self { table: HashMap::new(), packages, root }
    }

    /// Claims a directory and makes it unless it is there; its canonical path.
    pub(super) fn directory(
        &mut self,
        claimant: Claimant<'_>,
        attributes: &Attributes,
    ) -> Result<Arc<[u8]>, Stop> {
        let order = claimant.order;
        let key = claimant.key();
        match self.table.get_mut(&key[..]) {
            Some(Claim::Directory(directory)) => {
                directory.ship(order, attributes);
                return Ok(key.into());
            }
            Some(Claim::Alias(canonical)) => return Ok(Arc::clone(canonical)),
            Some(Claim::Other(other)) if other.is_of(order) => {
                return Err(Stop::left(claimant.literal, LeftReason::Twice));
            }
            Some(Claim::Other(other)) => {
                let writer = other.writer;
                return Err(self.needs_order(writer, order, &key, DIRECTORY_OR_NOT));
            }
            None => {}
        }
        // nobody else needs the directory before its owner and mode are set at the end
        match rustix::fs::mkdirat(claimant.directory, claimant.name, Mode::RWXU) {
            Ok(()) => {
                let directory = DirectoryClaim::new(false, order, attributes);
                self.table.insert(key.clone().into(), Claim::Directory(directory));
                Ok(key.into())
            }
            Err(Errno::EXIST) => match self.found(order, claimant.parent, claimant.name, LINKS)? {
                Some(canonical) => {
                    if let Some(Claim::Directory(found)) = self.table.get_mut(&key[..]) {
                        found.ship(order, attributes);
                    }
                    Ok(canonical)
                }
                None => Err(Stop::left(claimant.literal, LeftReason::PathExists)),
            },
            Err(error) => Err(self.failed(order, &key, "make the directory", error)),
        }
    }

    /// Claims something that is no directory.
    pub(super) fn other(
        &mut self,
        claimant: Claimant<'_>,
        entangled: bool,
        link: Option<&[u8]>,
    ) -> Result<Turn, Stop> {
        let order = claimant.order;
        let key = claimant.key();
        let literal = (claimant.literal != key).then(|| claimant.literal.into());
        let meets = match self.table.get_mut(&key[..]) {
            Some(Claim::Other(other)) => {
                if other.is_of(order) {
                    return Err(Stop::left(claimant.literal, LeftReason::Twice));
                }
                if other.literal != literal {
                    (other.writer, "has two names, one in each of them")
                } else if other.entangled || entangled {
                    (other.writer, "is in both, and a conffile or a hard link")
                } else {
                    other.contenders.push(Contender { order, content: Content::Other });
                    return Ok(Turn::Contend);
                }
            }
            Some(Claim::Directory(directory)) => {
                let is_own = directory.shippers.contains(&order);
                match (directory.shippers.first(), link) {
                    // it is there when this package's link comes, whoever was first
                    (_, Some(_)) if directory.existed || is_own => return Ok(Turn::Keep),
                    (_, None) if directory.existed => {
                        return Err(Stop::left(claimant.literal, LeftReason::PathExists));
                    }
                    (Some(foreign), _) if !is_own => (*foreign, DIRECTORY_OR_NOT),
                    _ => return Err(Stop::left(claimant.literal, LeftReason::Twice)),
                }
            }
            Some(Claim::Alias(canonical)) => {
                let canonical = Arc::clone(canonical);
                return self.same_alias(claimant, &canonical, link);
            }
            None => {
                let claim = OtherClaim {
                    writer: order,
                    literal,
                    entangled,
                    existed: false,
                    contenders: Vec::new(),
                };
                self.table.insert(key.clone().into(), Claim::Other(claim));
                return match link {
                    Some(target) => self.symlink(claimant, &key, target),
                    None => Ok(Turn::Write),
                };
            }
        };
        Err(self.needs_order(meets.0, order, &key, meets.1))
    }

    /// Makes a symbolic link, or finds that a directory is in its place. This is done under the lock
    /// because the claim turns out to be one of a directory then.
    fn symlink(&mut self, claimant: Claimant<'_>, key: &[u8], target: &[u8]) -> Result<Turn, Stop> {
        match rustix::fs::symlinkat(target, claimant.directory, claimant.name) {
            Ok(()) => Ok(Turn::Write),
            Err(Errno::EXIST) => {
                self.table.remove(key);
                match self.found(claimant.order, claimant.parent, claimant.name, LINKS) {
                    Ok(Some(canonical)) if *canonical == *key => Ok(Turn::Keep),
                    Ok(Some(canonical)) => self.same_alias(claimant, &canonical, Some(target)),
                    Ok(None) => {
                        let mut claim = OtherClaim::existing(claimant.order);
                        claim.literal = (claimant.literal != key).then(|| claimant.literal.into());
                        self.table.insert(key.into(), Claim::Other(claim));
                        Err(Stop::left(claimant.literal, LeftReason::PathExists))
                    }
                    Err(stop) => Err(stop),
                }
            }
            Err(error) => Err(self.failed(claimant.order, key, "make the link", error)),
        }
    }

    /// Whether a link would lead to the directory to which the root's own link leads already.
    fn same_alias(
        &mut self,
        claimant: Claimant<'_>,
        canonical: &[u8],
        link: Option<&[u8]>,
    ) -> Result<Turn, Stop> {
        if let Some(target) = link {
            let walked = self.walk(claimant.order, claimant.parent, target, LINKS)?;
            if walked.as_deref() == Some(canonical) {
                return Ok(Turn::Keep);
            }
        }
        Err(Stop::left(claimant.literal, LeftReason::PathExists))
    }

    /// Notes that what a package wanted to write was in the root before.
    pub(super) fn existed(&mut self, key: &[u8]) {
        if let Some(Claim::Other(other)) = self.table.get_mut(key) {
            other.existed = true;
        }
    }

    /// Notes what a contender would have written.
    pub(super) fn contend(&mut self, key: &[u8], order: Order, content: Content) {
        if let Some(Claim::Other(other)) = self.table.get_mut(key) {
            if let Some(one) = other.contenders.iter_mut().find(|one| one.order == order) {
                one.content = content;
            }
        }
    }

    /// Claims a file of the same package for a hard link to it.
    pub(super) fn link_to(&mut self, order: Order, key: &[u8], literal: &[u8]) -> Result<(), Stop> {
        let meets = match self.table.get_mut(key) {
            Some(Claim::Other(other)) if other.writer == order => {
                other.entangled = true;
                match other.contenders.first() {
                    None => return Ok(()),
                    Some(contender) => contender.order,
                }
            }
            Some(Claim::Other(other)) if other.is_of(order) => other.writer,
            _ => return Err(Stop::left(literal, LeftReason::LinkToOther)),
        };
        Err(self.needs_order(meets, order, key, "is in both, and a hard link leads to it"))
    }

    pub(super) fn name(&self, order: Order) -> String {
        self.packages[order as usize].name()
    }

    pub(super) fn needs_order(
        &self,
        one: Order,
        other: Order,
        key: &[u8],
        why: &'static str,
    ) -> Stop {
        Stop::Failed(UnpackError::NeedsOrder {
            first: self.name(one.min(other)),
            second: self.name(one.max(other)),
            path: show(key),
            why,
        })
    }

    pub(super) fn failed(
        &self,
        order: Order,
        key: &[u8],
        action: &'static str,
        error: Errno,
    ) -> Stop {
        Stop::Failed(UnpackError::Write {
            package: self.name(order),
            path: show(key),
            action,
            source: error.into(),
        })
    }

    /// What is at a path, to compare it with what a package would have written there.
    pub(super) fn written(&self, key: &[u8]) -> std::io::Result<Content> {
        let stat = self.root.stat(key)?;
        if is(&stat, FileType::Symlink) {
            Ok(Content::Symlink(self.root.link(key)?))
        } else if is(&stat, FileType::RegularFile) {
            Ok(Content::File(Md5::of(&mut self.root.file(key)?)?))
        } else {
            Ok(Content::Other)
        }
    }
}

pub(super) const DIRECTORY_OR_NOT: &str =
    "is a directory in one of them and something else in the other";

impl DirectoryClaim {
    fn new(existed: bool, order: Order, attributes: &Attributes) -> Self {
        Self { existed, shippers: vec![order], attributes: attributes.clone(), first: order }
    }

    /// A directory of the root that nobody ships so far.
    pub(super) fn found() -> Self {
        let attributes = Attributes::default();
        Self { existed: true, shippers: Vec::new(), attributes, first: Order::MAX }
    }

    fn ship(&mut self, order: Order, attributes: &Attributes) {
        if !self.shippers.contains(&order) {
            self.shippers.push(order);
        }
        if order < self.first {
            self.first = order;
            self.attributes = attributes.clone();
        }
    }
}

impl OtherClaim {
    /// Whether a package ships this, whoever wrote it.
    pub(super) fn is_of(&self, order: Order) -> bool {
        self.writer == order || self.contenders.iter().any(|contender| contender.order == order)
    }

    fn existing(writer: Order) -> Self {
        Self { writer, literal: None, entangled: false, existed: true, contenders: Vec::new() }
    }
}

pub(super) fn is(stat: &Stat, kind: FileType) -> bool {
    FileType::from_raw_mode(stat.st_mode) == kind
}
