//! The compression formats of index files, each unpacked with all its members and within limits.

use std::io::{self, Read};
use std::path::Path;

use bytes::Bytes;

use super::{IndexFileError, Limits};

/// The formats that index files come in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Format {
    Plain,
    Gzip,
    Xz,
    Zstd,
    Lz4,
    Unsupported(&'static str),
}

impl Format {
    /// Recognises a format by the first bytes of a file.
    pub(super) fn of(content: &[u8]) -> Self {
        let is = |magic: &[u8]| content.starts_with(magic);
        if is(&[0x1f, 0x8b]) {
            Self::Gzip
        } else if is(&[0xfd, b'7', b'z', b'X', b'Z', 0]) {
            Self::Xz
        } else if is(&[0x28, 0xb5, 0x2f, 0xfd]) {
            Self::Zstd
        } else if is(&[0x04, 0x22, 0x4d, 0x18]) {
            Self::Lz4
        } else if is(b"BZh") {
            Self::Unsupported("bzip2")
        } else if is(&[0x5d, 0, 0]) {
            Self::Unsupported("lzma")
        } else {
            Self::Plain
        }
    }

    fn name(self) -> &'static str {
        match self {
            Self::Plain => "plain",
            Self::Gzip => "gzip",
            Self::Xz => "xz",
            Self::Zstd => "zstd",
            Self::Lz4 => "lz4",
            Self::Unsupported(name) => name,
        }
    }
}

/// Unpacks the content of the file at `path` as far as the limits allow.
pub(super) fn unpack(
    path: &Path,
    content: &[u8],
    format: Format,
    limits: Limits,
) -> Result<Bytes, IndexFileError> {
    let limit = limits.for_compressed(content.len() as u64);
    let guess = (content.len() as u64).saturating_mul(5).min(limit);
    let mut output = Vec::with_capacity(usize::try_from(guess).unwrap_or(0));
    let bound = limit.saturating_add(1);
    let result = match format {
        Format::Plain => content.take(bound).read_to_end(&mut output),
        Format::Gzip => {
            flate2::bufread::MultiGzDecoder::new(content).take(bound).read_to_end(&mut output)
        }
        Format::Xz => unpack_xz(content, bound, &mut output),
        Format::Zstd => zstd::stream::read::Decoder::with_buffer(content)
            .and_then(|decoder| decoder.take(bound).read_to_end(&mut output)),
        Format::Lz4 => unpack_lz4(content, bound, &mut output),
        Format::Unsupported(format) => {
            return Err(IndexFileError::Unsupported { path: path.to_owned(), format });
        }
    };
    if output.len() as u64 > limit {
        let compressed = content.len() as u64;
        return Err(IndexFileError::Bomb { path: path.to_owned(), compressed, limit });
    }
    match result {
        Ok(_) => Ok(output.into()),
        Err(source) => {
            Err(IndexFileError::Damaged { path: path.to_owned(), format: format.name(), source })
        }
    }
}

/// Memory that an xz file may ask for, for its dictionary; `xz -9` needs 65 MiB.
const XZ_MEMORY: u64 = 512 << 20;

fn unpack_xz(content: &[u8], bound: u64, output: &mut Vec<u8>) -> io::Result<usize> {
    let flags = liblzma::stream::CONCATENATED;
    let stream = liblzma::stream::Stream::new_stream_decoder(XZ_MEMORY, flags)?;
    liblzma::bufread::XzDecoder::new_stream(content, stream).take(bound).read_to_end(output)
}

/// An lz4 decoder stops at the end of each frame, and the next read goes on with the next.
fn unpack_lz4(content: &[u8], bound: u64, output: &mut Vec<u8>) -> io::Result<usize> {
    let mut decoder = lz4_flex::frame::FrameDecoder::new(content);
    loop {
        let before = output.len();
        let left = bound.saturating_sub(before as u64);
        (&mut decoder).take(left).read_to_end(output)?;
        if output.len() == before || output.len() as u64 >= bound {
            return if output.len() as u64 >= bound || decoder.get_ref().is_empty() {
                Ok(output.len())
            } else {
                Err(io::Error::new(io::ErrorKind::InvalidData, "something follows the lz4 frame"))
            };
        }
    }
}
