//! The erofs image: a read-only file system that Linux mounts as it is.
//!
//! Written after the kernel's description of the format (`fs/erofs/erofs_fs.h`, and
//! `Documentation/filesystems/erofs.rst`), uncompressed, with inodes of the extended form, which
//! alone hold times. Linux 5.4 and later mount it. The UUID is taken from the digest of the content.

mod directory;
mod inode;
mod layout;
mod lookup;
mod read;

use std::fs::File;
use std::os::unix::fs::FileExt;
use std::path::Path;

use vclust_core::Sha256;

use super::OnBytes;
use super::digest::{ProductFile, file_digest};
use super::error::ProductError;
use super::tree::{Kind, Tree};
use layout::{BLOCK, Layout, SUPERBLOCK, SUPERBLOCK_BYTES};
pub use lookup::{ImageEntry, ImageEntryKind, find_in_erofs};
pub(super) use read::{Extent, ImageContent};

/// "erofs" in a number, at the start of the superblock.
const MAGIC: u32 = 0xE0F5_E1E2;
/// The superblock has a checksum, and inodes have times of their own.
const COMPATIBLE: u32 = 0x1 | 0x2;

/// Writes a tree as an erofs image, whose UUID comes from `digest`, that of the content. The file
/// must not be there.
///
/// Fails also where a file has an attribute that the format has no room for (a name beyond 255
/// bytes or a value beyond 65,535), or where there are 16 TiB and more.
pub fn write_erofs(
    tree: &Tree,
    path: &Path,
    digest: Sha256,
    on_bytes: OnBytes<'_>,
) -> Result<ProductFile, ProductError> {
    begin_erofs(tree, path, on_bytes)?.finish(digest)
}

/// An erofs image that holds everything but its superblock, in which the digest of the content is.
#[derive(Debug)]
pub struct BegunErofs<'a>(Image<'a>);

/// Writes all of an erofs image that does not need the digest of the content, so that the digest can be
/// worked out at the same time. Otherwise as [`write_erofs`].
pub fn begin_erofs<'a>(
    tree: &'a Tree,
    path: &'a Path,
    on_bytes: OnBytes<'_>,
) -> Result<BegunErofs<'a>, ProductError> {
    for entry in &tree.entries {
        let total: usize =
            entry.xattrs.iter().map(|(name, value)| name.len() + value.len() + 8).sum();
        if total > 0x3_0000 || !entry.xattrs.iter().all(inode::fits) {
            return Err(ProductError::DoesNotFit {
                path: tree.full(&entry.path),
                reason: "it has an extended attribute that is too long",
            });
        }
    }
    let layout = Layout::of(tree).ok_or_else(|| ProductError::DoesNotFit {
        path: tree.full(b""),
        reason: "it has 16 TiB or more",
    })?;
    let file = File::options()
        .read(true)
        .write(true)
        .create_new(true)
        .open(path)
        .map_err(ProductError::write(path))?;
    let image = Image { tree, layout, file, path };
    image.write(on_bytes)?;
    Ok(BegunErofs(image))
}

impl BegunErofs<'_> {
    /// Completes the image. While the digest of the file is taken, the file goes to the disk.
    pub fn finish(self, digest: Sha256) -> Result<ProductFile, ProductError> {
        let Self(image) = self;
        image.superblock(digest)?;
        std::thread::scope(|scope| {
            // only for the sake of time: whoever needs it on the disk syncs it
            scope.spawn(|| image.file.sync_data());
            file_digest(image.path, &|_| ())
        })
    }
}

#[derive(Debug)]
struct Image<'a> {
    tree: &'a Tree,
    layout: Layout,
    file: File,
    path: &'a Path,
}

impl Image<'_> {
    fn write(&self, on_bytes: OnBytes<'_>) -> Result<(), ProductError> {
        // What is not written below is zero: the ends of blocks.
        self.file.set_len(self.layout.blocks * BLOCK).map_err(ProductError::write(self.path))?;
        let mut buffer = vec![0; 1 << 20];
        for (number, entry) in self.tree.entries.iter().enumerate() {
            let place = &self.layout.places[number];
            match &entry.kind {
                Kind::HardLink { .. } => continue,
                Kind::Directory => {
                    let content = directory::content(&self.tree.entries, number, &self.layout);
                    self.put_content(number, &content)?;
                }
                Kind::Symlink { target } => self.put_content(number, target)?,
                Kind::File { size } => self.copy(number, *size, &mut buffer, on_bytes)?,
                _ => {}
            }
            self.put(&inode::bytes(entry, place), place.at)?;
        }
        Ok(())
    }

    fn put(&self, bytes: &[u8], at: u64) -> Result<(), ProductError> {
        self.file.write_all_at(bytes, at).map_err(ProductError::write(self.path))
    }

    /// Writes content that is in memory.
    fn put_content(&self, number: usize, content: &[u8]) -> Result<(), ProductError> {
        let place = &self.layout.places[number];
        let (blocks, tail) = content.split_at(content.len() - place.tail() as usize);
        self.put(blocks, u64::from(place.block) * BLOCK)?;
        self.put(tail, place.tail_at())
    }

    /// Writes the content of a file.
    fn copy(
        &self,
        number: usize,
        size: u64,
        buffer: &mut [u8],
        on_bytes: OnBytes<'_>,
    ) -> Result<(), ProductError> {
        let place = &self.layout.places[number];
        let mut content = self.tree.open(number, size)?;
        let mut at = u64::from(place.block) * BLOCK;
        let mut left = size - place.tail();
        loop {
            let filled = content.fill(buffer)?;
            if filled == 0 {
                return Ok(());
            }
            let blocks = left.min(filled as u64) as usize;
            self.put(&buffer[..blocks], at)?;
            at += blocks as u64;
            left -= blocks as u64;
            // the buffer is a multiple of a block, so that the tail is never cut
            self.put(&buffer[blocks..filled], place.tail_at())?;
            on_bytes(filled as u64);
        }
    }

    fn superblock(&self, digest: Sha256) -> Result<(), ProductError> {
        let mut block = Vec::with_capacity(SUPERBLOCK_BYTES as usize);
        let mut put = |bytes: &[u8]| block.extend_from_slice(bytes);
        put(&MAGIC.to_le_bytes());
        put(&[0; 4]); // the checksum, below
        put(&COMPATIBLE.to_le_bytes());
        put(&[BLOCK.ilog2() as u8, 0]);
        put(&(self.layout.places[0].id() as u16).to_le_bytes());
        put(&self.layout.inodes.to_le_bytes());
        put(&self.tree.epoch().to_le_bytes());
        put(&[0; 4]); // nanoseconds
        put(&(self.layout.blocks as u32).to_le_bytes());
        put(&[0; 8]); // inodes begin with the image; there are no shared attributes
        put(&uuid(digest));
        block.resize(SUPERBLOCK_BYTES as usize, 0);
        self.put(&block, SUPERBLOCK)?;
        let mut covered = vec![0; (BLOCK - SUPERBLOCK) as usize];
        self.file
            .read_exact_at(&mut covered, SUPERBLOCK)
            .map_err(ProductError::write(self.path))?;
        self.put(&crc32c(&covered).to_le_bytes(), SUPERBLOCK + 4)
    }
}

/// The UUID of what has this digest, as programs take it.
pub(super) fn uuid_text(digest: Sha256) -> String {
    let number = u128::from_be_bytes(uuid(digest));
    let part =
        |from: u32, digits: u32| number >> (4 * (32 - from - digits)) & ((1 << (4 * digits)) - 1);
    let (low, middle, high) = (part(0, 8), part(8, 4), part(12, 4));
    format!("{low:08x}-{middle:04x}-{high:04x}-{:04x}-{:012x}", part(16, 4), part(20, 12))
}

/// A UUID of version 8, made of a digest's first bytes.
fn uuid(digest: Sha256) -> [u8; 16] {
    let mut uuid = [0; 16];
    uuid.copy_from_slice(&digest.0[..16]);
    uuid[6] = uuid[6] & 0x0f | 0x80;
    uuid[8] = uuid[8] & 0x3f | 0x80;
    uuid
}

/// CRC-32C as the kernel's `crc32c` computes it from all ones, without a last inversion.
fn crc32c(bytes: &[u8]) -> u32 {
    bytes.iter().fold(!0, |crc, byte| {
        (0..8).fold(crc ^ u32::from(*byte), |crc, _| {
            crc >> 1 ^ if crc & 1 == 1 { 0x82F6_3B78 } else { 0 }
        })
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_checksum_is_the_castagnoli_one() {
        // the check value of CRC-32C in the catalogue of parametrised CRC algorithms, uninverted
        assert_eq!(!crc32c(b"123456789"), 0xE306_9283);
    }
}
