//! Answers that go to a file of the user's: the old content or the whole new one, never a part.

use std::fs::{File, Permissions};
use std::io::{self, BufWriter, Write};
use std::os::unix::fs::PermissionsExt;
use std::path::Path;

use crate::failure::Failure;

/// Has `fill` write a file. A regular file is replaced when everything is on the disk; devices and
/// pipes are written to as they are.
pub(crate) fn write(
    path: &Path,
    fill: impl FnOnce(&mut dyn Write) -> Result<(), Failure>,
) -> Result<(), Failure> {
    let failed = |source| Failure::WriteFile { path: path.to_owned(), source };
    // What a symbolic link points to is replaced, not the link.
    let target = path.canonicalize().unwrap_or_else(|_| path.to_owned());
    let there = target.metadata().ok();
    if there.as_ref().is_some_and(|there| !there.is_file()) {
        let mut out = BufWriter::new(File::options().write(true).open(&target).map_err(failed)?);
        fill(&mut out).map_err(|failure| at(path, failure))?;
        return out.flush().map_err(failed);
    }
    let directory = target.parent().filter(|parent| !parent.as_os_str().is_empty());
    let mode = there.map_or(0o666, |there| there.permissions().mode() & 0o777);
    let new = tempfile::Builder::new()
        .permissions(Permissions::from_mode(mode))
        .tempfile_in(directory.unwrap_or(Path::new(".")))
        .map_err(failed)?;
    let mut out = BufWriter::new(new);
    fill(&mut out).map_err(|failure| at(path, failure))?;
    let new = out.into_inner().map_err(|error| failed(error.into_error()))?;
    new.as_file().sync_all().map_err(failed)?;
    new.persist(&target).map_err(|error| failed(error.error))?;
    Ok(())
}

/// Names the file in a failure to write, which on stdout needs no name.
fn at(path: &Path, failure: Failure) -> Failure {
    match failure {
        Failure::Write(source) if source.kind() != io::ErrorKind::BrokenPipe => {
            Failure::WriteFile { path: path.to_owned(), source }
        }
        other => other,
    }
}
