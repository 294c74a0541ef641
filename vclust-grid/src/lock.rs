//! Locks between processes: `flock`, which the kernel lets go when its holder dies.
//!
//! A lock is a file, and files can be removed or replaced while somebody waits for them. So whoever
//! gets a lock looks whether the file is still the one of that name, and begins anew if not.

use std::fs::File;
use std::io;
use std::os::unix::fs::MetadataExt;
use std::path::Path;
use std::thread;
use std::time::Duration;

use rustix::fs::{FlockOperation, flock};
use rustix::io::Errno;

/// How often a lock that somebody has is asked for again.
const PAUSE: Duration = Duration::from_millis(20);

/// A lock, held until it is dropped.
#[derive(Debug)]
pub(crate) struct Lock {
    pub(crate) file: File,
}

/// Who may hold a lock at the same time.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Mode {
    Alone,
    Shared,
}

/// Whether a lock's file is made where it is not there.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Missing {
    Make,
    Fail,
}

impl Lock {
    /// Takes a lock if nobody stands in the way; `None` if somebody does.
    pub(crate) fn attempt(path: &Path, mode: Mode, missing: Missing) -> io::Result<Option<Self>> {
        let operation = match mode {
            Mode::Alone => FlockOperation::NonBlockingLockExclusive,
            Mode::Shared => FlockOperation::NonBlockingLockShared,
        };
        loop {
            let file = match missing {
                Missing::Make => {
                    File::options().create(true).truncate(false).write(true).open(path)?
                }
                Missing::Fail => File::open(path)?,
            };
            match flock(&file, operation) {
                Ok(()) if is_named(&file, path)? => return Ok(Some(Self { file })),
                Ok(()) | Err(Errno::INTR) => {}
                Err(Errno::WOULDBLOCK) => return Ok(None),
                Err(error) => return Err(error.into()),
            }
        }
    }

    /// Waits for a lock; `on_wait` is called once if that takes any time.
    pub(crate) fn wait(
        path: &Path,
        mode: Mode,
        missing: Missing,
        on_wait: &mut dyn FnMut(),
    ) -> io::Result<Self> {
        let mut waited = false;
        loop {
            if let Some(lock) = Self::attempt(path, mode, missing)? {
                return Ok(lock);
            }
            if !waited {
                waited = true;
                on_wait();
            }
            thread::sleep(PAUSE);
        }
    }
}

/// Whether the open file is the one of that name.
fn is_named(file: &File, path: &Path) -> io::Result<bool> {
    let open = file.metadata()?;
    match path.symlink_metadata() {
        Ok(named) => Ok((open.dev(), open.ino()) == (named.dev(), named.ino())),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(false),
        Err(error) => Err(error),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_lock_that_was_removed_is_not_held() {
        let directory = tempfile::tempdir().expect("a directory");
        let path = directory.path().join("lock");
        let take = || Lock::attempt(&path, Mode::Alone, Missing::Make).expect("a lock");
        let first = take().expect("free");
        assert!(take().is_none());
        std::fs::remove_file(&path).expect("a file");
        let second = take().expect("another file of that name");
        drop(first);
        assert!(take().is_none());
        drop(second);
        assert!(take().is_some());
        let missing = Lock::attempt(&directory.path().join("no"), Mode::Shared, Missing::Fail);
        assert_eq!(missing.expect_err("no file").kind(), io::ErrorKind::NotFound);
    }

    #[test]
    fn readers_share_and_keep_a_writer_out() {
        let directory = tempfile::tempdir().expect("a directory");
        let path = directory.path().join("lock");
        std::fs::write(&path, "").expect("a file");
        let take = |mode| Lock::attempt(&path, mode, Missing::Fail).expect("a lock");
        let readers = [take(Mode::Shared), take(Mode::Shared)];
        assert!(readers.iter().all(Option::is_some));
        assert!(take(Mode::Alone).is_none());
        drop(readers);
        assert!(take(Mode::Alone).is_some());
    }
}
