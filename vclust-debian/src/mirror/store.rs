//! Indexes on disk: each suite has a directory, each state of the suite a generation in it.
//!
//! ```text
//! lists/SUITE/lock                   held while the suite is updated
//! lists/SUITE/partial/DIGEST         what has been fetched of a file so far
//! lists/SUITE/DIGEST/InRelease       a generation: the suite as one Release describes it,
//! lists/SUITE/DIGEST/main_...        complete, verified, unpacked
//! lists/SUITE/current -> DIGEST      the generation that is read
//! ```
//!
//! A generation is made under a temporary name and appears whole, by renaming the link; readers see
//! the old one or the new one. The one before stays, for readers that are just opening it.

use std::fs::{self, File};
use std::io::{self, Write};
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};
use std::thread;
use std::time::{Duration, Instant};

use rustix::fs::{FlockOperation, flock};
use tempfile::TempDir;

use super::error::MirrorError;

/// The directory of one suite.
#[derive(Debug, Clone)]
pub(super) struct SuiteStore {
    directory: PathBuf,
}

/// The right to update a suite; dropping it lets the next one in.
pub(super) struct SuiteLock {
    _file: File,
}

impl SuiteStore {
    pub(super) fn new(directory: PathBuf) -> Self {
        Self { directory }
    }

    pub(super) fn directory(&self) -> &Path {
        &self.directory
    }

    /// The generation that is read, if there is one.
    pub(super) fn current(&self) -> Option<PathBuf> {
        let name = fs::read_link(self.directory.join("current")).ok()?;
        let path = self.directory.join(name);
        path.is_dir().then_some(path)
    }

    /// Waits for the right to update the suite.
    pub(super) fn lock(&self, patience: Duration) -> Result<SuiteLock, MirrorError> {
        let path = self.directory.join("lock");
        fs::create_dir_all(&self.directory).map_err(MirrorError::write(&self.directory))?;
        let file = File::options()
            .create(true)
            .truncate(false)
            .write(true)
            .open(&path)
            .map_err(MirrorError::write(&path))?;
        let deadline = Instant::now() + patience;
        loop {
            match flock(&file, FlockOperation::NonBlockingLockExclusive) {
                Ok(()) => return Ok(SuiteLock { _file: file }),
                Err(rustix::io::Errno::WOULDBLOCK) if Instant::now() < deadline => {
                    thread::sleep(Duration::from_millis(50));
                }
                Err(rustix::io::Errno::INTR) => {}
                Err(rustix::io::Errno::WOULDBLOCK) => {
                    return Err(MirrorError::Locked { path, seconds: patience.as_secs() });
                }
                Err(error) => return Err(MirrorError::write(path)(error.into())),
            }
        }
    }

    /// The directory of files that are being fetched.
    pub(super) fn partial(&self) -> Result<PathBuf, MirrorError> {
        let path = self.directory.join("partial");
        fs::create_dir_all(&path).map_err(MirrorError::write(&path))?;
        Ok(path)
    }

    /// A directory for a new generation, gone unless it is committed.
    pub(super) fn stage(&self) -> Result<TempDir, MirrorError> {
        tempfile::Builder::new()
            .prefix("new-")
            .permissions(std::os::unix::fs::PermissionsExt::from_mode(0o755))
            .tempdir_in(&self.directory)
            .map_err(MirrorError::write(&self.directory))
    }

    /// Makes a staged directory the current generation, under `name`.
    pub(super) fn commit(&self, stage: TempDir, name: &str) -> Result<PathBuf, MirrorError> {
        let before = self.current();
        let path = self.directory.join(name);
        sync_directory(stage.path())?;
        // a generation of this name that is not current was left by a crash or a rollback
        if before.as_ref() != Some(&path) && path.exists() {
            fs::remove_dir_all(&path).map_err(MirrorError::write(&path))?;
        }
        let staged = stage.keep();
        fs::rename(&staged, &path).map_err(MirrorError::write(&path))?;
        let link = self.directory.join("current.new");
        let _ = fs::remove_file(&link);
        symlink(name, &link).map_err(MirrorError::write(&link))?;
        let current = self.directory.join("current");
        fs::rename(&link, &current).map_err(MirrorError::write(&current))?;
        sync_directory(&self.directory)?;
        self.clean(&path, before.as_deref());
        Ok(path)
    }

    /// Removes what no reader can need any more.
    fn clean(&self, current: &Path, before: Option<&Path>) {
        let Ok(entries) = fs::read_dir(&self.directory) else {
            return;
        };
        for entry in entries.flatten() {
            let path = entry.path();
            let kept = ["lock", "current"].iter().any(|name| entry.file_name() == *name);
            if !kept && path != current && Some(path.as_path()) != before && path.is_dir() {
                let _ = fs::remove_dir_all(&path);
            }
        }
    }
}

/// Writes a file so that it appears whole or not at all.
pub(super) fn write_file(path: &Path, content: &[u8]) -> Result<(), MirrorError> {
    let directory = path.parent().unwrap_or(Path::new("."));
    let write = || -> io::Result<()> {
        let mut file = tempfile::Builder::new()
            .prefix(".new-")
            .permissions(std::os::unix::fs::PermissionsExt::from_mode(0o644))
            .tempfile_in(directory)?;
        file.write_all(content)?;
        file.as_file().sync_data()?;
        file.persist(path)?;
        Ok(())
    };
    write().map_err(MirrorError::write(path))
}

fn sync_directory(path: &Path) -> Result<(), MirrorError> {
    File::open(path).and_then(|directory| directory.sync_all()).map_err(MirrorError::write(path))
}
