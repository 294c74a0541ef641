//! dpkg's record of what is installed.

use std::path::PathBuf;

use crate::apt_configuration::{AptConfiguration, AptConfigurationError};

/// The machine's dpkg status file: `Dir::State::status` of apt's configuration, which is
/// `/var/lib/dpkg/status` unless somebody changed it. [`crate::open_index`] reads it.
pub fn status_file() -> Result<PathBuf, AptConfigurationError> {
    Ok(AptConfiguration::load()?.status_file())
}
