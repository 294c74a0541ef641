//! The script that attaches the host's ends of a guest's devices.
//!
//! Xen's own script for interfaces looks for them in the network namespace that `xl` runs in, and the
//! kernel makes them in the host's. A cluster's network is a namespace of its own, so this script brings the
//! interface there. In the host's own namespace it does what Xen's does.
//!
//! Xen's own script for disks compares each disk with all others, one at a time, and starts dozens of
//! programs for it; libxl gives it ten seconds. Who may write a file is known here, so this one starts four.

use std::io::{self, Write};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use tempfile::NamedTempFile;
use vclust_core::HypervisorProblem;

use crate::problem::Outcome;

/// Its name below the backend's directory, which is no domain's.
pub(super) const NAME: &str = "attach-device";

const TEXT: &str = include_str!("attach-device.sh");

/// Writes the script, as it may be another version's; answers where it is.
pub(super) fn write(below: &Path) -> Outcome<PathBuf> {
    let path = below.join(NAME);
    let write = || -> io::Result<()> {
        let mut draft = NamedTempFile::new_in(below)?;
        draft.write_all(TEXT.as_bytes())?;
        draft.as_file().set_permissions(std::fs::Permissions::from_mode(0o700))?;
        draft.persist(&path)?;
        Ok(())
    };
    write().map_err(HypervisorProblem::file("write", &path))?;
    Ok(path)
}
