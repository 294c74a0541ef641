use std::io;
use std::path::{Path, PathBuf};

use thiserror::Error;

use crate::deb::DebError;
use crate::kernel::KernelError;

/// Why there is no initramfs.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum InitramfsError {
    /// The kernel's modules cannot be had.
    #[error(transparent)]
    Kernel(#[from] KernelError),
    /// The package of busybox cannot be read.
    #[error(transparent)]
    Package(#[from] DebError),
    /// A package without the program.
    #[error("{} has no bin/busybox; take the package `busybox-static`", package.display())]
    NoBusybox {
        /// The package.
        package: PathBuf,
    },
    /// A program that needs libraries.
    #[error(
        "the busybox in {} needs libraries, which an initramfs has not; take the package \
         `busybox-static`",
        package.display()
    )]
    NotStatic {
        /// The package.
        package: PathBuf,
    },
    /// The file cannot be written.
    #[error("cannot write {}", path.display())]
    Write {
        /// The file.
        path: PathBuf,
        /// What the system says.
        source: io::Error,
    },
}

impl InitramfsError {
    pub(super) fn write(path: &Path) -> impl FnOnce(io::Error) -> Self + use<> {
        let path = path.to_owned();
        move |source| Self::Write { path, source }
    }
}
