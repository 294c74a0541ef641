//! Kernels that were unpacked, each under the digest of its package.
//!
//! ```text
//! kernels/SHA256/            the files of a package, and the kernel uncompressed: complete, or not there
//! kernels/SHA256.partial/    as far as somebody has unpacked it
//! kernels/SHA256.lock        held by whoever unpacks it
//! kernels/SHA256.initramfs   an initramfs, under the digest of what was compressed
//! ```

use std::fs::{self, File};
use std::io;
use std::path::{Path, PathBuf};

use rustix::fs::{FlockOperation, flock};

use super::{Kernel, KernelError, uncompressed};
use crate::product::file_digest;
use crate::state_directory::StateDirectory;
use crate::unpack::{Overrides, Unpacked, Unpacker};

/// What names of directories end with that are not finished.
pub(super) const PARTIAL: &str = ".partial";
/// What names of files begin with that are not finished; whoever writes one holds the directory.
pub(crate) const UNFINISHED: &str = ".initramfs-";

/// The kernels that a machine keeps.
#[derive(Debug, Clone)]
pub struct KernelStore {
    directory: PathBuf,
}

impl KernelStore {
    /// The kernels of a state directory.
    pub fn open(state: &StateDirectory) -> Result<Self, KernelError> {
        Ok(Self { directory: state.make("kernels")? })
    }

    /// Where kernels and initramfses are.
    #[must_use]
    pub fn directory(&self) -> &Path {
        &self.directory
    }

    /// The kernel of a package file, which is unpacked if it was not before.
    ///
    /// Of several processes that ask for the same kernel, one unpacks it and the others wait. What a
    /// process left that was killed meanwhile is removed by the next.
    pub fn unpack(&self, package: &Path) -> Result<Kernel, KernelError> {
        let digest = file_digest(package, &|_| ())?.sha256.to_string();
        let directory = self.directory.join(&digest);
        if directory.is_dir() {
            return kept(&directory);
        }
        let lock_path = self.directory.join(format!("{digest}.lock"));
        let lock = lock(&lock_path, FlockOperation::LockExclusive)
            .map_err(KernelError::access("lock", &lock_path))?;
        if directory.is_dir() {
            return kept(&directory);
        }
        let partial = self.directory.join(format!("{digest}{PARTIAL}"));
        remove_directory(&partial)?;
        fs::create_dir(&partial).map_err(KernelError::access("make", &partial))?;
        let unpacked = unpack_into(package, &partial).and_then(|()| Kernel::at(&partial));
        unpacked.and_then(|kernel| uncompressed::make(&kernel)).inspect_err(|_| {
            // without this the next process removes it
            let _ = fs::remove_dir_all(&partial);
        })?;
        let synced = File::open(&partial).and_then(|file| Ok(rustix::fs::syncfs(&file)?));
        synced.map_err(KernelError::access("write", &partial))?;
        fs::rename(&partial, &directory).map_err(KernelError::access("write", &directory))?;
        drop(lock);
        Kernel::at(&directory)
    }

    /// Removes what was unpacked of a package, unless somebody is unpacking it; whether it was.
    pub(super) fn remove_partial(&self, digest: &str) -> Result<bool, KernelError> {
        let path = self.directory.join(format!("{digest}.lock"));
        let _lock = match lock(&path, FlockOperation::NonBlockingLockExclusive) {
            Ok(lock) => lock,
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => return Ok(false),
            Err(error) => return Err(KernelError::access("lock", &path)(error)),
        };
        remove_directory(&self.directory.join(format!("{digest}{PARTIAL}")))?;
        Ok(true)
    }
}

/// A kernel that was unpacked, perhaps by a version of vclust that left it compressed.
fn kept(directory: &Path) -> Result<Kernel, KernelError> {
    let kernel = Kernel::at(directory)?;
    uncompressed::make(&kernel)?;
    Ok(kernel)
}

fn remove_directory(path: &Path) -> Result<(), KernelError> {
    match fs::remove_dir_all(path) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => {
            Err(KernelError::access("remove", path)(error))
        }
        _ => Ok(()),
    }
}

fn lock(path: &Path, how: FlockOperation) -> io::Result<File> {
    lock_open(File::options().create(true).truncate(false).write(true).open(path)?, how)
}

/// Holds a directory by a lock.
pub(crate) fn hold(directory: &Path, how: FlockOperation) -> io::Result<File> {
    lock_open(File::open(directory)?, how)
}

fn lock_open(file: File, how: FlockOperation) -> io::Result<File> {
    loop {
        match flock(&file, how) {
            Ok(()) => return Ok(file),
            Err(rustix::io::Errno::INTR) => {}
            Err(error) => return Err(error.into()),
        }
    }
}

fn unpack_into(package: &Path, directory: &Path) -> Result<(), KernelError> {
    let overrides = Overrides::default();
    let unpacker = Unpacker::new(directory, &overrides);
    let read = unpacker.read(&[package.to_owned()])?;
    for unpacked in unpacker.unpack(&read)? {
        if let Unpacked::Left(left) = unpacked {
            return Err(KernelError::Left { package: package.to_owned(), left });
        }
    }
    Ok(())
}
