use std::io;
use std::path::{Path, PathBuf};

use thiserror::Error;

use crate::deb::DebError;
use crate::product::ProductError;
use crate::state_directory::StateDirectoryError;
use crate::unpack::{LeftToDpkg, UnpackError};

/// Why there is no kernel to boot, or not with the modules that are wanted.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum KernelError {
    /// No package of a kernel is in the index.
    #[error(
        "the package index has no kernel for {architecture} ({}); take a suite that has one",
        looked_for.join(", ")
    )]
    NotInIndex {
        /// dpkg's name of the architecture.
        architecture: String,
        /// The packages that were looked for.
        looked_for: Vec<String>,
    },
    /// The package of a kernel cannot be read.
    #[error(transparent)]
    Package(#[from] DebError),
    /// The package of a kernel cannot be hashed.
    #[error(transparent)]
    Digest(#[from] ProductError),
    /// The package of a kernel cannot be unpacked.
    #[error(transparent)]
    Unpack(#[from] UnpackError),
    /// A package that is more than files.
    #[error(
        "{} cannot be unpacked without dpkg, because of its /{}; take another kernel",
        package.display(),
        String::from_utf8_lossy(&left.path)
    )]
    Left {
        /// The package.
        package: PathBuf,
        /// What stands in the way.
        left: LeftToDpkg,
    },
    /// A package without a kernel in it.
    #[error(
        "{} holds no kernel with modules (boot/vmlinuz-RELEASE and lib/modules/RELEASE); take the \
         package that a package such as linux-image-amd64 depends on",
        directory.display()
    )]
    NoKernel {
        /// Where the package was unpacked.
        directory: PathBuf,
    },
    /// A module that the kernel does not have.
    #[error("the kernel {release} has no module `{module}`, neither built in nor as a file")]
    NoModule {
        /// The kernel.
        release: String,
        /// The module.
        module: String,
    },
    /// Modules that need each other.
    #[error("the module `{module}` of the kernel {release} needs itself; its package is damaged")]
    Circle {
        /// The kernel.
        release: String,
        /// The module.
        module: String,
    },
    /// A file that is no module of a 64-bit little-endian machine.
    #[error("{} is no kernel module that can be read: {problem}", path.display())]
    Module {
        /// The file.
        path: PathBuf,
        /// What is wrong.
        problem: &'static str,
    },
    /// There is no place for kernels.
    #[error(transparent)]
    State(#[from] StateDirectoryError),
    /// A file of the kernel cannot be used.
    #[error("cannot {step} {}", path.display())]
    Access {
        /// What was tried, as a verb.
        step: &'static str,
        /// The file.
        path: PathBuf,
        /// What the system says.
        source: io::Error,
    },
}

impl KernelError {
    pub(super) fn access(
        step: &'static str,
        path: &Path,
    ) -> impl FnOnce(io::Error) -> Self + use<> {
        let path = path.to_owned();
        move |source| Self::Access { step, path, source }
    }
}
