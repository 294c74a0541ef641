//! Index files as bytes in memory, whatever they are compressed with.
//!
//! A plain file is mapped, not read: its pages are shared with every other process that has it, and
//! only those that are looked at are loaded. A compressed one is recognised by its first bytes, not
//! by its name, and unpacked up to a bound, so that a small file that unpacks to terabytes is an
//! error and no outage.

use std::fs::{File, OpenOptions};
use std::io;
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

use bytes::Bytes;
use thiserror::Error;

mod kept;
mod unpack;

pub use kept::UnpackedIndexes;
use unpack::{Format, unpack};

/// How much a compressed file may unpack to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// Bytes, at most.
    pub bytes: u64,
    /// Bytes for each compressed byte, at most; [`Limits::FREE`] bytes are always allowed.
    pub ratio: u64,
}

impl Limits {
    /// What any file may unpack to, whatever its ratio.
    pub const FREE: u64 = 32 << 20;

    /// The largest output that is allowed for so many compressed bytes.
    #[must_use]
    pub fn for_compressed(self, compressed: u64) -> u64 {
        self.bytes.min(compressed.saturating_mul(self.ratio).max(Self::FREE))
    }
}

impl Default for Limits {
    /// 2 GiB, and 200 bytes for each compressed one; real indexes have a ratio below 15.
    fn default() -> Self {
        Self { bytes: 2 << 30, ratio: 200 }
    }
}

/// Why an index file could not be opened.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum IndexFileError {
    /// The file cannot be opened, read or mapped.
    #[error("cannot read {}", path.display())]
    Read {
        /// The file.
        path: PathBuf,
        /// What the system says.
        source: io::Error,
    },
    /// A directory, a device or a pipe.
    #[error("{} is not a regular file", path.display())]
    NotRegular {
        /// The path.
        path: PathBuf,
    },
    /// The compressed data are damaged or end too early.
    #[error("{} is damaged: its {format} data cannot be unpacked; fetch it anew", path.display())]
    Damaged {
        /// The file.
        path: PathBuf,
        /// Name of the format.
        format: &'static str,
        /// What the decompressor says.
        source: io::Error,
    },
    /// The file unpacks to more than is allowed.
    #[error(
        "{} holds {compressed} bytes that unpack to more than {limit}: refused as a decompression \
         bomb",
        path.display()
    )]
    Bomb {
        /// The file.
        path: PathBuf,
        /// Its size.
        compressed: u64,
        /// The most that was allowed.
        limit: u64,
    },
    /// A format that is known but not read.
    #[error(
        "{} is compressed with {format}, which is not supported; unpack it, or compress it with xz, \
         zstd, gzip or lz4",
        path.display()
    )]
    Unsupported {
        /// The file.
        path: PathBuf,
        /// Name of the format.
        format: &'static str,
    },
}

/// The content of an index file, mapped if it is plain, unpacked if it is compressed.
pub fn open(path: &Path) -> Result<Bytes, IndexFileError> {
    open_with(path, Limits::default())
}

/// As [`open`], with limits of the caller's.
pub fn open_with(path: &Path, limits: Limits) -> Result<Bytes, IndexFileError> {
    let content = map(path)?;
    let format = Format::of(&content);
    if format == Format::Plain {
        return Ok(content);
    }
    unpack(path, &content, format, limits)
}

/// The content of a file as it is on disk, mapped.
pub(crate) fn map(path: &Path) -> Result<Bytes, IndexFileError> {
    let read = |source| IndexFileError::Read { path: path.to_owned(), source };
    // without O_NONBLOCK, opening a pipe would wait for somebody to write to it
    let flags = i32::try_from(rustix::fs::OFlags::NONBLOCK.bits()).unwrap_or(0);
    let file = OpenOptions::new().read(true).custom_flags(flags).open(path).map_err(read)?;
    let metadata = file.metadata().map_err(read)?;
    if !metadata.is_file() {
        return Err(IndexFileError::NotRegular { path: path.to_owned() });
    }
    if metadata.len() == 0 {
        return Ok(Bytes::new());
    }
    map_file(&file).map_err(read)
}

#[expect(unsafe_code, reason = "mapping lets an index of 50 MB be opened without reading it")]
fn map_file(file: &File) -> io::Result<Bytes> {
    // SAFETY: the map is private and read-only. Its bytes would change only if somebody wrote into
    // the file in place; apt, dpkg and this crate replace index files by rename and never do.
    let map = unsafe { memmap2::MmapOptions::new().map_copy_read_only(file)? };
    Ok(Bytes::from_owner(map))
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::Write;

    fn gzip(text: &[u8]) -> Vec<u8> {
        let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
        encoder.write_all(text).unwrap();
        encoder.finish().unwrap()
    }

    fn xz(text: &[u8]) -> Vec<u8> {
        let mut encoder = liblzma::write::XzEncoder::new(Vec::new(), 1);
        encoder.write_all(text).unwrap();
        encoder.finish().unwrap()
    }

    fn lz4(text: &[u8]) -> Vec<u8> {
        let mut encoder = lz4_flex::frame::FrameEncoder::new(Vec::new());
        encoder.write_all(text).unwrap();
        encoder.finish().unwrap()
    }

    fn zst(text: &[u8]) -> Vec<u8> {
        zstd::encode_all(text, 1).unwrap()
    }

    type Compress = fn(&[u8]) -> Vec<u8>;
    const FORMATS: [(&str, Compress); 4] =
        [("gzip", gzip), ("xz", xz), ("lz4", lz4), ("zstd", zst)];

    fn opened(content: &[u8], limits: Limits) -> Result<Bytes, IndexFileError> {
        let mut file = tempfile::NamedTempFile::new().unwrap();
        file.write_all(content).unwrap();
        open_with(file.path(), limits)
    }

    #[test]
    fn every_format_is_recognised_by_its_content() {
        let text = b"Package: a\nVersion: 1\n".repeat(1000);
        assert_eq!(opened(&text, Limits::default()).unwrap(), text);
        for (name, compress) in FORMATS {
            assert_eq!(opened(&compress(&text), Limits::default()).unwrap(), text, "{name}");
        }
        assert!(opened(b"", Limits::default()).unwrap().is_empty());
    }

    #[test]
    fn members_one_after_the_other_are_one_file() {
        for (name, compress) in FORMATS {
            let both = [compress(b"Package: a\n"), compress(b"Version: 1\n")].concat();
            let content = opened(&both, Limits::default()).unwrap();
            assert_eq!(content, &b"Package: a\nVersion: 1\n"[..], "{name}");
        }
    }

    #[test]
    fn truncated_data_are_an_error() {
        let text: Vec<u8> =
            (0..40_000_u32).flat_map(|n| n.wrapping_mul(2_654_435_761).to_le_bytes()).collect();
        for (name, compress) in FORMATS {
            let whole = compress(&text);
            let error = opened(&whole[..whole.len() / 2], Limits::default()).unwrap_err();
            assert!(matches!(error, IndexFileError::Damaged { .. }), "{name}: {error}");
        }
    }

    #[test]
    fn a_bomb_is_refused() {
        let zeros = vec![0; 70 << 20];
        for (name, compress) in FORMATS {
            let packed = compress(&zeros);
            let tight = Limits { bytes: 1 << 20, ratio: 1000 };
            let error = opened(&packed, tight).unwrap_err();
            assert!(
                matches!(error, IndexFileError::Bomb { limit: 0x10_0000, .. }),
                "{name}: {error}"
            );
            if packed.len() < 300_000 {
                let error = opened(&packed, Limits::default()).unwrap_err();
                assert!(matches!(error, IndexFileError::Bomb { .. }), "{name}: {error}");
            }
        }
    }

    #[test]
    fn what_is_no_regular_file_is_refused() {
        let error = open(Path::new("/dev/null")).unwrap_err();
        assert_eq!(error.to_string(), "/dev/null is not a regular file");
        let directory = tempfile::tempdir().unwrap();
        assert!(matches!(open(directory.path()), Err(IndexFileError::NotRegular { .. })));
        let fifo = directory.path().join("fifo");
        rustix::fs::mknodat(
            rustix::fs::CWD,
            &fifo,
            rustix::fs::FileType::Fifo,
            rustix::fs::Mode::from_raw_mode(0o600),
            0,
        )
        .unwrap();
        assert!(matches!(open(&fifo), Err(IndexFileError::NotRegular { .. })));
    }

    #[test]
    fn formats_that_are_not_read_are_named() {
        let error = opened(b"BZh91AY", Limits::default()).unwrap_err();
        assert!(error.to_string().contains("is compressed with bzip2"), "{error}");
    }
}
