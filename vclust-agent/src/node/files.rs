//! Small files that make a root a node's.

use std::fs::{self, OpenOptions};
use std::io::{self, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;

use super::error::AgentError;

/// Writes a file with its mode, in place of what is there; the directory must be there.
pub(super) fn write(path: &Path, mode: u32, content: &str) -> Result<(), AgentError> {
    let write = || -> io::Result<()> {
        // a link that the image has there would be followed
        match fs::remove_file(path) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
            _ => {}
        }
        let mut options = OpenOptions::new();
        let mut file = options.write(true).create_new(true).mode(mode).open(path)?;
        file.write_all(content.as_bytes())
    };
    write().map_err(AgentError::doing(format!("write {}", path.display())))
}

/// Makes a directory unless it is there.
pub(super) fn directory(path: &Path) -> Result<(), AgentError> {
    fs::create_dir_all(path).map_err(AgentError::doing(format!("make {}", path.display())))
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::{PermissionsExt, symlink};

    use super::*;

    #[test]
    fn a_link_is_replaced_and_not_followed() {
        let root = tempfile::tempdir().unwrap();
        let (path, other) = (root.path().join("key"), root.path().join("other"));
        fs::write(&other, "other").unwrap();
        symlink(&other, &path).unwrap();
        write(&path, 0o600, "mine").unwrap();
        assert_eq!(fs::read_to_string(&other).unwrap(), "other");
        assert_eq!(fs::read_to_string(&path).unwrap(), "mine");
        assert_eq!(fs::symlink_metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
        assert!(write(&root.path().join("no/such"), 0o600, "").is_err());
    }
}
