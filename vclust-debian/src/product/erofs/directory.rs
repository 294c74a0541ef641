//! Directories of an erofs image: blocks, each with records of twelve bytes and then the names.
//!
//! All names, `.` and `..` among them, are in the order of their bytes, across blocks, so that a name
//! is found by halving.

use super::super::tree::{Entry, Kind};
use super::layout::{BLOCK, Layout};

/// Bytes of a record.
const RECORD: usize = 12;

/// A name in a directory, and the place in the tree of what it names.
type Named<'a> = (&'a [u8], usize);

/// The names in the order of a directory, by block.
fn blocks<'a>(names: &[Named<'a>]) -> Vec<Vec<Named<'a>>> {
    let mut blocks = Vec::new();
    let (mut block, mut used) = (Vec::new(), 0);
    for named in names {
        let bytes = RECORD + named.0.len();
        if used + bytes > BLOCK as usize {
            blocks.push(std::mem::take(&mut block));
            used = 0;
        }
        used += bytes;
        block.push(*named);
    }
    blocks.push(block);
    blocks
}

fn names<'a>(entries: &'a [Entry], children: &[usize], own: usize, up: usize) -> Vec<Named<'a>> {
    let mut names: Vec<Named<'a>> = vec![(b".", own), (b"..", up)];
    names.extend(children.iter().map(|child| (entries[*child].name(), *child)));
    names.sort_unstable();
    names
}

/// Bytes of a directory.
pub(super) fn size(entries: &[Entry], children: &[usize]) -> u64 {
    let blocks = blocks(&names(entries, children, 0, 0));
    let last: usize =
        blocks.last().into_iter().flatten().map(|(name, _)| RECORD + name.len()).sum();
    (blocks.len() as u64 - 1) * BLOCK + last as u64
}

/// The bytes of the directory at a place of the tree.
pub(super) fn content(entries: &[Entry], place: usize, layout: &Layout) -> Vec<u8> {
    let names = names(entries, &layout.children[place], place, entries[place].parent);
    let mut content = Vec::new();
    for block in blocks(&names) {
        // every block but the last is filled up
        content.resize(content.len().next_multiple_of(BLOCK as usize), 0);
        let mut name_at = block.len() * RECORD;
        for (name, what) in &block {
            let inode = match entries[*what].kind {
                Kind::HardLink { file } => file,
                _ => *what,
            };
            content.extend_from_slice(&layout.places[inode].id().to_le_bytes());
            content.extend_from_slice(&(name_at as u16).to_le_bytes());
            content.extend_from_slice(&[file_type(&entries[inode].kind), 0]);
            name_at += name.len();
        }
        for (name, _) in &block {
            content.extend_from_slice(name);
        }
    }
    content
}

/// The kind as directories note it.
fn file_type(kind: &Kind) -> u8 {
    match kind {
        Kind::File { .. } | Kind::HardLink { .. } => 1,
        Kind::Directory => 2,
        Kind::CharacterDevice { .. } => 3,
        Kind::BlockDevice { .. } => 4,
        Kind::Fifo => 5,
        Kind::Symlink { .. } => 7,
    }
}
