//! Where everything in an erofs image goes.
//!
//! Inodes lie in one area from the superblock on, each with its attributes and, where there is
//! room in the same block, the last part of its content; whole blocks of content follow the area, in
//! the order of the tree. The end of a file beside its inode saves half a block for each file, and a
//! read. An inode goes into the first of the last few blocks that has room for it.

use super::super::tree::{Entry, Kind, Tree};
use super::directory;

/// Bytes of a block.
pub(super) const BLOCK: u64 = 4096;
/// Where the superblock begins.
pub(super) const SUPERBLOCK: u64 = 1024;
/// Bytes of the superblock.
pub(super) const SUPERBLOCK_BYTES: u64 = 128;
/// Inodes are addressed by their place in units of this many bytes.
pub(super) const SLOT: u64 = 32;
/// Bytes of an inode of the extended form.
pub(super) const INODE: u64 = 64;
/// Bytes before the attributes of an inode.
pub(super) const XATTR_HEADER: u64 = 12;

/// Blocks that are looked at for room.
const OPEN: usize = 24;

/// Where an inode and its content are.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Place {
    /// Its byte in the image.
    pub(super) at: u64,
    /// Bytes of its attributes with their header, 0 without any.
    pub(super) xattrs: u64,
    /// Bytes of its content.
    pub(super) size: u64,
    /// The first block of its content outside of the inode's area.
    pub(super) block: u32,
    /// Whether the last part of the content follows the inode.
    pub(super) inline: bool,
    /// Names of it.
    pub(super) links: u32,
    /// Its number.
    pub(super) number: u32,
}

impl Place {
    /// How other inodes name it.
    pub(super) fn id(&self) -> u64 {
        self.at / SLOT
    }

    /// Bytes of the content that follow the inode.
    pub(super) fn tail(&self) -> u64 {
        if self.inline { self.size % BLOCK } else { 0 }
    }

    /// Where that part is.
    pub(super) fn tail_at(&self) -> u64 {
        self.at + INODE + self.xattrs
    }
}

/// The layout of an image.
#[derive(Debug)]
pub(super) struct Layout {
    /// By place in the tree; those of hard links are not used.
    pub(super) places: Vec<Place>,
    /// For each directory, what is in it, by place in the tree; empty for all else.
    pub(super) children: Vec<Vec<usize>>,
    pub(super) inodes: u64,
    pub(super) blocks: u64,
}

impl Layout {
    /// `None` where there are more blocks than can be addressed, 2^32.
    pub(super) fn of(tree: &Tree) -> Option<Self> {
        let entries = &tree.entries;
        let mut children = vec![Vec::new(); entries.len()];
        for (place, entry) in entries.iter().enumerate().skip(1) {
            children[entry.parent].push(place);
        }
        let mut places = vec![Place::default(); entries.len()];
        let mut area = Area::new();
        let mut inodes = 0_u32;
        for (place, entry) in entries.iter().enumerate() {
            if let Kind::HardLink { file } = entry.kind {
                places[file].links += 1;
                continue;
            }
            inodes += 1;
            let size = match &entry.kind {
                Kind::Directory => directory::size(entries, &children[place]),
                Kind::File { size } => *size,
                Kind::Symlink { target } => target.len() as u64,
                _ => 0,
            };
            let xattrs = xattr_bytes(entry);
            let fixed = INODE + xattrs;
            let inline = size % BLOCK > 0 && fixed + size % BLOCK <= BLOCK;
            let at = area.take(fixed + if inline { size % BLOCK } else { 0 });
            let links = match entry.kind {
                Kind::Directory => {
                    let is_directory = |child: &&usize| entries[**child].kind == Kind::Directory;
                    2 + children[place].iter().filter(is_directory).count() as u32
                }
                _ => 1,
            };
            places[place] = Place { at, xattrs, size, block: 0, inline, links, number: inodes };
        }
        let mut next = area.end.div_ceil(BLOCK);
        for (place, entry) in places.iter_mut().zip(entries) {
            if matches!(entry.kind, Kind::HardLink { .. }) {
                continue;
            }
            let outside =
                if place.inline { place.size / BLOCK } else { place.size.div_ceil(BLOCK) };
            if outside > 0 {
                place.block = u32::try_from(next).ok()?;
                next += outside;
            }
        }
        u32::try_from(next).ok()?;
        Some(Self { places, children, inodes: u64::from(inodes), blocks: next })
    }
}

/// Bytes that the attributes of an entry take.
fn xattr_bytes(entry: &Entry) -> u64 {
    if entry.xattrs.is_empty() {
        return 0;
    }
    let each = entry.xattrs.iter().map(|(name, value)| {
        let (_, prefix) = super::inode::xattr_prefix(name);
        (4 + name.len() - prefix + value.len()).next_multiple_of(4) as u64
    });
    XATTR_HEADER + each.sum::<u64>()
}

/// The area of inodes while it is filled.
struct Area {
    /// The end of the area so far.
    end: u64,
    /// Blocks with room: the free byte in each.
    open: Vec<u64>,
}

impl Area {
    fn new() -> Self {
        let first = SUPERBLOCK + SUPERBLOCK_BYTES;
        Self { end: BLOCK, open: vec![first] }
    }

    /// Room for so many bytes, in one block if they fit into one.
    fn take(&mut self, bytes: u64) -> u64 {
        let room = |free: &u64| free.next_multiple_of(BLOCK) - free;
        if bytes <= BLOCK {
            if let Some(found) = self.open.iter().position(|free| room(free) >= bytes) {
                let at = self.open[found];
                self.put_back(found, (at + bytes).next_multiple_of(SLOT));
                return at;
            }
        }
        let at = self.end;
        self.end += bytes.next_multiple_of(BLOCK);
        if self.open.len() == OPEN {
            self.open.remove(0);
        }
        self.open.push(0);
        self.put_back(self.open.len() - 1, (at + bytes).next_multiple_of(SLOT));
        at
    }

    fn put_back(&mut self, place: usize, free: u64) {
        if free % BLOCK == 0 || BLOCK - free % BLOCK < INODE {
            self.open.remove(place);
        } else {
            self.open[place] = free;
        }
    }
}
