//! dpkg's database in a root: read, and added to as `dpkg --unpack` would.
//!
//! dpkg reads all of it when it starts and rewrites the status file when it ends, so what is written
//! here has to mean the same, not to look the same. Format: `deb-triggers(5)`, `dpkg(1)` and what
//! dpkg 1.21 writes.

mod error;
mod info;
mod overrides;
mod status;
mod triggers;

use std::borrow::Cow;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};

pub use error::DatabaseError;
pub(crate) use info::file_stem;
pub(crate) use status::{State, Status, unpacked_stanza};
pub(crate) use triggers::TriggerFile;

use error::on_path;

/// The directory of the database within a root.
const ADMIN: &str = "var/lib/dpkg";

/// dpkg's database of one root.
#[derive(Debug, Clone)]
pub(crate) struct Database {
    admin: PathBuf,
}

/// A package whose files are in the root, as the database is to know it.
#[derive(Debug)]
pub(crate) struct Record<'a> {
    /// The package's name.
    pub(crate) name: &'a str,
    /// The name its files in `info` start with, see [`file_stem`].
    pub(crate) stem: String,
    /// Its paragraph in the status file.
    pub(crate) stanza: Vec<u8>,
    /// Its paths below the root.
    pub(crate) paths: &'a [Vec<u8>],
    /// Its further files in `info`, with their modes: the members of its control archive, its list.
    pub(crate) members: Vec<(&'a str, u32, Cow<'a, [u8]>)>,
    /// What it is interested in, and activates.
    pub(crate) triggers: TriggerFile,
}

impl Database {
    /// The database of a root, which may not be there yet.
    pub(crate) fn of(root: &Path) -> Self {
        Self { admin: root.join(ADMIN) }
    }

    /// Whether there is one.
    pub(crate) fn exists(&self) -> bool {
        self.admin.join("status").exists()
    }

    /// Makes an empty database for an architecture.
    pub(crate) fn create(&self, architecture: &str) -> Result<(), DatabaseError> {
        for directory in ["info", "updates", "triggers"] {
            let path = self.admin.join(directory);
            fs::create_dir_all(&path).map_err(on_path("make", &path))?;
        }
        self.write("status", b"")?;
        self.write("info/format", b"1\n")?;
        self.write("arch", format!("{architecture}\n").as_bytes())
    }

    /// What the status file says.
    pub(crate) fn status(&self) -> Result<Status, DatabaseError> {
        let path = self.admin.join("status");
        regular(&path)?;
        let bytes = fs::read(&path).map_err(on_path("read", &path))?;
        Status::parse(&bytes).map_err(|source| DatabaseError::Syntax { path, source })
    }

    /// Adds packages whose files are in the root already.
    ///
    /// Triggers of packages that are configured, and that the new ones set off, are noted for dpkg
    /// to find; those of packages that are not are left out, as dpkg does: their configuration does
    /// the same work.
    pub(crate) fn add(&self, records: &[Record<'_>]) -> Result<(), DatabaseError> {
        let mut interests = self.interests()?;
        for record in records {
            for (member, mode, content) in &record.members {
                self.write_info(&record.stem, member, *mode, content)?;
            }
        }
        let configured = self.status()?;
        let pending = interests.activations(records, |name| configured.awaits_triggers(name));
        interests.extend(records);
        self.write_interests(&interests)?;
        self.add_pending(&pending)?;

        let path = self.admin.join("status");
        let mut status = fs::read(&path).map_err(on_path("read", &path))?;
        for record in records {
            // a package that was removed but not purged has a paragraph already
            Status::remove(&mut status, record.name, &record.stanza);
            status.extend_from_slice(&record.stanza);
        }
        self.write("status", &status)
    }

    fn write(&self, name: &str, content: &[u8]) -> Result<(), DatabaseError> {
        let path = self.admin.join(name);
        regular(&path)?;
        fs::write(&path, content).map_err(on_path("write", &path))
    }

    /// A file of the database, or nothing if it is not there.
    fn read_if_there(&self, name: &str) -> Result<Vec<u8>, DatabaseError> {
        let path = self.admin.join(name);
        regular(&path)?;
        match fs::read(&path) {
            Ok(content) => Ok(content),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(Vec::new()),
            Err(error) => Err(on_path("read", &path)(error)),
        }
    }
}

/// Refuses what a package may have put in place of a file of the database.
fn regular(path: &Path) -> Result<(), DatabaseError> {
    match path.metadata() {
        Ok(data) if !data.is_file() => {
            Err(on_path("use", path)(io::Error::other("it is no regular file")))
        }
        _ => Ok(()),
    }
}
