//! What can be wrong with an index file.

use thiserror::Error;

/// An index file that cannot be used.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum IndexError {
    /// A stanza lacks a field that every package has.
    #[error(
        "{file}, line {line}: the stanza of package `{package}` has no `{field}` field; \
         the file may be cut off: fetch it again"
    )]
    MissingField {
        /// The file's name.
        file: String,
        /// First line of the stanza, from 1.
        line: usize,
        /// The package, empty if even its name is missing.
        package: String,
        /// The missing field.
        field: &'static str,
    },
    /// Offsets into a file are 32 bits.
    #[error("{file}: {bytes} bytes are more than an index file can have (4 GiB)")]
    TooLarge {
        /// The file's name.
        file: String,
        /// Its size.
        bytes: u64,
    },
    /// More files than an index can merge.
    #[error("{file}: an index merges at most 65,535 files")]
    TooManyFiles {
        /// The first file over the limit.
        file: String,
    },
}
