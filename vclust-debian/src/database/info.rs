//! The files that dpkg keeps of each package.

use std::fs::{self, Permissions};
use std::os::unix::fs::PermissionsExt;

use super::error::{DatabaseError, on_path};
use super::Database;

/// What the names of a package's files start with: its name, with the architecture where several
/// architectures of it can be installed side by side.
pub(crate) fn file_stem(name: &str, architecture: &str, multi_arch: Option<&[u8]>) -> String {
    if multi_arch == Some(b"same") {
        format!("{name}:{architecture}")
    } else {
        name.to_owned()
    }
}

impl Database {
    pub(super) fn write_info(
        &self,
        stem: &str,
        member: &str,
        mode: u32,
        content: &[u8],
    ) -> Result<(), DatabaseError> {
        let path = self.admin.join("info").join(format!("{stem}.{member}"));
        fs::write(&path, content).map_err(on_path("write", &path))?;
        fs::set_permissions(&path, Permissions::from_mode(mode & 0o777))
            .map_err(on_path("set the mode of", &path))
    }

    /// A package's maintainer script within the root, if it has one.
    pub(crate) fn has_script(&self, stem: &str, script: &str) -> bool {
        self.admin.join("info").join(format!("{stem}.{script}")).exists()
    }
}
