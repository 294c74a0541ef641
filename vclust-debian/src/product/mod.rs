//! What a root directory becomes: an archive, a read-only file system, a disk.
//!
//! A [`Tree`] is a root directory read once, in an order of its own and with what would differ
//! from one build to the next taken out: times later than the build's epoch are the epoch, names of
//! owners and what the host's kernel noted in extended attributes are left out. Every product is
//! written from it, so the same tree gives the same bytes on every machine, whatever order its
//! files were made in.
//!
//! The canonical form is a tar stream; its SHA-256 is the digest of the content, by which an image
//! is known. An archive is this stream compressed by zstd. The erofs image is written by a writer of
//! our own: `mkfs.erofs` of Debian 12 takes over attributes that an overlay left behind, so that two
//! builds of one layer would differ, and its images depend on its version. Compressed erofs images
//! and disks are made by `mkfs.erofs` and `mke2fs`, reading the mounted erofs image: what they see
//! there, the order of directories included, is the same every time.

mod archive;
mod digest;
mod disk;
mod erofs;
mod error;
mod from_image;
mod header;
mod pax;
mod tree;
mod unpack;
mod xattr;

pub use archive::{Archive, Compression};
pub use digest::{ProductFile, file_digest};
pub use disk::{DiskContent, DiskFormat, DiskOptions, write_disk, write_empty_ext4};
pub use erofs::{BegunErofs, ImageEntry, ImageEntryKind, begin_erofs, find_in_erofs, write_erofs};
pub use error::ProductError;
pub use from_image::write_erofs_lz4hc;
pub use tree::Tree;
pub use unpack::{Unpacked, copy_tar, unpack_archive};

/// Is told how many bytes have been worked off since it was last told.
pub type OnBytes<'a> = &'a (dyn Fn(u64) + Sync);
