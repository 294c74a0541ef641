//! The canonical stream compressed: `tar.zst`.
//!
//! zstd's output with worker threads depends on how the input is cut into jobs, not on how many
//! workers there are; without workers it is another. So there is always at least one worker, and
//! the size of jobs is fixed.

use std::fs::File;
use std::io::{self, BufWriter, Write};
use std::num::NonZero;
use std::path::Path;

use vclust_core::Sha256;
use zstd::stream::raw::CParameter;

use super::OnBytes;
use super::digest::{Hashing, ProductFile};
use super::error::ProductError;
use super::header::{self, StreamError};
use super::tree::Tree;

/// Bytes of input that one worker takes at a time.
const JOB: u32 = 8 << 20;

/// How an archive is compressed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Compression {
    /// zstd's level, 1 to 19. The bytes depend on it.
    pub level: i32,
    /// Workers. The bytes do not depend on it.
    pub threads: NonZero<u32>,
}

impl Default for Compression {
    /// Level 3, which keeps up with a disk, and a worker for each processor, at most eight.
    fn default() -> Self {
        let processors = std::thread::available_parallelism().map_or(1, NonZero::get).min(8);
        let threads = NonZero::new(processors as u32).unwrap_or(NonZero::<u32>::MIN);
        Self { level: 3, threads }
    }
}

/// An archive that was written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct Archive {
    /// The digest of the content: that of the stream before it was compressed.
    pub content: Sha256,
    /// Bytes of the stream.
    pub content_bytes: u64,
    /// The file.
    pub file: ProductFile,
}

impl Tree {
    /// The digest of the content: the SHA-256 of its tar stream.
    pub fn digest(&self, on_bytes: OnBytes<'_>) -> Result<Sha256, ProductError> {
        Ok(self.write_stream(Path::new(""), io::sink(), on_bytes)?.0.sha256)
    }

    /// Writes the tree as an uncompressed tar archive. The file must not be there.
    pub fn write_tar(&self, path: &Path, on_bytes: OnBytes<'_>) -> Result<Archive, ProductError> {
        let file = File::create_new(path).map_err(ProductError::write(path))?;
        let (file, _) = self.write_stream(path, BufWriter::new(file), on_bytes)?;
        Ok(Archive { content: file.sha256, content_bytes: file.bytes, file })
    }

    /// Writes the tree as a tar archive compressed by zstd. The file must not be there.
    ///
    /// The bytes depend on the tree and the level, and on nothing else.
    pub fn write_tar_zst(
        &self,
        path: &Path,
        compression: Compression,
        on_bytes: OnBytes<'_>,
    ) -> Result<Archive, ProductError> {
        let failed = |source| ProductError::Write { path: path.to_owned(), source };
        let file = File::create_new(path).map_err(failed)?;
        let compressed = Hashing::new(BufWriter::with_capacity(1 << 20, file));
        let encoder = || {
            let mut encoder = zstd::Encoder::new(compressed, compression.level)?;
            encoder.include_checksum(true)?;
            encoder.multithread(compression.threads.get())?;
            encoder.set_parameter(CParameter::JobSize(JOB))?;
            Ok(encoder)
        };
        let encoder = encoder().map_err(failed)?;
        let (content, encoder) = self.write_stream(path, encoder, on_bytes)?;
        let mut compressed = encoder.finish().map_err(failed)?;
        compressed.flush().map_err(failed)?;
        let (file, _) = compressed.finish();
        Ok(Archive { content: content.sha256, content_bytes: content.bytes, file })
    }

    fn write_stream<W: Write>(
        &self,
        path: &Path,
        out: W,
        on_bytes: OnBytes<'_>,
    ) -> Result<(ProductFile, W), ProductError> {
        let mut stream = Hashing::new(out);
        let written = header::write(self, &mut stream, on_bytes)
            .and_then(|()| stream.flush().map_err(StreamError::Write));
        match written {
            Ok(()) => Ok(stream.finish()),
            Err(StreamError::Read(error)) => Err(error),
            Err(StreamError::Write(source)) => {
                Err(ProductError::Write { path: path.to_owned(), source })
            }
        }
    }
}
