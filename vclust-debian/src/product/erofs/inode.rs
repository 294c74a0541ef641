//! Inodes of an erofs image, of the extended form: 64 bytes, then the attributes.

use super::super::tree::{Entry, Kind};
use super::super::xattr::Xattr;
use super::layout::{Place, XATTR_HEADER};

/// The extended form, in the lowest bit.
const EXTENDED: u16 = 1;
/// Content in blocks only, or with its last part after the inode; above the lowest bit.
const PLAIN: u16 = 0;
const INLINE: u16 = 2;

/// Prefixes of attributes' names that are noted as a number.
pub(super) const PREFIXES: [(u8, &[u8]); 5] = [
    (1, b"user."),
    (2, b"system.posix_acl_access"),
    (3, b"system.posix_acl_default"),
    (4, b"trusted."),
    (6, b"security."),
];

/// The number of an attribute's prefix, and its length.
pub(super) fn xattr_prefix(name: &[u8]) -> (u8, usize) {
    let known = PREFIXES.iter().find(|(_, prefix)| name.starts_with(prefix));
    known.map_or((0, 0), |(number, prefix)| (*number, prefix.len()))
}

/// Whether an attribute has a place in the format.
pub(super) fn fits(xattr: &Xattr) -> bool {
    let (number, prefix) = xattr_prefix(&xattr.0);
    number != 0 && xattr.0.len() - prefix <= 255 && u16::try_from(xattr.1.len()).is_ok()
}

/// The bytes of an inode and its attributes.
pub(super) fn bytes(entry: &Entry, place: &Place) -> Vec<u8> {
    let mut bytes = Vec::with_capacity((64 + place.xattrs) as usize);
    let layout = if place.inline { INLINE } else { PLAIN };
    let xattrs = match place.xattrs {
        0 => 0,
        size => (size - XATTR_HEADER) / 4 + 1,
    };
    let (kind, block_or_device) = match entry.kind {
        Kind::Fifo => (0o010_000, 0),
        Kind::CharacterDevice { major, minor } => (0o020_000, device(major, minor)),
        Kind::Directory => (0o040_000, place.block),
        Kind::BlockDevice { major, minor } => (0o060_000, device(major, minor)),
        Kind::File { .. } | Kind::HardLink { .. } => (0o100_000, place.block),
        Kind::Symlink { .. } => (0o120_000, place.block),
    };
    put(&mut bytes, &(EXTENDED | layout << 1).to_le_bytes());
    put(&mut bytes, &(xattrs as u16).to_le_bytes());
    put(&mut bytes, &((kind | entry.mode) as u16).to_le_bytes());
    put(&mut bytes, &[0; 2]);
    put(&mut bytes, &place.size.to_le_bytes());
    put(&mut bytes, &block_or_device.to_le_bytes());
    put(&mut bytes, &place.number.to_le_bytes());
    put(&mut bytes, &entry.uid.to_le_bytes());
    put(&mut bytes, &entry.gid.to_le_bytes());
    put(&mut bytes, &entry.mtime.to_le_bytes());
    put(&mut bytes, &0_u32.to_le_bytes());
    put(&mut bytes, &place.links.to_le_bytes());
    put(&mut bytes, &[0; 16]);
    if place.xattrs > 0 {
        put(&mut bytes, &[0; XATTR_HEADER as usize]);
        for (name, value) in &entry.xattrs {
            let (number, prefix) = xattr_prefix(name);
            let rest = &name[prefix..];
            put(&mut bytes, &[rest.len() as u8, number]);
            put(&mut bytes, &(value.len() as u16).to_le_bytes());
            put(&mut bytes, rest);
            put(&mut bytes, value);
            bytes.resize(bytes.len().next_multiple_of(4), 0);
        }
    }
    bytes
}

fn put(bytes: &mut Vec<u8>, more: &[u8]) {
    bytes.extend_from_slice(more);
}

/// A device number in 32 bits, as Linux writes it to disks.
fn device(major: u32, minor: u32) -> u32 {
    (minor & 0xff) | (major << 8) | ((minor & !0xff) << 12)
}

/// The inverse of [`device`]: major and minor.
pub(super) fn device_numbers(device: u32) -> (u32, u32) {
    (device >> 8 & 0xfff, device & 0xff | device >> 12 & 0xf_ff00)
}
