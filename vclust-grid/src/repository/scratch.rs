//! Directories that go again: those of builds, and of images that were taken out.
//!
//! A build mounts things in its directory. To remove a directory with a mount in it is to remove
//! what was mounted, the machine's own `/dev` perhaps; so whatever is mounted below is unmounted
//! first, and where that fails nothing is removed.

use std::ffi::OsString;
use std::fs;
use std::io;
use std::os::unix::ffi::OsStringExt;
use std::path::{Path, PathBuf};

use rustix::mount::{UnmountFlags, unmount};

use super::error::RepositoryError;

/// Removes a directory and all in it, after unmounting what is mounted there.
pub(crate) fn remove(directory: &Path) -> Result<(), RepositoryError> {
    let full = match directory.canonicalize() {
        Ok(full) => full,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
        Err(source) => return Err(RepositoryError::Read { path: directory.to_owned(), source }),
    };
    // the last mounted first; several may lie on one place
    for path in mounted_below(&full)?.into_iter().rev() {
        if let Err(error) = unmount(&path, UnmountFlags::DETACH | UnmountFlags::NOFOLLOW) {
            return Err(RepositoryError::Mounted { path, source: error.into() });
        }
    }
    if let Some(path) = mounted_below(&full)?.into_iter().next() {
        return Err(RepositoryError::Mounted { path, source: io::Error::other("it came back") });
    }
    match fs::remove_dir_all(&full) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
        result => result.map_err(RepositoryError::write(directory)),
    }
}

/// Where something is mounted at or below a directory, in the order in which it was.
fn mounted_below(directory: &Path) -> Result<Vec<PathBuf>, RepositoryError> {
    let path = Path::new("/proc/self/mountinfo");
    let text = fs::read(path).map_err(RepositoryError::read(path))?;
    Ok(mount_points(&text).filter(|point| point.starts_with(directory)).collect())
}

/// The fifth field of each line, in which blanks and backslashes are written as octal digits.
fn mount_points(mountinfo: &[u8]) -> impl Iterator<Item = PathBuf> {
    let lines = mountinfo.split(|byte| *byte == b'\n');
    lines.filter_map(|line| {
        let field = line.split(|byte| *byte == b' ').nth(4)?;
        let mut name = Vec::with_capacity(field.len());
        let mut rest = field;
        while let Some((byte, after)) = rest.split_first() {
            rest = after;
            let octal = after
                .get(..3)
                .filter(|_| *byte == b'\\')
                .and_then(|digits| u8::from_str_radix(std::str::from_utf8(digits).ok()?, 8).ok());
            if octal.is_some() {
                rest = &after[3..];
            }
            name.push(octal.unwrap_or(*byte));
        }
        Some(PathBuf::from(OsString::from_vec(name)))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn mount_points_are_read_with_their_blanks() {
        let text = b"36 35 98:0 /m /mnt/a\\040b\\134c rw - ext3 /dev/r rw\n\
                     37 36 0:5 / /mnt rw shared:1 - tmpfs tmpfs rw\n";
        let points: Vec<_> = mount_points(text).collect();
        assert_eq!(points, [Path::new("/mnt/a b\\c"), Path::new("/mnt")]);
    }
}
