//! What the host has to give, and how files are put there.

mod cgroup;
mod console;
mod memory;
mod rom;
mod sparse;

use std::fs::{self, File, OpenOptions};
use std::io::{self, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;
use std::sync::atomic::{AtomicU64, Ordering};

pub(crate) use cgroup::Cgroup;
pub(crate) use console::{PIPE, keep_console};
pub(crate) use memory::{available, resident};
pub(crate) use rom::NETWORK_ROM;
pub use rom::{NETWORK_ROM_PACKAGE, network_rom};
pub(crate) use sparse::{free_zeros, move_sparse};

/// Makes a file that only its owner may use, in the place of any that is there.
pub(crate) fn private_file(path: &Path) -> io::Result<File> {
    match fs::remove_file(path) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
        _ => OpenOptions::new().write(true).read(true).create_new(true).mode(0o600).open(path),
    }
}

/// A name for something unfinished, next to what it will be, that nobody else uses.
pub(crate) fn unfinished(path: &Path) -> std::path::PathBuf {
    static COUNT: AtomicU64 = AtomicU64::new(0);
    let number = COUNT.fetch_add(1, Ordering::Relaxed);
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    path.with_file_name(format!(".{name}.{}.{number}", std::process::id()))
}

/// Writes a file so that there is the old or the new one at any time.
pub(crate) fn write_whole(path: &Path, text: &[u8]) -> io::Result<()> {
    let draft = unfinished(path);
    let written = private_file(&draft)
        .and_then(|mut file| file.write_all(text))
        .and_then(|()| fs::rename(&draft, path));
    if written.is_err() {
        let _ = fs::remove_file(&draft);
    }
    written
}
