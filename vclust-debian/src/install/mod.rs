//! Installing packages into a root: what `dpkg --install` would leave there, sooner.
//!
//! Nearly all packages are unpacked by this crate, in parallel, and entered into dpkg's database as
//! unpacked; then one run of dpkg configures everything and runs each trigger once. Where our
//! unpacking would not be dpkg's (a `preinst` that may act, an older version or its configuration
//! files in the root), the package goes through dpkg, after what it pre-depends on was configured.
//!
//! In a root with nothing in it, no script can run before its interpreter is there. So the files of
//! essential packages come first and their `preinst` scripts run afterwards, as debootstrap and
//! mmdebstrap do.

mod bootstrap;
mod classify;
mod course;
mod error;
mod host_keys;
mod preinst;
mod run;
mod steps;
mod through_dpkg;

use std::num::NonZeroUsize;
use std::path::{Path, PathBuf};
use std::time::Duration;

use vclust_core::Step;

pub use course::{DpkgRun, dpkg_course};
pub use error::InstallError;
pub use run::OnInstall;

/// How far an installation has come.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum InstallProgress {
    /// Packages are being unpacked.
    Unpacked {
        /// How many are.
        packages: usize,
        /// How many will be.
        total: usize,
    },
    /// dpkg has done so many of its steps.
    Configured {
        /// Steps done.
        steps: usize,
        /// Packages that are to be configured; triggers come on top.
        total: usize,
    },
}

/// Packages to be installed into a root.
#[derive(Debug, Clone)]
pub struct Installation {
    root: PathBuf,
    architecture: String,
    packages: Vec<PathBuf>,
    remove: Vec<String>,
    threads: NonZeroUsize,
    epoch: Epoch,
    host_keys: HostKeys,
    timeout: Duration,
}

/// The time of a build, in seconds since 1970: scripts are told it through `SOURCE_DATE_EPOCH`, and
/// what is modified later counts as modified then.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Epoch {
    /// This time.
    Fixed(i64),
    /// That of the newest file of the packages, or this time if that is later.
    NewestSince(i64),
}

/// What becomes of the keys by which an SSH server is known.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum HostKeys {
    Made,
    LeftOut,
}

/// A package that was installed.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct InstalledPackage {
    /// Its name.
    pub name: String,
    /// Its version.
    pub version: String,
    /// Its architecture, or `all`.
    pub architecture: String,
}

/// What an installation did.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub struct Installed {
    /// The packages, in the order they were given.
    pub packages: Vec<InstalledPackage>,
    /// Seconds from the first file to the last.
    pub unpack_seconds: f64,
    /// Seconds for scripts, triggers and those packages that dpkg unpacked.
    pub configure_seconds: f64,
    /// The time of the build, in seconds since 1970.
    pub source_date_epoch: i64,
    /// Bytes of the files that this crate unpacked.
    pub bytes: u64,
    /// What was done to each package: unpacking by this crate first, then dpkg's steps in order.
    pub steps: Vec<Step>,
    /// Names of the packages that went through dpkg.
    pub through_dpkg: Vec<String>,
    /// What dpkg and the scripts printed.
    pub log: String,
}

impl Installation {
    /// An installation of packages, in the order in which dpkg would be given them, into a root
    /// that is an empty directory or has dpkg and its database.
    ///
    /// It needs root's rights, those of a user namespace suffice.
    #[must_use]
    pub fn new(
        root: impl Into<PathBuf>,
        architecture: impl Into<String>,
        packages: impl IntoIterator<Item = impl Into<PathBuf>>,
    ) -> Self {
        Self {
            root: root.into(),
            architecture: architecture.into(),
            packages: packages.into_iter().map(Into::into).collect(),
            remove: Vec::new(),
            threads: std::thread::available_parallelism().unwrap_or(NonZeroUsize::MIN),
            epoch: Epoch::NewestSince(0),
            host_keys: HostKeys::Made,
            timeout: Duration::from_secs(1800),
        }
    }

    /// Packages to be removed before.
    #[must_use]
    pub fn remove(mut self, names: impl IntoIterator<Item = impl Into<String>>) -> Self {
        self.remove = names.into_iter().map(Into::into).collect();
        self
    }

    /// How many packages are unpacked at once; one for each processor by default. The result does
    /// not depend on it.
    #[must_use]
    pub fn threads(mut self, threads: NonZeroUsize) -> Self {
        self.threads = threads;
        self
    }

    /// The time that scripts are told; by default that of the newest file of all packages.
    #[must_use]
    pub fn epoch(mut self, epoch: Epoch) -> Self {
        self.epoch = epoch;
        self
    }

    /// Leaves out the host keys that `openssh-server` makes when it is configured. They take a second
    /// or more, and in an image that several nodes start from they are thrown away.
    #[must_use]
    pub fn without_host_keys(mut self) -> Self {
        self.host_keys = HostKeys::LeftOut;
        self
    }

    /// How long one run of dpkg or of a script may take; half an hour by default.
    #[must_use]
    pub fn timeout(mut self, timeout: Duration) -> Self {
        self.timeout = timeout;
        self
    }

    /// Where the packages go.
    #[must_use]
    pub fn root(&self) -> &Path {
        &self.root
    }
}
