//! The data archive: the files that a package installs.

use std::fmt;

use super::tar::TarReader;
use super::{DataEntry, DebError};

/// A package's files, in the order of the archive, as they are unpacked.
///
/// ```no_run
/// use vclust_debian::{DebError, DebLimits, PackageFile};
/// # fn main() -> Result<(), DebError> {
/// let package = PackageFile::open("hello.deb".as_ref(), DebLimits::default())?;
/// let mut data = package.data()?;
/// while let Some(entry) = data.next_entry()? {
///     let mut bytes = 0;
///     while let chunk @ [_, ..] = data.chunk()? {
///         bytes += chunk.len();
///     }
///     println!("{} {bytes}", String::from_utf8_lossy(&entry.path));
/// }
/// # Ok(())
/// # }
/// ```
pub struct DataArchive {
    tar: TarReader,
}

impl DataArchive {
    pub(super) fn new(tar: TarReader) -> Self {
        Self { tar }
    }

    /// The next entry, or `None` at the end; by then the whole member was unpacked and its checksums
    /// were right. Content of the entry before that was not taken is passed over.
    pub fn next_entry(&mut self) -> Result<Option<DataEntry>, DebError> {
        self.tar.next_entry()
    }

    /// The next piece of the content of the last entry, up to 256 KiB; empty at its end, and for
    /// entries that are no files.
    pub fn chunk(&mut self) -> Result<&[u8], DebError> {
        self.tar.chunk()
    }
}

impl fmt::Debug for DataArchive {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("DataArchive").field("origin", self.tar.origin()).finish()
    }
}
