//! Pipes that programs inherit only where they are meant to.

use std::fs::File;
use std::io;

use rustix::pipe::{PipeFlags, pipe_with};

/// A pipe: its reading end and its writing end.
pub(crate) fn pipe() -> io::Result<(File, File)> {
    let (reader, writer) = pipe_with(PipeFlags::CLOEXEC)?;
    Ok((File::from(reader), File::from(writer)))
}
