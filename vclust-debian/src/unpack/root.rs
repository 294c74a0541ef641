//! The root directory, and how to reach places in it without ever leaving it.
//!
//! All paths here are *canonical*: below the root, and without a symbolic link on the way. Links are
//! followed by this crate itself, one by one, with the root as their `/` (see
//! `walk`); the kernel is then asked to open the result and to refuse
//! whatever is a link after all (openat2(2), `RESOLVE_BENEATH` and `RESOLVE_NO_SYMLINKS`, Linux 5.6).

use std::collections::HashMap;
use std::io::{self, Read};
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::path::{Path, PathBuf};
use std::rc::Rc;
use std::sync::Arc;

use rustix::fs::{AtFlags, Mode, OFlags, ResolveFlags, Stat};
use rustix::io::Errno;

use super::UnpackError;

/// Directories that one thread keeps open: few, as archives go from directory to directory, and
/// machines with many processors have no more file descriptors than others.
const OPEN: usize = 8;

/// A root directory.
#[derive(Debug)]
pub(super) struct Root {
    path: PathBuf,
    directory: OwnedFd,
}

impl Root {
    pub(super) fn open(path: &Path) -> Result<Self, UnpackError> {
        let flags = OFlags::PATH | OFlags::DIRECTORY | OFlags::CLOEXEC;
        let directory = rustix::fs::open(path, flags, Mode::empty())
            .map_err(|error| UnpackError::Root { root: path.to_owned(), source: error.into() })?;
        Ok(Self { path: path.to_owned(), directory })
    }

    pub(super) fn failed(&self, source: io::Error) -> UnpackError {
        UnpackError::Root { root: self.path.clone(), source }
    }

    /// Opens a directory by its canonical path.
    pub(super) fn directory(&self, canonical: &[u8]) -> rustix::io::Result<OwnedFd> {
        let flags = OFlags::PATH | OFlags::DIRECTORY | OFlags::CLOEXEC;
        let resolve =
            ResolveFlags::BENEATH | ResolveFlags::NO_SYMLINKS | ResolveFlags::NO_MAGICLINKS;
        self.resolve(canonical, flags, resolve)
    }

    fn resolve(
        &self,
        path: &[u8],
        flags: OFlags,
        resolve: ResolveFlags,
    ) -> rustix::io::Result<OwnedFd> {
        let path: &[u8] = if path.is_empty() { b"." } else { path };
        loop {
            // the kernel gives up if directories are renamed anywhere while it looks
            match rustix::fs::openat2(&self.directory, path, flags, Mode::empty(), resolve) {
                Err(Errno::AGAIN | Errno::INTR) => {}
                result => return result,
            }
        }
    }

    /// Whether there is anything at a path that may lead through links; the last component is not
    /// followed.
    pub(super) fn has(&self, path: &[u8]) -> io::Result<bool> {
        let flags = OFlags::PATH | OFlags::NOFOLLOW | OFlags::CLOEXEC;
        match self.resolve(path, flags, ResolveFlags::IN_ROOT | ResolveFlags::NO_MAGICLINKS) {
            Ok(_) => Ok(true),
            Err(Errno::NOENT | Errno::NOTDIR | Errno::LOOP) => Ok(false),
            Err(error) => Err(error.into()),
        }
    }

    /// The content of a file of the root, links followed inside it; empty if there is none.
    pub(super) fn read_file(&self, path: &str, limit: u64) -> io::Result<Vec<u8>> {
        let flags = OFlags::RDONLY | OFlags::NONBLOCK | OFlags::NOCTTY | OFlags::CLOEXEC;
        let resolve = ResolveFlags::IN_ROOT | ResolveFlags::NO_MAGICLINKS;
        let file = match self.resolve(path.as_bytes(), flags, resolve) {
            Ok(file) => std::fs::File::from(file),
            Err(Errno::NOENT | Errno::NOTDIR) => return Ok(Vec::new()),
            Err(error) => return Err(error.into()),
        };
        let mut content = Vec::new();
        if file.metadata()?.is_file() {
            file.take(limit).read_to_end(&mut content)?;
        }
        Ok(content)
    }

    /// What is at a canonical path, which itself may be a link.
    pub(super) fn stat(&self, canonical: &[u8]) -> rustix::io::Result<Stat> {
        let (parent, name) = split(canonical);
        rustix::fs::statat(self.directory(parent)?, name, AtFlags::SYMLINK_NOFOLLOW)
    }

    /// Opens the file at a canonical path for reading.
    pub(super) fn file(&self, canonical: &[u8]) -> io::Result<std::fs::File> {
        let (parent, name) = split(canonical);
        let flags = OFlags::RDONLY | OFlags::NOFOLLOW | OFlags::NONBLOCK | OFlags::CLOEXEC;
        let file = rustix::fs::openat(self.directory(parent)?, name, flags, Mode::empty())?;
        Ok(file.into())
    }

    /// Where the link at a canonical path points to.
    pub(super) fn link(&self, canonical: &[u8]) -> rustix::io::Result<Vec<u8>> {
        let (parent, name) = split(canonical);
        let target = rustix::fs::readlinkat(self.directory(parent)?, name, Vec::new())?;
        Ok(target.into_bytes())
    }

    /// Removes what is at a canonical path, if it is there.
    pub(super) fn remove(&self, canonical: &[u8], flags: AtFlags) -> rustix::io::Result<()> {
        let (parent, name) = split(canonical);
        let removed =
            self.directory(parent).and_then(|parent| rustix::fs::unlinkat(parent, name, flags));
        match removed {
            Err(Errno::NOENT) => Ok(()),
            result => result,
        }
    }
}

/// Directories that a thread has open, by canonical path.
#[derive(Debug)]
pub(super) struct OpenDirectories<'a> {
    root: &'a Root,
    open: HashMap<Arc<[u8]>, Rc<OwnedFd>>,
}

/// A directory that stays open as long as it is used.
#[derive(Debug, Clone)]
pub(super) struct Directory(Rc<OwnedFd>);

impl AsFd for Directory {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.0.as_fd()
    }
}

impl<'a> OpenDirectories<'a> {
    pub(super) fn new(root: &'a Root) -> Self {
        Self { root, open: HashMap::new() }
    }

    pub(super) fn get(&mut self, canonical: &Arc<[u8]>) -> rustix::io::Result<Directory> {
        if let Some(directory) = self.open.get(canonical) {
            return Ok(Directory(Rc::clone(directory)));
        }
        if self.open.len() >= OPEN {
            self.open.clear();
        }
        let directory = Rc::new(self.root.directory(canonical)?);
        self.open.insert(Arc::clone(canonical), Rc::clone(&directory));
        Ok(Directory(directory))
    }
}

/// A path's parent and name.
pub(super) fn split(path: &[u8]) -> (&[u8], &[u8]) {
    match path.iter().rposition(|byte| *byte == b'/') {
        Some(slash) => (&path[..slash], &path[slash + 1..]),
        None => (&[], path),
    }
}

/// A path from its parent and name.
pub(super) fn join(parent: &[u8], name: &[u8]) -> Vec<u8> {
    if parent.is_empty() { name.to_vec() } else { [parent, b"/", name].concat() }
}
