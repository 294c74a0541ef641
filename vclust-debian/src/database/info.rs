//! The files that dpkg keeps of each package.

use std::fs::{self, Permissions};
use std::os::unix::fs::PermissionsExt;

use super::Database;
use super::error::{DatabaseError, on_path};
use crate::deb::ControlArchive;

const STAGED: &str = "tmp.ci";

/// What the names of a package's files start with: its name, with the architecture where several
/// architectures of it can be installed side by side.
pub(crate) fn file_stem(name: &str, architecture: &str, multi_arch: Option<&[u8]>) -> String {
    if multi_arch == Some(b"same") { format!("{name}:{architecture}") } else { name.to_owned() }
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
        super::regular(&path)?;
        fs::write(&path, content).map_err(on_path("write", &path))?;
        fs::set_permissions(&path, Permissions::from_mode(mode & 0o777))
            .map_err(on_path("set the mode of", &path))
    }

    /// Puts a package's control archive where dpkg has it while a `preinst` script runs; debconf
    /// finds out there whose script that is.
    pub(crate) fn stage_control(&self, control: &ControlArchive) -> Result<(), DatabaseError> {
        let directory = self.admin.join(STAGED);
        fs::create_dir(&directory).map_err(on_path("make", &directory))?;
        for file in control.files() {
            let path = directory.join(&file.name);
            fs::write(&path, &file.content).map_err(on_path("write", &path))?;
            fs::set_permissions(&path, Permissions::from_mode(file.mode & 0o777))
                .map_err(on_path("set the mode of", &path))?;
        }
        Ok(())
    }

    /// Takes it away again.
    pub(crate) fn unstage_control(&self) -> Result<(), DatabaseError> {
        let directory = self.admin.join(STAGED);
        fs::remove_dir_all(&directory).map_err(on_path("remove", &directory))
    }
}
