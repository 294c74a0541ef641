//! Unpacked copies of compressed index files, so that each is unpacked once.
//!
//! To unpack an index of 50 MB takes as long as to read it, each time. A copy is known by the file it is
//! of: its path, its place on the disk, its size and its times. A file that was replaced or changed is
//! unpacked anew, and the copies of what it was are removed. Copies appear whole, by renaming, and only
//! once they are on the disk; where none can be kept, the file is unpacked as ever.

use std::fs::{self, Metadata, Permissions};
use std::io::{self, Write};
use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::path::{Path, PathBuf};

use bytes::Bytes;
use sha2::{Digest, Sha256};

use super::unpack::{Format, unpack};
use super::{IndexFileError, Limits, map};
use crate::StateDirectory;

/// A directory of unpacked copies.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct UnpackedIndexes {
    directory: PathBuf,
}

impl UnpackedIndexes {
    /// The copies of a state directory, in `unpacked` there; none where there is no state directory yet,
    /// as reading packages is no reason to make one.
    #[must_use]
    pub fn of(state: &StateDirectory) -> Option<Self> {
        state.path().is_dir().then(|| Self { directory: state.path().join("unpacked") })
    }

    /// The content of an index file: of the file if it is plain, of its copy if it is compressed, which is
    /// made if it is not there.
    pub fn open(&self, path: &Path) -> Result<Bytes, IndexFileError> {
        let content = map(path)?;
        let format = Format::of(&content);
        if format == Format::Plain {
            return Ok(content);
        }
        let limits = Limits::default();
        let Ok(metadata) = fs::metadata(path) else {
            return unpack(path, &content, format, limits);
        };
        let name = CopyName::of(path, &metadata);
        let copy = self.directory.join(name.text());
        // an index is never empty, so that an empty copy is none
        if let Ok(kept) = map(&copy) {
            if !kept.is_empty() {
                return Ok(kept);
            }
        }
        let unpacked = unpack(path, &content, format, limits)?;
        if let Err(error) = self.keep(&name, &unpacked) {
            tracing::debug!("no unpacked copy of {} is kept: {error}", path.display());
        }
        Ok(unpacked)
    }

    fn keep(&self, name: &CopyName, content: &[u8]) -> io::Result<()> {
        fs::create_dir_all(&self.directory)?;
        let mut file = tempfile::NamedTempFile::new_in(&self.directory)?;
        file.write_all(content)?;
        file.as_file().set_permissions(Permissions::from_mode(0o644))?;
        file.as_file().sync_data()?;
        file.persist(self.directory.join(name.text())).map_err(|error| error.error)?;
        for entry in fs::read_dir(&self.directory)? {
            let entry = entry?;
            if name.is_older(&entry.file_name().to_string_lossy()) {
                fs::remove_file(entry.path())?;
            }
        }
        Ok(())
    }
}

/// What a copy is called: after the path of the file that it is of, and after what the file is.
struct CopyName {
    path: String,
    state: String,
}

impl CopyName {
    fn of(path: &Path, metadata: &Metadata) -> Self {
        let place = [metadata.dev(), metadata.ino(), metadata.size()];
        let times =
            [metadata.mtime(), metadata.mtime_nsec(), metadata.ctime(), metadata.ctime_nsec()];
        let place = place.into_iter().flat_map(u64::to_le_bytes);
        let state: Vec<u8> = place.chain(times.into_iter().flat_map(i64::to_le_bytes)).collect();
        Self { path: digits(path.as_os_str().as_encoded_bytes()), state: digits(&state) }
    }

    fn text(&self) -> String {
        format!("{}-{}", self.path, self.state)
    }

    /// Whether this is the name of a copy of what the file was.
    fn is_older(&self, other: &str) -> bool {
        other.split_once('-').is_some_and(|(path, state)| path == self.path && state != self.state)
    }
}

/// The first digits of a digest.
fn digits(bytes: &[u8]) -> String {
    let mut text = vclust_core::Sha256(Sha256::digest(bytes).into()).to_string();
    text.truncate(16);
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    const TEXT: &[u8] = b"Package: a\nVersion: 1\n\n";

    fn packed(text: &[u8]) -> Vec<u8> {
        zstd::encode_all(text, 1).unwrap()
    }

    fn copies(state: &Path) -> Vec<PathBuf> {
        let entries = fs::read_dir(state.join("unpacked")).unwrap();
        entries.map(|entry| entry.unwrap().path()).collect()
    }

    #[test]
    fn a_copy_is_read_until_the_file_changes() {
        let directory = tempfile::tempdir().unwrap();
        let state = StateDirectory::at(directory.path());
        let path = directory.path().join("Packages.zst");
        fs::write(&path, packed(TEXT)).unwrap();
        let kept = UnpackedIndexes::of(&state).unwrap();
        assert_eq!(kept.open(&path).unwrap(), TEXT);

        // it is the copy that is read
        let copy = copies(directory.path());
        assert_eq!(copy.len(), 1);
        fs::write(&copy[0], b"Package: b\n").unwrap();
        assert_eq!(kept.open(&path).unwrap(), &b"Package: b\n"[..]);

        // apt replaces its lists by renaming
        let new = directory.path().join("new");
        fs::write(&new, packed(b"Package: c\n")).unwrap();
        fs::rename(&new, &path).unwrap();
        assert_eq!(kept.open(&path).unwrap(), &b"Package: c\n"[..]);
        let now = copies(directory.path());
        assert_eq!(now.len(), 1, "the copy of what the file was is removed");
        assert_ne!(now, copy);
    }

    #[test]
    fn copies_of_other_files_stay() {
        let directory = tempfile::tempdir().unwrap();
        let kept = UnpackedIndexes::of(&StateDirectory::at(directory.path())).unwrap();
        for name in ["one.zst", "two.zst"] {
            let path = directory.path().join(name);
            fs::write(&path, packed(name.as_bytes())).unwrap();
            assert_eq!(kept.open(&path).unwrap(), name.as_bytes());
        }
        assert_eq!(copies(directory.path()).len(), 2);
    }

    #[test]
    fn a_plain_file_needs_no_copy_and_a_damaged_one_gets_none() {
        let directory = tempfile::tempdir().unwrap();
        let kept = UnpackedIndexes::of(&StateDirectory::at(directory.path())).unwrap();
        let path = directory.path().join("Packages");
        fs::write(&path, TEXT).unwrap();
        assert_eq!(kept.open(&path).unwrap(), TEXT);
        let mut damaged = packed(TEXT);
        damaged.truncate(damaged.len() - 3);
        fs::write(&path, damaged).unwrap();
        let error = kept.open(&path).unwrap_err();
        assert!(matches!(error, IndexFileError::Damaged { .. }), "{error}");
        assert!(!directory.path().join("unpacked").exists());
    }

    #[test]
    fn where_no_copy_can_be_kept_the_file_is_unpacked() {
        let directory = tempfile::tempdir().unwrap();
        let kept = UnpackedIndexes::of(&StateDirectory::at(directory.path())).unwrap();
        fs::write(directory.path().join("unpacked"), "in the way").unwrap();
        let path = directory.path().join("Packages.zst");
        fs::write(&path, packed(TEXT)).unwrap();
        assert_eq!(kept.open(&path).unwrap(), TEXT);
    }

    #[test]
    fn no_state_directory_is_made() {
        let directory = tempfile::tempdir().unwrap();
        let state = StateDirectory::at(directory.path().join("none"));
        assert_eq!(UnpackedIndexes::of(&state), None);
    }
}
