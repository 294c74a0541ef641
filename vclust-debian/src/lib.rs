//! vclust acting on Debian: it reads mirrors and the machine's apt configuration.

mod apt_configuration;
mod index_file;

pub use apt_configuration::{
    AptConf, AptConfSyntaxError, AptConfiguration, AptConfigurationError, AptEnvironment,
    AptSource, Include, IndexFile, Location, SignedBy, SourceKind, apt_lists, parse_deb822_sources,
    parse_one_line_sources, parse_preferences, uri_to_file_name,
};
pub use index_file::{IndexFileError, Limits, open as open_index, open_with as open_index_with};
