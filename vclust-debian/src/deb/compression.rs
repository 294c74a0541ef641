//! The compressions of a package's members, chosen by the members' names as dpkg does, and unpacked
//! as a stream.

use std::io::{self, BufRead, BufReader, Read};

use liblzma::stream::{CONCATENATED, Stream};

use super::container::{Member, MemberReader};

/// Bytes of the file that are read at a time.
const INPUT_BYTES: usize = 64 << 10;
/// Unpacked bytes that are kept for the reader of an archive.
const OUTPUT_BYTES: usize = 256 << 10;
/// Memory that liblzma needs besides a dictionary.
const LZMA_OVERHEAD: u64 = 2 << 20;

/// How a member is compressed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Compression {
    None,
    Gzip,
    Xz,
    Zstd,
    /// The format before xz, which dpkg takes in data members only.
    Lzma,
}

impl Compression {
    /// The compression that a member's name tells, if it is one that may be used there.
    pub(super) fn of(member: &Member) -> Option<Self> {
        let (stem, suffix) = member.name.split_once(".tar")?;
        match suffix {
            "" => Some(Self::None),
            ".gz" => Some(Self::Gzip),
            ".xz" => Some(Self::Xz),
            ".zst" => Some(Self::Zstd),
            ".lzma" if stem == "data" => Some(Self::Lzma),
            _ => None,
        }
    }
}

/// The unpacked bytes of a member.
pub(super) type Content = BufReader<Box<dyn Read + Send>>;

/// Starts to unpack a member; a dictionary larger than `dictionary_bytes` is an error, then or when
/// it is read.
pub(super) fn decompress(
    member: MemberReader,
    compression: Compression,
    dictionary_bytes: u64,
) -> io::Result<Content> {
    let memory = dictionary_bytes.saturating_add(LZMA_OVERHEAD);
    let input = BufReader::with_capacity(INPUT_BYTES, member);
    let content: Box<dyn Read + Send> = match compression {
        Compression::None => Box::new(input),
        Compression::Gzip => Box::new(flate2::bufread::MultiGzDecoder::new(input)),
        Compression::Xz => lzma(input, Stream::new_stream_decoder(memory, CONCATENATED)?),
        Compression::Lzma => lzma(input, Stream::new_lzma_decoder(memory)?),
        Compression::Zstd => {
            let mut decoder = zstd::stream::read::Decoder::with_buffer(input)?;
            decoder.window_log_max(dictionary_bytes.max(1 << 10).ilog2().min(30))?;
            Box::new(decoder)
        }
    };
    Ok(BufReader::with_capacity(OUTPUT_BYTES, content))
}

fn lzma(input: impl BufRead + Send + 'static, stream: Stream) -> Box<dyn Read + Send> {
    Box::new(liblzma::bufread::XzDecoder::new_stream(input, stream))
}

/// Whether a decompressor failed because it would have needed more memory than it may use.
pub(super) fn wants_memory(error: &io::Error) -> bool {
    let lzma = error
        .get_ref()
        .and_then(|inner| inner.downcast_ref::<liblzma::stream::Error>())
        .is_some_and(|inner| matches!(inner, liblzma::stream::Error::MemLimit));
    // zstd's binding hands on the library's text and nothing else
    lzma || error.to_string().contains("Frame requires too much memory")
}
