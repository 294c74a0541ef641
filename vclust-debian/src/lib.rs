//! vclust acting on Debian: it reads mirrors and the machine's apt configuration, and makes images of
//! root directories.

mod apt_configuration;
mod command;
mod index_file;
mod mirror;
mod product;
mod signature;
mod state_directory;
mod status_file;

pub use apt_configuration::{
    AptConf, AptConfSyntaxError, AptConfiguration, AptConfigurationError, AptEnvironment,
    AptSource, Include, IndexFile, Location, SignedBy, SourceKind, apt_lists, parse_deb822_sources,
    parse_one_line_sources, parse_preferences, uri_to_file_name,
};
pub use command::CommandError;
pub use index_file::{IndexFileError, Limits, open as open_index, open_with as open_index_with};
pub use mirror::{
    Expiry, Mirror, MirrorError, MirrorOptions, OnProgress, Progress, Repository, Trust, Updated,
    Wanted,
};
pub use product::{
    Archive, Compression, DiskFormat, DiskOptions, OnBytes, ProductError, ProductFile, Tree,
    Unpacked, copy_tar, file_digest, unpack_archive, write_disk, write_erofs, write_erofs_lz4hc,
};
pub use signature::{
    ArmorError, Keyring, SignatureError, SignatureRefusal, Signed, dearmor, verify,
};
pub use state_directory::{StateDirectory, StateDirectoryError};
pub use status_file::status_file;
