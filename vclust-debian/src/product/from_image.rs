//! Products that other programs make from the mounted erofs image.
//!
//! The image is mounted in a mount namespace that only the program lives in. When the program
//! ends, however it ends, the namespace goes, and the mount and its loop device with it: nothing is
//! left to clean up.

use std::path::Path;

use vclust_core::Sha256;

use super::digest::{ProductFile, file_digest};
use super::erofs::uuid_text;
use super::error::ProductError;
use crate::command::{ExternalCommand, time_for};

/// `sh IMAGE DIRECTORY PROGRAM ARGUMENT...`: mounts, and becomes the program.
const MOUNT_AND_RUN: &str = "\
    image=$0 directory=$1; shift
    mount -t erofs -o ro,loop \"$image\" \"$directory\" && exec \"$@\"";

/// Runs a program with an erofs image mounted at a directory. The arguments begin with its name.
pub(super) fn run_with_mounted(
    image: &Path,
    directory: &Path,
    command: impl FnOnce(ExternalCommand) -> ExternalCommand,
    what: &'static str,
    path: &Path,
) -> Result<(), ProductError> {
    if !rustix::process::geteuid().is_root() {
        return Err(ProductError::NeedsRoot { what });
    }
    let image = image.canonicalize().map_err(ProductError::read(image))?;
    let bytes = image.metadata().map_err(ProductError::read(&image))?.len();
    let unshare = ExternalCommand::new("unshare", "util-linux")
        .arg("--mount")
        .arg("--propagation=private")
        .arg("--")
        .arg("sh")
        .arg("-c")
        .arg(MOUNT_AND_RUN)
        .arg(&image)
        .arg(directory)
        .timeout(time_for(bytes));
    let failed = |source| ProductError::Command { path: path.to_owned(), source };
    command(unshare).succeed().map_err(failed)?;
    Ok(())
}

/// Writes an erofs image that holds what another one does, compressed by LZ4's slower method, through
/// `mkfs.erofs`; it takes root. The file must not be there.
///
/// The bytes depend on the version of `mkfs.erofs`, too.
pub fn write_erofs_lz4hc(
    image: &Path,
    path: &Path,
    digest: Sha256,
    source_date_epoch: u64,
) -> Result<ProductFile, ProductError> {
    let mount = tempfile::tempdir().map_err(ProductError::write(path))?;
    let mkfs = |unshare: ExternalCommand| {
        unshare
            .arg("mkfs.erofs")
            .arg("--quiet")
            .arg("-zlz4hc")
            .arg("-U")
            .arg(uuid_text(digest))
            .arg(path)
            .arg(mount.path())
            // `mkfs.erofs` clamps times to it; what it reads has none that is later
            .env("SOURCE_DATE_EPOCH", source_date_epoch.to_string())
    };
    run_with_mounted(image, mount.path(), mkfs, "a compressed erofs image", path)?;
    file_digest(path, &|_| ())
}
