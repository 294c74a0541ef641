//! What killed processes left half-written among the kernels.

use std::fs;
use std::io;
use std::path::Path;

use rustix::fs::FlockOperation;
use vclust_process::ProcessId;

use super::KernelError;
use super::store::{KernelStore, PARTIAL, UNFINISHED, hold};

impl KernelStore {
    /// Removes what killed processes left half-written; how many files and directories that was. What
    /// others are writing is left alone.
    pub fn sweep(&self) -> Result<usize, KernelError> {
        let directory = self.directory();
        // whoever writes an initramfs holds the directory together with others who do
        let alone = match hold(directory, FlockOperation::NonBlockingLockExclusive) {
            Ok(alone) => Some(alone),
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => None,
            Err(error) => return Err(KernelError::access("lock", directory)(error)),
        };
        let mut removed = 0;
        for entry in fs::read_dir(directory).map_err(KernelError::access("read", directory))? {
            let entry = entry.map_err(KernelError::access("read", directory))?;
            let name = entry.file_name().to_string_lossy().into_owned();
            let is_gone = match name.strip_suffix(PARTIAL) {
                Some(digest) => self.remove_partial(digest)?,
                None if name.starts_with(UNFINISHED) => alone.is_some() && remove(&entry.path())?,
                None => is_of_dead_process(&name) && remove(&entry.path())?,
            };
            removed += usize::from(is_gone);
        }
        Ok(removed)
    }
}

/// Whether a name ends with `.new-` and the number of a process that has ended.
fn is_of_dead_process(name: &str) -> bool {
    let process = name.rsplit_once(".new-").and_then(|(_, number)| number.parse().ok());
    process.is_some_and(|number| ProcessId::of(number).is_none())
}

fn remove(path: &Path) -> Result<bool, KernelError> {
    match fs::remove_file(path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(false),
        result => result.map(|()| true).map_err(KernelError::access("remove", path)),
    }
}
