//! The canonical tar stream: one way to write each entry.
//!
//! Headers are POSIX `ustar`. A pax header goes before one where a name has more than the hundred
//! bytes of its field, or for extended attributes, in the form that star introduced and GNU tar
//! reads (`SCHILY.xattr.`). Numbers that octal digits cannot hold are in base 256, as GNU tar writes
//! them. Names begin with `./`, as those of `tar -C ROOT -c .` do; names of owners are left empty.

use std::io::{self, Write};

use tar::{EntryType, Header};

use super::OnBytes;
use super::error::ProductError;
use super::pax::{XATTR, record};
use super::tree::{Entry, Kind, Tree};

/// Tar's unit: all is padded to it.
const BLOCK: usize = 512;
/// Bytes that a name's field holds.
const NAME: usize = 100;
/// The name of a pax header is for tools that do not know what it is.
const PAX_NAME: &[u8] = b"././@PaxHeader";

/// Why writing ended: because of what was read, or of where it went.
pub(super) enum StreamError {
    Read(ProductError),
    Write(io::Error),
}

impl From<ProductError> for StreamError {
    fn from(error: ProductError) -> Self {
        Self::Read(error)
    }
}

impl From<io::Error> for StreamError {
    fn from(error: io::Error) -> Self {
        Self::Write(error)
    }
}

/// Writes the stream of a tree.
pub(super) fn write(
    tree: &Tree,
    out: &mut dyn Write,
    on_bytes: OnBytes<'_>,
) -> Result<(), StreamError> {
    let mut buffer = vec![0; 256 << 10];
    for (place, entry) in tree.entries.iter().enumerate() {
        write_header(tree, entry, out)?;
        if let Kind::File { size } = entry.kind {
            let mut content = tree.open(place, size)?;
            loop {
                let filled = content.fill(&mut buffer)?;
                if filled == 0 {
                    break;
                }
                out.write_all(&buffer[..filled])?;
                on_bytes(filled as u64);
            }
            pad(size, out)?;
        }
    }
    out.write_all(&[0; 2 * BLOCK])?;
    Ok(())
}

fn write_header(tree: &Tree, entry: &Entry, out: &mut dyn Write) -> Result<(), StreamError> {
    let name = name_of(entry);
    let mut pax = Vec::new();
    if name.len() > NAME {
        record(&mut pax, b"path", &name);
    }
    let link = match &entry.kind {
        Kind::HardLink { file } => Some(name_of(&tree.entries[*file])),
        Kind::Symlink { target } => Some(target.clone()),
        _ => None,
    };
    if let Some(link) = link.as_ref().filter(|link| link.len() > NAME) {
        record(&mut pax, b"linkpath", link);
    }
    for (name, value) in &entry.xattrs {
        record(&mut pax, &[XATTR, name].concat(), value);
    }
    if !pax.is_empty() {
        let mut header = header(EntryType::XHeader, PAX_NAME, b"");
        header.set_mode(0o644);
        header.set_size(pax.len() as u64);
        finish(&mut header, out)?;
        out.write_all(&pax)?;
        pad(pax.len() as u64, out)?;
    }
    let kind = match entry.kind {
        Kind::Directory => EntryType::Directory,
        Kind::File { .. } => EntryType::Regular,
        Kind::HardLink { .. } => EntryType::Link,
        Kind::Symlink { .. } => EntryType::Symlink,
        Kind::CharacterDevice { .. } => EntryType::Char,
        Kind::BlockDevice { .. } => EntryType::Block,
        Kind::Fifo => EntryType::Fifo,
    };
    let mut header = header(kind, &name, link.as_deref().unwrap_or_default());
    header.set_mode(entry.mode);
    header.set_uid(u64::from(entry.uid));
    header.set_gid(u64::from(entry.gid));
    header.set_mtime(entry.mtime);
    match entry.kind {
        Kind::File { size } => header.set_size(size),
        Kind::CharacterDevice { major, minor } | Kind::BlockDevice { major, minor } => {
            header.set_device_major(major)?;
            header.set_device_minor(minor)?;
        }
        _ => {}
    }
    finish(&mut header, out)?;
    Ok(())
}

/// A header with names, as much of them as it holds.
fn header(kind: EntryType, name: &[u8], link: &[u8]) -> Header {
    let mut header = Header::new_ustar();
    header.set_entry_type(kind);
    header.set_uid(0);
    header.set_gid(0);
    header.set_mtime(0);
    header.set_size(0);
    let old = header.as_old_mut();
    for (field, text) in [(&mut old.name, name), (&mut old.linkname, link)] {
        let held = text.len().min(NAME);
        field[..held].copy_from_slice(&text[..held]);
    }
    header
}

fn finish(header: &mut Header, out: &mut dyn Write) -> io::Result<()> {
    header.set_cksum();
    out.write_all(header.as_bytes())
}

fn name_of(entry: &Entry) -> Vec<u8> {
    let mut name = b"./".to_vec();
    name.extend_from_slice(&entry.path);
    if entry.kind == Kind::Directory && !entry.path.is_empty() {
        name.push(b'/');
    }
    name
}

fn pad(size: u64, out: &mut dyn Write) -> io::Result<()> {
    let over = (size % BLOCK as u64) as usize;
    if over == 0 { Ok(()) } else { out.write_all(&[0; BLOCK][over..]) }
}
