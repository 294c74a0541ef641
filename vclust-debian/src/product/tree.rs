//! A root directory as products have it: every entry in order, times clamped, owners as numbers.

use std::collections::HashMap;
use std::ffi::OsStr;
use std::fs::{self, File, Metadata};
use std::io::Read;
use std::os::unix::ffi::{OsStrExt, OsStringExt};
use std::os::unix::fs::{FileTypeExt, MetadataExt};
use std::path::{Path, PathBuf};

use rustix::fs::{Mode, OFlags, ResolveFlags};

use super::erofs::{Extent, ImageContent};
use super::error::ProductError;
use super::xattr::{self, Xattr};

/// What an entry is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Kind {
    Directory,
    File {
        size: u64,
    },
    /// Another name of the file at this place of the tree.
    HardLink {
        file: usize,
    },
    Symlink {
        target: Vec<u8>,
    },
    CharacterDevice {
        major: u32,
        minor: u32,
    },
    BlockDevice {
        major: u32,
        minor: u32,
    },
    Fifo,
}

/// One entry.
#[derive(Debug, Clone)]
pub(super) struct Entry {
    /// Below the root, without a slash at either end; empty for the root.
    pub(super) path: Vec<u8>,
    /// The place of the directory that it is in; its own for the root.
    pub(super) parent: usize,
    pub(super) kind: Kind,
    /// The twelve bits of permissions.
    pub(super) mode: u32,
    pub(super) uid: u32,
    pub(super) gid: u32,
    /// Seconds since the start of 1970.
    pub(super) mtime: u64,
    pub(super) xattrs: Vec<Xattr>,
}

impl Entry {
    /// The last part of the path.
    pub(super) fn name(&self) -> &[u8] {
        self.path.rsplit(|byte| *byte == b'/').next().unwrap_or_default()
    }
}

/// A root directory, read once and not modified.
///
/// Directories come before what is in them, and what is in them is ordered by the bytes of its
/// names. Of a file with several names the first is the file and the others are links to it. Sockets
/// are left out: they are nothing without the program that made them.
#[derive(Debug)]
pub struct Tree {
    source: Source,
    pub(super) entries: Vec<Entry>,
    epoch: u64,
}

/// Where the content of files comes from.
#[derive(Debug)]
pub(super) enum Source {
    Directory {
        root: PathBuf,
        handle: File,
    },
    /// An erofs image, with the place of each entry's content.
    Image {
        path: PathBuf,
        file: File,
        extents: Vec<Extent>,
    },
}

impl Tree {
    /// Reads a root directory. Whatever was modified later than `source_date_epoch`, seconds since
    /// the start of 1970, counts as modified then; parts of a second are dropped.
    ///
    /// Fails where something cannot be read, and where something is mounted in it.
    pub fn read(root: &Path, source_date_epoch: u64) -> Result<Self, ProductError> {
        let top = fs::metadata(root).map_err(ProductError::read(root))?;
        let handle = File::open(root).map_err(ProductError::read(root))?;
        let source = Source::Directory { root: root.to_owned(), handle };
        let mut tree = Self::of(source, Vec::new(), source_date_epoch);
        let device = top.dev();
        let mut files: HashMap<u64, usize> = HashMap::new();
        // what is still to be taken, the next one last
        let mut open: Vec<(Vec<u8>, usize, Metadata)> = vec![(Vec::new(), 0, top)];
        while let Some((path, parent, metadata)) = open.pop() {
            let full = tree.full(&path);
            if metadata.dev() != device {
                return Err(ProductError::Mounted { path: full });
            }
            let place = tree.entries.len();
            let Some(kind) = kind_of(&full, &metadata, place, &mut files)? else { continue };
            if kind == Kind::Directory {
                let before = open.len();
                for entry in fs::read_dir(&full).map_err(ProductError::read(&full))? {
                    let entry = entry.map_err(ProductError::read(&full))?;
                    let below = entry.metadata().map_err(ProductError::read(&entry.path()))?;
                    let mut path = path.clone();
                    if !path.is_empty() {
                        path.push(b'/');
                    }
                    path.extend_from_slice(entry.file_name().as_bytes());
                    open.push((path, place, below));
                }
                open[before..].sort_by(|a, b| b.0.cmp(&a.0));
            }
            let xattrs = match kind {
                Kind::HardLink { .. } => Vec::new(),
                _ => xattr::read(&full).map_err(ProductError::read(&full))?,
            };
            tree.entries.push(Entry {
                path,
                parent,
                kind,
                mode: metadata.mode() & 0o7777,
                uid: metadata.uid(),
                gid: metadata.gid(),
                mtime: u64::try_from(metadata.mtime()).unwrap_or(0).min(source_date_epoch),
                xattrs,
            });
        }
        Ok(tree)
    }

    pub(super) fn of(source: Source, entries: Vec<Entry>, epoch: u64) -> Self {
        Self { source, entries, epoch }
    }

    /// Number of entries, directories and links included.
    #[must_use]
    pub fn entries(&self) -> usize {
        self.entries.len()
    }

    /// Bytes in all files together, those of a file with several names once.
    #[must_use]
    pub fn content_bytes(&self) -> u64 {
        let size = |entry: &Entry| match entry.kind {
            Kind::File { size } => size,
            _ => 0,
        };
        self.entries.iter().map(size).sum()
    }

    /// The latest time that an entry can have.
    pub(super) fn epoch(&self) -> u64 {
        self.epoch
    }

    /// Where something of the tree is.
    pub(super) fn full(&self, path: &[u8]) -> PathBuf {
        let (Source::Directory { root: top, .. } | Source::Image { path: top, .. }) = &self.source;
        if path.is_empty() { top.clone() } else { top.join(OsStr::from_bytes(path)) }
    }

    /// Opens the file at a place of the tree, which must have the size it had.
    pub(super) fn open(&self, place: usize, size: u64) -> Result<Content<'_>, ProductError> {
        let entry = &self.entries[place];
        let path = self.full(&entry.path);
        let reader: Box<dyn Read + '_> = match &self.source {
            Source::Directory { handle, .. } => {
                let flags = OFlags::RDONLY | OFlags::NOFOLLOW | OFlags::CLOEXEC | OFlags::NONBLOCK;
                let resolve = ResolveFlags::BENEATH | ResolveFlags::NO_SYMLINKS;
                let below = OsStr::from_bytes(&entry.path);
                let file = rustix::fs::openat2(handle, below, flags, Mode::empty(), resolve);
                let failed = |error: rustix::io::Errno| ProductError::read(&path)(error.into());
                Box::new(File::from(file.map_err(failed)?))
            }
            Source::Image { file, extents, .. } => {
                Box::new(ImageContent::new(file, extents[place]))
            }
        };
        Ok(Content { reader, path, left: size })
    }
}

/// What something is; `None` for what is left out.
fn kind_of(
    full: &Path,
    metadata: &Metadata,
    place: usize,
    files: &mut HashMap<u64, usize>,
) -> Result<Option<Kind>, ProductError> {
    let kind = metadata.file_type();
    let (major, minor) = (rustix::fs::major(metadata.rdev()), rustix::fs::minor(metadata.rdev()));
    // overlays of newer kernels link their whiteouts with one another: the bytes must not tell
    let is_whiteout = kind.is_char_device() && metadata.rdev() == 0;
    if !kind.is_dir() && !is_whiteout && metadata.nlink() > 1 {
        if let Some(file) = files.get(&metadata.ino()) {
            return Ok(Some(Kind::HardLink { file: *file }));
        }
        if !kind.is_socket() {
            files.insert(metadata.ino(), place);
        }
    }
    Ok(if kind.is_dir() {
        Some(Kind::Directory)
    } else if kind.is_file() {
        Some(Kind::File { size: metadata.len() })
    } else if kind.is_symlink() {
        let target = fs::read_link(full).map_err(ProductError::read(full))?;
        Some(Kind::Symlink { target: target.into_os_string().into_vec() })
    } else if kind.is_char_device() {
        Some(Kind::CharacterDevice { major, minor })
    } else if kind.is_block_device() {
        Some(Kind::BlockDevice { major, minor })
    } else if kind.is_fifo() {
        Some(Kind::Fifo)
    } else {
        None
    })
}

/// The content of a file: as many bytes as the tree says, no more and no less.
pub(super) struct Content<'a> {
    reader: Box<dyn Read + 'a>,
    path: PathBuf,
    left: u64,
}

impl Content<'_> {
    /// Reads on until the buffer is full or the file ends; 0 is the end.
    pub(super) fn fill(&mut self, buffer: &mut [u8]) -> Result<usize, ProductError> {
        let mut filled = 0;
        while filled < buffer.len() {
            match self.reader.read(&mut buffer[filled..]) {
                Ok(0) => break,
                Ok(read) => filled += read,
                Err(error) if error.kind() == std::io::ErrorKind::Interrupted => {}
                Err(source) => {
                    return Err(ProductError::Read { path: self.path.clone(), source });
                }
            }
        }
        match self.left.checked_sub(filled as u64) {
            Some(left) if left == 0 || filled == buffer.len() => self.left = left,
            _ => return Err(ProductError::Changed { path: self.path.clone() }),
        }
        Ok(filled)
    }
}
