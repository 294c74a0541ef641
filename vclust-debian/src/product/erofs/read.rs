//! Images of ours back to trees: what is needed to make every other product of them.
//!
//! Only what [`write_erofs`](super::write_erofs) writes is read: one block size, inodes of the extended
//! form, no compression, no shared attributes. All numbers are checked against the image's size by
//! reading at them, and no directory is entered twice, so a damaged image ends in an error.

use std::collections::HashMap;
use std::fs::File;
use std::io::{self, Read};
use std::os::unix::fs::FileExt;
use std::path::Path;

use super::super::error::ProductError;
use super::super::tree::{Entry, Kind, Source, Tree};
use super::super::xattr::Xattr;
use super::inode::{PREFIXES, device_numbers};
use super::layout::{BLOCK, INODE, SLOT, SUPERBLOCK, SUPERBLOCK_BYTES, XATTR_HEADER};
use super::{COMPATIBLE, MAGIC, crc32c};

/// Where the content of a file is: blocks, and after them the last part.
#[derive(Debug, Clone, Copy, Default)]
pub(in super::super) struct Extent {
    blocks_at: u64,
    blocks_bytes: u64,
    tail_at: u64,
    size: u64,
}

impl Tree {
    /// Reads an erofs image that [`write_erofs`](super::write_erofs) made. The tree is the one that it was
    /// made of: it has the same digest.
    pub fn read_erofs(image: &Path) -> Result<Self, ProductError> {
        let file = File::open(image).map_err(ProductError::read(image))?;
        let reader = Reader { file: &file };
        let (entries, extents, epoch) = reader.entries().map_err(|problem| match problem {
            Problem::Read(source) => ProductError::Read { path: image.to_owned(), source },
            Problem::Damaged(reason) => ProductError::Image { path: image.to_owned(), reason },
        })?;
        let source = Source::Image { path: image.to_owned(), file, extents };
        Ok(Self::of(source, entries, epoch))
    }
}

/// The content of one file of an image.
pub(in super::super) struct ImageContent<'a> {
    file: &'a File,
    extent: Extent,
    at: u64,
}

impl<'a> ImageContent<'a> {
    pub(in super::super) fn new(file: &'a File, extent: Extent) -> Self {
        Self { file, extent, at: 0 }
    }
}

impl Read for ImageContent<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let Extent { blocks_at, blocks_bytes, tail_at, size } = self.extent;
        let (from, left) = if self.at < blocks_bytes {
            (blocks_at + self.at, blocks_bytes.min(size) - self.at)
        } else {
            (tail_at + (self.at - blocks_bytes), size - self.at)
        };
        let wanted = (buffer.len() as u64).min(left) as usize;
        let read = self.file.read_at(&mut buffer[..wanted], from)?;
        self.at += read as u64;
        Ok(read)
    }
}

/// Why an image is not read.
pub(super) enum Problem {
    Read(io::Error),
    Damaged(&'static str),
}

impl From<io::Error> for Problem {
    fn from(error: io::Error) -> Self {
        match error.kind() {
            io::ErrorKind::UnexpectedEof => Self::Damaged("it is shorter than it says"),
            _ => Self::Read(error),
        }
    }
}

pub(super) struct Reader<'a> {
    pub(super) file: &'a File,
}

/// An inode as it lies in an image.
pub(super) struct Inode {
    pub(super) entry: Entry,
    pub(super) extent: Extent,
}

/// More bytes than a directory or a symbolic link has.
const MOST: u64 = 1 << 28;

impl Reader<'_> {
    fn read(&self, at: u64, bytes: u64) -> Result<Vec<u8>, Problem> {
        if bytes > MOST {
            return Err(Problem::Damaged("a directory in it is too large"));
        }
        let mut buffer = vec![0; bytes as usize];
        self.file.read_exact_at(&mut buffer, at)?;
        Ok(buffer)
    }

    /// The number of the root's inode, and the time of the build.
    pub(super) fn superblock(&self) -> Result<(u64, u64), Problem> {
        let mut covered = self.read(SUPERBLOCK, BLOCK - SUPERBLOCK)?;
        let sum = number(&covered, 4, 4) as u32;
        covered[4..8].fill(0);
        let block = &covered[..SUPERBLOCK_BYTES as usize];
        let is_ours = number(block, 0, 4) == u64::from(MAGIC)
            && number(block, 8, 4) == u64::from(COMPATIBLE)
            && number(block, 12, 1) == u64::from(BLOCK.ilog2())
            // where inodes begin, shared attributes, and what older kernels could not read
            && [40, 44, 80].iter().all(|at| number(block, *at, 4) == 0);
        if !is_ours {
            return Err(Problem::Damaged("it was not made by vclust"));
        }
        if crc32c(&covered) != sum {
            return Err(Problem::Damaged("its checksum is wrong"));
        }
        Ok((number(block, 14, 2), number(block, 24, 8)))
    }

    fn entries(&self) -> Result<(Vec<Entry>, Vec<Extent>, u64), Problem> {
        let (root, epoch) = self.superblock()?;
        let (mut entries, mut extents) = (Vec::new(), Vec::new());
        let mut seen: HashMap<u64, usize> = HashMap::new();
        // what is still to be taken, the next one last
        let mut open: Vec<(Vec<u8>, usize, u64)> = vec![(Vec::new(), 0, root)];
        while let Some((path, parent, id)) = open.pop() {
            let place = entries.len();
            let Inode { mut entry, extent } = self.inode(id)?;
            (entry.path, entry.parent) = (path, parent);
            if let Some(first) = seen.insert(id, place) {
                if entry.kind == Kind::Directory {
                    return Err(Problem::Damaged("a directory in it has two names"));
                }
                entry.kind = Kind::HardLink { file: first };
                entry.xattrs.clear();
                seen.insert(id, first);
            }
            if entry.kind == Kind::Directory {
                let before = open.len();
                let content = self.content(extent)?;
                for block in content.chunks(BLOCK as usize) {
                    names(block, &entry.path, place, &mut open)?;
                }
                open[before..].sort_by(|a, b| b.0.cmp(&a.0));
            }
            entries.push(entry);
            extents.push(extent);
        }
        Ok((entries, extents, epoch))
    }

    pub(super) fn content(&self, extent: Extent) -> Result<Vec<u8>, Problem> {
        if extent.size > MOST {
            return Err(Problem::Damaged("a directory in it is too large"));
        }
        let mut content = Vec::with_capacity(extent.size as usize);
        ImageContent::new(self.file, extent).read_to_end(&mut content)?;
        if content.len() as u64 == extent.size {
            Ok(content)
        } else {
            Err(Problem::Damaged("it is shorter than it says"))
        }
    }

    pub(super) fn inode(&self, id: u64) -> Result<Inode, Problem> {
        let at = id.checked_mul(SLOT).ok_or(Problem::Damaged("a directory in it is damaged"))?;
        let fields = self.read(at, INODE)?;
        let format = number(&fields, 0, 2);
        if format != 1 && format != 5 {
            return Err(Problem::Damaged("it was not made by vclust"));
        }
        let xattr_bytes = match number(&fields, 2, 2) {
            0 => 0,
            count => XATTR_HEADER + 4 * (count - 1),
        };
        let mode = number(&fields, 4, 2) as u32;
        let (size, block) = (number(&fields, 8, 8), number(&fields, 16, 4));
        let inline = if format == 5 { size % BLOCK } else { 0 };
        let extent = Extent {
            blocks_at: block * BLOCK,
            blocks_bytes: size - inline,
            tail_at: at + INODE + xattr_bytes,
            size,
        };
        let (major, minor) = device_numbers(block as u32);
        let kind = match mode & 0o170_000 {
            0o010_000 => Kind::Fifo,
            0o020_000 => Kind::CharacterDevice { major, minor },
            0o040_000 => Kind::Directory,
            0o060_000 => Kind::BlockDevice { major, minor },
            0o100_000 => Kind::File { size },
            0o120_000 => Kind::Symlink { target: self.content(extent)? },
            _ => return Err(Problem::Damaged("a file in it is of no kind")),
        };
        let entry = Entry {
            path: Vec::new(),
            parent: 0,
            kind,
            mode: mode & 0o7777,
            uid: number(&fields, 24, 4) as u32,
            gid: number(&fields, 28, 4) as u32,
            mtime: number(&fields, 32, 8),
            xattrs: xattrs(&self.read(at + INODE, xattr_bytes)?)?,
        };
        Ok(Inode { entry, extent })
    }
}

/// The names in one block of a directory.
pub(super) fn names(
    block: &[u8],
    path: &[u8],
    place: usize,
    open: &mut Vec<(Vec<u8>, usize, u64)>,
) -> Result<(), Problem> {
    let damaged = || Problem::Damaged("a directory in it is damaged");
    let start = |record: usize| block.get(record * 12..record * 12 + 12);
    let first = number(start(0).ok_or_else(damaged)?, 8, 2) as usize;
    let count = first / 12;
    for record in 0..count {
        let fields = start(record).ok_or_else(damaged)?;
        let (id, at) = (number(fields, 0, 8), number(fields, 8, 2) as usize);
        let end = match start(record + 1).filter(|_| record + 1 < count) {
            Some(next) => number(next, 8, 2) as usize,
            None => block.len(),
        };
        let name = block.get(at..end).ok_or_else(damaged)?;
        // the last name of a block may be followed by zeros
        let name = name.split(|byte| *byte == 0).next().unwrap_or_default();
        if name == b"." || name == b".." {
            continue;
        }
        if name.is_empty() || name.contains(&b'/') {
            return Err(damaged());
        }
        let mut full = path.to_vec();
        if !full.is_empty() {
            full.push(b'/');
        }
        full.extend_from_slice(name);
        open.push((full, place, id));
    }
    Ok(())
}

fn xattrs(area: &[u8]) -> Result<Vec<Xattr>, Problem> {
    let damaged = || Problem::Damaged("an attribute in it is damaged");
    let mut found = Vec::new();
    let mut rest = area.get(XATTR_HEADER as usize..).unwrap_or_default();
    while !rest.is_empty() {
        let header = rest.get(..4).ok_or_else(damaged)?;
        let (name, value) = (usize::from(header[0]), number(header, 2, 2) as usize);
        let prefix = PREFIXES.iter().find(|(number, _)| *number == header[1]);
        let (_, prefix) = prefix.ok_or_else(damaged)?;
        let text = rest.get(4..4 + name).ok_or_else(damaged)?;
        let content = rest.get(4 + name..4 + name + value).ok_or_else(damaged)?;
        found.push(([prefix, text].concat(), content.to_vec()));
        rest = rest.get((4 + name + value).next_multiple_of(4)..).unwrap_or_default();
    }
    found.sort();
    Ok(found)
}

/// A number of so many bytes, the lowest first; 0 beyond the end.
fn number(bytes: &[u8], at: usize, count: usize) -> u64 {
    let field = bytes.get(at..at + count).unwrap_or_default();
    field.iter().rev().fold(0, |number, byte| number << 8 | u64::from(*byte))
}
