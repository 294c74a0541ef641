//! The environment that apt runs in.

use std::ffi::OsString;
use std::path::PathBuf;

/// What apt takes from the environment.
#[derive(Debug, Clone, Default)]
pub struct AptEnvironment {
    /// Directory that stands for `/`; only tests and foreign roots set it.
    pub root: Option<PathBuf>,
    /// `APT_CONFIG`: a configuration file read before all others.
    pub apt_config: Option<PathBuf>,
    /// `http_proxy`.
    pub http_proxy: Option<String>,
    /// `https_proxy`.
    pub https_proxy: Option<String>,
    /// `no_proxy`: hosts and domains, separated by commas.
    pub no_proxy: Option<String>,
}

impl AptEnvironment {
    /// The environment of this process.
    #[must_use]
    pub fn of_process() -> Self {
        let text = |name| std::env::var(name).ok().filter(|value| !value.is_empty());
        Self {
            root: None,
            apt_config: std::env::var_os("APT_CONFIG")
                .filter(|path: &OsString| !path.is_empty())
                .map(PathBuf::from),
            http_proxy: text("http_proxy"),
            https_proxy: text("https_proxy"),
            no_proxy: text("no_proxy"),
        }
    }
}
