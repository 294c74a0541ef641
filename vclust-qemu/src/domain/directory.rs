//! The directory of a domain: found, held against others, made and removed.

use std::fs::{self, DirBuilder, File};
use std::io;
use std::os::unix::fs::{DirBuilderExt, MetadataExt};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use rustix::fs::{FlockOperation, flock};
use rustix::io::Errno;
use serde::de::DeserializeOwned;
use vclust_core::{DomainConfiguration, DomainName, HypervisorProblem};
use vclust_process::ProcessId;

use super::DEFINITION;
use crate::host::{private_file, unfinished, write_whole};
use crate::problem::Outcome;

/// What names of directories begin with that are not, or no longer, domains.
pub(crate) const LEFTOVER: char = '.';

/// How old something unfinished must be to be taken for abandoned.
const ABANDONED: Duration = Duration::from_secs(60);

/// The directory of a domain, open, so that it stays the same one whatever happens to its name.
pub(crate) struct Directory {
    path: PathBuf,
    handle: File,
}

impl Directory {
    /// Finds a domain below a directory.
    pub(crate) fn find(below: &Path, name: &DomainName) -> Outcome<Self> {
        let path = below.join(name.as_str());
        match File::open(&path) {
            Ok(handle) => Ok(Self { path, handle }),
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                Err(HypervisorProblem::Unknown)
            }
            Err(error) => Err(HypervisorProblem::file("open", &path)(error)),
        }
    }

    /// Holds the domain against all others that hold it, in this process and elsewhere, until the
    /// value is dropped.
    pub(crate) fn hold(&self, patience: Duration) -> Outcome<()> {
        lock(&self.handle, &self.path, patience)?;
        // somebody may have removed it, and another one may have its name
        let own = self.handle.metadata().map_err(HypervisorProblem::file("look at", &self.path))?;
        match fs::metadata(&self.path) {
            Ok(now) if (now.dev(), now.ino()) == (own.dev(), own.ino()) => Ok(()),
            Ok(_) => Err(HypervisorProblem::Unknown),
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                Err(HypervisorProblem::Unknown)
            }
            Err(error) => Err(HypervisorProblem::file("look at", &self.path)(error)),
        }
    }

    /// Lets others have the domain.
    pub(crate) fn release(&self) {
        // what cannot be released is when the directory is closed
        let _ = flock(&self.handle, FlockOperation::Unlock);
    }

    /// Where it is.
    pub(crate) fn path(&self) -> &Path {
        &self.path
    }

    /// The open directory.
    pub(crate) fn handle(&self) -> &File {
        &self.handle
    }

    /// A file in it.
    pub(crate) fn file(&self, name: &str) -> PathBuf {
        self.path.join(name)
    }

    /// Whether a file is there.
    pub(crate) fn has(&self, name: &str) -> bool {
        self.file(name).symlink_metadata().is_ok()
    }

    /// Removes a file, if it is there.
    pub(crate) fn remove(&self, name: &str) -> Outcome<()> {
        let path = self.file(name);
        match fs::remove_file(&path) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => {
                Err(HypervisorProblem::file("remove", &path)(error))
            }
            _ => Ok(()),
        }
    }

    /// The domain's configuration.
    pub(crate) fn configuration(&self) -> Outcome<DomainConfiguration> {
        // a directory without one is somebody else's
        read(&self.file(DEFINITION))?.ok_or(HypervisorProblem::Unknown)
    }

    /// Removes the directory, all at once as others see it.
    pub(crate) fn destroy(self) -> Outcome<()> {
        let gone = unfinished(&self.path);
        fs::rename(&self.path, &gone).map_err(HypervisorProblem::file("remove", &self.path))?;
        fs::remove_dir_all(&gone).map_err(HypervisorProblem::file("remove", &gone))
    }
}

/// Makes a domain known, all at once as others see it.
pub(crate) fn define(below: &Path, configuration: &DomainConfiguration) -> Outcome<()> {
    let path = below.join(configuration.name.as_str());
    let draft = unfinished(&path);
    let text =
        serde_json::to_vec_pretty(configuration).map_err(HypervisorProblem::damaged(&path))?;
    private_directory(&draft)?;
    let made = write_whole(&draft.join(DEFINITION), &text)
        .map_err(HypervisorProblem::file("write", &draft))
        .and_then(|()| rename(&draft, &path, configuration));
    if made.is_err() || draft.exists() {
        let _ = fs::remove_dir_all(&draft);
    }
    made
}

/// Gives a definition its name, unless there is one of that name.
fn rename(draft: &Path, path: &Path, configuration: &DomainConfiguration) -> Outcome<()> {
    use rustix::fs::{CWD, RenameFlags, renameat_with};
    match renameat_with(CWD, draft, CWD, path, RenameFlags::NOREPLACE) {
        Ok(()) => Ok(()),
        Err(Errno::EXIST) => {
            let there: Option<DomainConfiguration> = read(&path.join(DEFINITION))?;
            if there.as_ref() == Some(configuration) {
                Ok(())
            } else {
                Err(HypervisorProblem::InUse)
            }
        }
        Err(error) => Err(HypervisorProblem::file("make", path)(error.into())),
    }
}

/// Removes what killed processes have left of definitions that had no name yet, or no more.
pub(crate) fn sweep(below: &Path) {
    let Ok(entries) = fs::read_dir(below) else { return };
    for entry in entries.flatten() {
        let name = entry.file_name();
        let draft = name.to_str().and_then(|name| name.strip_prefix(LEFTOVER)?.rsplit_once('.'));
        let maker = draft.and_then(|(rest, _)| rest.rsplit_once('.')?.1.parse().ok());
        let is_old = entry.metadata().is_ok_and(|data| {
            let age = data.modified().ok().and_then(|time| time.elapsed().ok());
            data.is_dir() && age.is_some_and(|age| age > ABANDONED)
        });
        // what cannot be removed now is the next one's
        if is_old && maker.is_some_and(|maker| ProcessId::of(maker).is_none()) {
            let _ = fs::remove_dir_all(entry.path());
        }
    }
}

/// Makes a directory that only its owner may look into.
pub(crate) fn private_directory(path: &Path) -> Outcome<()> {
    DirBuilder::new().mode(0o700).create(path).map_err(HypervisorProblem::file("make", path))
}

/// Reads what vclust has written; none if there is no such file.
pub(crate) fn read<T: DeserializeOwned>(path: &Path) -> Outcome<Option<T>> {
    match fs::read(path) {
        Ok(text) => {
            serde_json::from_slice(&text).map(Some).map_err(HypervisorProblem::damaged(path))
        }
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(HypervisorProblem::file("read", path)(error)),
    }
}

/// Locks an open file against all others that lock it.
pub(crate) fn lock(handle: &File, path: &Path, patience: Duration) -> Outcome<()> {
    let end = Instant::now() + patience;
    let mut pause = Duration::from_micros(500);
    loop {
        match flock(handle, FlockOperation::NonBlockingLockExclusive) {
            Ok(()) => return Ok(()),
            Err(Errno::WOULDBLOCK) if Instant::now() < end => {
                std::thread::sleep(pause);
                pause = (pause * 2).min(Duration::from_millis(20));
            }
            Err(Errno::WOULDBLOCK) => {
                let said = "nothing; another program works with it".to_owned();
                return Err(HypervisorProblem::Late { deadline: patience, said });
            }
            Err(Errno::INTR) => {}
            Err(error) => return Err(HypervisorProblem::file("lock", path)(error.into())),
        }
    }
}

/// Locks a file of its own beside a line, which only one program may hold; none if one does.
pub(crate) fn lock_file(path: &Path) -> Outcome<Option<File>> {
    let open = || match File::options().write(true).open(path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => private_file(path),
        other => other,
    };
    let handle = open().map_err(HypervisorProblem::file("open", path))?;
    match flock(&handle, FlockOperation::NonBlockingLockExclusive) {
        Ok(()) => Ok(Some(handle)),
        Err(Errno::WOULDBLOCK) => Ok(None),
        Err(error) => Err(HypervisorProblem::file("lock", path)(error.into())),
    }
}
