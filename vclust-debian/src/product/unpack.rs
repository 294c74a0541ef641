//! Archives of ours back to directories.
//!
//! Nothing is taken on trust: entries lead nowhere but below the directory, whatever their names
//! and whatever symbolic links are there, and at the end the digest of all that was read must be
//! that of the content.

use std::ffi::OsStr;
use std::fs::File;
use std::io::{self, BufReader, Read};
use std::os::fd::OwnedFd;
use std::os::unix::ffi::OsStrExt;
use std::path::Path;

use rustix::fs::{
    AtFlags, FileType, Gid, Mode, OFlags, ResolveFlags, Timespec, Timestamps, Uid, XattrFlags,
};
use tar::EntryType;
use vclust_core::Sha256;

use super::OnBytes;
use super::digest::Hashing;
use super::error::ProductError;
use super::pax::Extensions;
use super::xattr::Xattr;

/// What was unpacked.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct Unpacked {
    /// Entries, directories and links included.
    pub entries: u64,
    /// Bytes of the stream.
    pub content_bytes: u64,
}

type Stream = Hashing<zstd::Decoder<'static, BufReader<File>>>;

fn open(archive: &Path) -> Result<Stream, ProductError> {
    let failed = ProductError::archive(archive);
    let decoder = File::open(archive).and_then(zstd::Decoder::new).map_err(failed)?;
    Ok(Hashing::new(decoder))
}

/// Reads the rest and compares.
fn verify(archive: &Path, mut stream: Stream, expected: Sha256) -> Result<u64, ProductError> {
    io::copy(&mut stream, &mut io::sink()).map_err(ProductError::archive(archive))?;
    let (file, _) = stream.finish();
    if file.sha256 == expected {
        Ok(file.bytes)
    } else {
        let path = archive.to_owned();
        Err(ProductError::Digest { path, expected, found: file.sha256 })
    }
}

/// Writes what is compressed in an archive, a tar stream, to a new file.
pub fn copy_tar(
    archive: &Path,
    content: Sha256,
    path: &Path,
    on_bytes: OnBytes<'_>,
) -> Result<(), ProductError> {
    let mut stream = open(archive)?;
    let mut out = File::create_new(path).map_err(ProductError::write(path))?;
    let mut buffer = vec![0; 256 << 10];
    loop {
        let read = stream.read(&mut buffer).map_err(ProductError::archive(archive))?;
        if read == 0 {
            break;
        }
        io::Write::write_all(&mut out, &buffer[..read]).map_err(ProductError::write(path))?;
        on_bytes(read as u64);
    }
    verify(archive, stream, content)?;
    Ok(())
}

/// Unpacks an archive that [`Tree::write_tar_zst`](super::Tree::write_tar_zst) made into a directory,
/// which must be there and be empty. `content` is the digest that it was made with.
///
/// Owners, permissions, times, devices and attributes become those of the tree; that takes root. On
/// failure the directory holds a part of the content.
pub fn unpack_archive(
    archive: &Path,
    content: Sha256,
    directory: &Path,
    on_bytes: OnBytes<'_>,
) -> Result<Unpacked, ProductError> {
    let root = File::open(directory).map_err(ProductError::make(directory))?;
    let mut unpacking = Unpacking {
        archive,
        directory,
        root: root.into(),
        parent: None,
        directories: Vec::new(),
        entries: 0,
        buffer: vec![0; 256 << 10],
        on_bytes,
    };
    let mut reader = tar::Archive::new(open(archive)?);
    let mut extensions = Extensions::default();
    // raw, as the crate takes a line feed in an attribute for the end of its record
    for entry in reader.entries().map_err(ProductError::archive(archive))?.raw(true) {
        let mut entry = entry.map_err(ProductError::archive(archive))?;
        if entry.header().entry_type() == EntryType::XHeader {
            extensions = Extensions::read(&mut entry).map_err(ProductError::archive(archive))?;
        } else {
            unpacking.take(entry, std::mem::take(&mut extensions))?;
        }
    }
    unpacking.finish_directories()?;
    let content_bytes = verify(archive, reader.into_inner(), content)?;
    Ok(Unpacked { entries: unpacking.entries, content_bytes })
}

/// Owner, permissions, time and attributes.
#[derive(Clone)]
struct Attributes {
    uid: u32,
    gid: u32,
    mode: u32,
    mtime: i64,
    xattrs: Vec<Xattr>,
}

struct Unpacking<'a> {
    archive: &'a Path,
    directory: &'a Path,
    root: OwnedFd,
    /// The directory that the last entry went into.
    parent: Option<(Vec<u8>, OwnedFd)>,
    /// What directories are given when nothing changes them any more.
    directories: Vec<(Vec<u8>, Attributes)>,
    entries: u64,
    buffer: Vec<u8>,
    on_bytes: OnBytes<'a>,
}

impl Unpacking<'_> {
    fn take(
        &mut self,
        mut entry: tar::Entry<'_, Stream>,
        extensions: Extensions,
    ) -> Result<(), ProductError> {
        let failed = ProductError::archive(self.archive);
        let name = extensions.path.unwrap_or_else(|| entry.header().path_bytes().into_owned());
        let attributes = attributes(entry.header(), extensions.xattrs).map_err(failed)?;
        let path = self.inside(&name, &name)?;
        self.entries += 1;
        let kind = entry.header().entry_type();
        if path.is_empty() {
            self.directories.push((path, attributes));
            return Ok(());
        }
        let (parent, last) = match path.iter().rposition(|byte| *byte == b'/') {
            Some(slash) => (path[..slash].to_vec(), path[slash + 1..].to_vec()),
            None => (Vec::new(), path.clone()),
        };
        let full = self.directory.join(OsStr::from_bytes(&path));
        let failed = |error: rustix::io::Errno| ProductError::Make {
            path: full.clone(),
            source: error.into(),
        };
        if self.parent.as_ref().is_none_or(|(path, _)| *path != parent) {
            let handle = self.below(&parent).map_err(failed)?;
            self.parent = Some((parent, handle));
        }
        let Some((_, parent)) = &self.parent else { return Ok(()) };
        let last = OsStr::from_bytes(&last);
        let link = || {
            let short = || entry.header().link_name_bytes().unwrap_or_default().into_owned();
            extensions.link_path.clone().unwrap_or_else(short)
        };
        let device = || {
            let header = entry.header();
            let major = header.device_major().ok().flatten().unwrap_or_default();
            let minor = header.device_minor().ok().flatten().unwrap_or_default();
            rustix::fs::makedev(major, minor)
        };
        let private = Mode::RUSR | Mode::WUSR;
        match kind {
            EntryType::Directory => {
                rustix::fs::mkdirat(parent, last, Mode::RWXU).map_err(failed)?;
                self.directories.push((path, attributes));
                return Ok(());
            }
            EntryType::Link => {
                let target = link();
                let target = self.inside(&target, &name)?;
                let flags = AtFlags::empty();
                let (above, target) = match target.iter().rposition(|byte| *byte == b'/') {
                    Some(slash) => (&target[..slash], &target[slash + 1..]),
                    None => (&target[..0], &target[..]),
                };
                let above = self.below(above).map_err(failed)?;
                rustix::fs::linkat(&above, OsStr::from_bytes(target), parent, last, flags)
                    .map_err(failed)?;
                return Ok(());
            }
            EntryType::Regular => {
                let flags = OFlags::WRONLY | OFlags::CREATE | OFlags::EXCL | OFlags::NOFOLLOW;
                let file = rustix::fs::openat(parent, last, flags | OFlags::CLOEXEC, private)
                    .map_err(failed)?;
                let mut file = File::from(file);
                loop {
                    let read = entry
                        .read(&mut self.buffer)
                        .map_err(ProductError::archive(self.archive))?;
                    if read == 0 {
                        break;
                    }
                    io::Write::write_all(&mut file, &self.buffer[..read])
                        .map_err(ProductError::make(&full))?;
                    (self.on_bytes)(read as u64);
                }
            }
            EntryType::Symlink => {
                let target = link();
                rustix::fs::symlinkat(OsStr::from_bytes(&target), parent, last).map_err(failed)?;
            }
            EntryType::Char => {
                rustix::fs::mknodat(parent, last, FileType::CharacterDevice, private, device())
                    .map_err(failed)?;
            }
            EntryType::Block => {
                rustix::fs::mknodat(parent, last, FileType::BlockDevice, private, device())
                    .map_err(failed)?;
            }
            EntryType::Fifo => {
                rustix::fs::mknodat(parent, last, FileType::Fifo, private, 0).map_err(failed)?;
            }
            _ => return Err(self.refused(&name, "of a kind that roots do not have")),
        }
        let is_link = kind == EntryType::Symlink;
        give(parent, last, &full, &attributes, is_link).map_err(ProductError::make(&full))
    }

    /// A name below the directory, without what leads nowhere.
    fn inside(&self, name: &[u8], entry: &[u8]) -> Result<Vec<u8>, ProductError> {
        let parts: Vec<&[u8]> = name
            .split(|byte| *byte == b'/')
            .filter(|part| !part.is_empty() && *part != b".")
            .collect();
        if name.starts_with(b"/") || parts.contains(&&b".."[..]) || name.contains(&0) {
            return Err(self.refused(entry, "which leads out of the directory"));
        }
        Ok(parts.join(&b'/'))
    }

    fn refused(&self, entry: &[u8], reason: &'static str) -> ProductError {
        let entry = String::from_utf8_lossy(entry).into_owned();
        ProductError::Entry { path: self.archive.to_owned(), entry, reason }
    }

    /// A directory that was unpacked, reached through directories only.
    fn below(&self, path: &[u8]) -> rustix::io::Result<OwnedFd> {
        let flags = OFlags::PATH | OFlags::DIRECTORY | OFlags::NOFOLLOW | OFlags::CLOEXEC;
        let resolve = ResolveFlags::BENEATH | ResolveFlags::NO_SYMLINKS;
        let path = if path.is_empty() { &b"."[..] } else { path };
        rustix::fs::openat2(&self.root, OsStr::from_bytes(path), flags, Mode::empty(), resolve)
    }

    fn finish_directories(&mut self) -> Result<(), ProductError> {
        for (path, attributes) in self.directories.iter().rev() {
            let full = self.directory.join(OsStr::from_bytes(path));
            let made = self
                .below(path)
                .map_err(io::Error::from)
                .and_then(|handle| give(&handle, OsStr::new("."), &full, attributes, false));
            made.map_err(ProductError::make(&full))?;
        }
        Ok(())
    }
}

fn attributes(header: &tar::Header, xattrs: Vec<Xattr>) -> io::Result<Attributes> {
    let id = |number: u64| u32::try_from(number).map_err(|_| io::Error::other("no such owner"));
    Ok(Attributes {
        uid: id(header.uid()?)?,
        gid: id(header.gid()?)?,
        mode: header.mode()? & 0o7777,
        mtime: i64::try_from(header.mtime()?).map_err(io::Error::other)?,
        xattrs,
    })
}

/// Gives a new file its owner first, so that no permission ever counts for another.
fn give(
    parent: &OwnedFd,
    name: &OsStr,
    full: &Path,
    attributes: &Attributes,
    is_link: bool,
) -> io::Result<()> {
    let (uid, gid) = (Uid::from_raw(attributes.uid), Gid::from_raw(attributes.gid));
    rustix::fs::chownat(parent, name, Some(uid), Some(gid), AtFlags::SYMLINK_NOFOLLOW)?;
    if !is_link {
        rustix::fs::chmodat(parent, name, Mode::from_raw_mode(attributes.mode), AtFlags::empty())?;
    }
    for (name, value) in &attributes.xattrs {
        rustix::fs::lsetxattr(full, OsStr::from_bytes(name), value, XattrFlags::empty())?;
    }
    let time = Timespec { tv_sec: attributes.mtime, tv_nsec: 0 };
    let times = Timestamps { last_access: time, last_modification: time };
    rustix::fs::utimensat(parent, name, &times, AtFlags::SYMLINK_NOFOLLOW)?;
    Ok(())
}
