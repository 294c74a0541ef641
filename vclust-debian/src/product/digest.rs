//! Digests of what passes by, and of files.

use std::fs::File;
use std::io::{self, Read, Write};
use std::path::Path;

use sha2::{Digest, Sha256 as Hasher};
use vclust_core::Sha256;

use super::OnBytes;
use super::error::ProductError;

/// A finished file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ProductFile {
    /// Its size.
    pub bytes: u64,
    /// The SHA-256 of its content.
    pub sha256: Sha256,
}

/// Takes the digest of what is written or read through it.
pub(super) struct Hashing<T> {
    inner: T,
    hasher: Hasher,
    bytes: u64,
}

impl<T> Hashing<T> {
    pub(super) fn new(inner: T) -> Self {
        Self { inner, hasher: Hasher::new(), bytes: 0 }
    }

    /// The digest of all that passed, and what it passed through.
    pub(super) fn finish(self) -> (ProductFile, T) {
        let sha256 = Sha256(self.hasher.finalize().into());
        (ProductFile { bytes: self.bytes, sha256 }, self.inner)
    }

    fn take(&mut self, bytes: &[u8]) {
        self.hasher.update(bytes);
        self.bytes += bytes.len() as u64;
    }
}

impl<W: Write> Write for Hashing<W> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let written = self.inner.write(bytes)?;
        self.take(&bytes[..written]);
        Ok(written)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.inner.flush()
    }
}

impl<R: Read> Read for Hashing<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let read = self.inner.read(buffer)?;
        self.take(&buffer[..read]);
        Ok(read)
    }
}

/// Size and digest of a file.
pub fn file_digest(path: &Path, on_bytes: OnBytes<'_>) -> Result<ProductFile, ProductError> {
    let mut file = File::open(path).map_err(ProductError::read(path))?;
    let mut hashing = Hashing::new(io::sink());
    let mut buffer = vec![0; 256 << 10];
    loop {
        let read = file.read(&mut buffer).map_err(ProductError::read(path))?;
        if read == 0 {
            return Ok(hashing.finish().0);
        }
        hashing.take(&buffer[..read]);
        on_bytes(read as u64);
    }
}
