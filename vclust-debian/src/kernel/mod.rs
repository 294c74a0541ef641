//! Kernels for nodes, from Debian's packages and without installing them.
//!
//! An image has no kernel: a node is given one when it is started, and all that the node needs of
//! the package is `vmlinuz` and a few modules. So the package's files are unpacked once, beside the
//! images, and its maintainer scripts, which would make an initramfs for this machine, never run.

mod error;
mod find;
mod modinfo;
mod modules;
mod store;
mod sweep;
mod uncompressed;

use std::fs;
use std::path::{Path, PathBuf};

pub use error::KernelError;
pub use find::kernel_package;
pub use modules::KernelModule;
pub use store::KernelStore;
pub(crate) use store::{UNFINISHED, hold};

/// A kernel that was unpacked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Kernel {
    image: PathBuf,
    modules: PathBuf,
    release: String,
}

impl Kernel {
    /// The kernel in a directory into which its package was unpacked.
    pub fn at(directory: &Path) -> Result<Self, KernelError> {
        let none = || KernelError::NoKernel { directory: directory.to_owned() };
        for modules in ["lib/modules", "usr/lib/modules"] {
            let modules = directory.join(modules);
            let Ok(entries) = fs::read_dir(&modules) else { continue };
            let mut releases: Vec<String> = entries
                .flatten()
                .map(|entry| entry.file_name().to_string_lossy().into_owned())
                .collect();
            releases.sort();
            for release in releases {
                let image = directory.join("boot").join(format!("vmlinuz-{release}"));
                let modules = modules.join(&release);
                if image.is_file() && modules.is_dir() {
                    return Ok(Self { image, modules, release });
                }
            }
        }
        Err(none())
    }

    /// The kernel itself, as a boot loader or a hypervisor takes it.
    #[must_use]
    pub fn image(&self) -> &Path {
        &self.image
    }

    /// What a hypervisor starts soonest: the uncompressed kernel where there is one (`vmlinux-RELEASE`
    /// beside the image), else the image.
    #[must_use]
    pub fn direct_image(&self) -> PathBuf {
        let uncompressed = self.uncompressed_path();
        if uncompressed.is_file() { uncompressed } else { self.image.clone() }
    }

    fn uncompressed_path(&self) -> PathBuf {
        self.image.with_file_name(format!("vmlinux-{}", self.release))
    }

    /// The directory of its modules, which a node would have as `/lib/modules/RELEASE`.
    #[must_use]
    pub fn modules_directory(&self) -> &Path {
        &self.modules
    }

    /// Its release, as `uname -r` says it.
    #[must_use]
    pub fn release(&self) -> &str {
        &self.release
    }
}
