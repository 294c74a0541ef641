//! The firmware of network interfaces, which is a package of its own.

use std::path::{Path, PathBuf};

/// The file, by the name that QEMU's interface looks for.
pub(crate) const NETWORK_ROM: &str = "efi-virtio.rom";
/// Where QEMU looks, as Debian builds it, and where it is installed without a package.
const DIRECTORIES: [&str; 3] = ["/usr/share/qemu", "/usr/lib/ipxe/qemu", "/usr/local/share/qemu"];

/// The Debian package that has it.
pub const NETWORK_ROM_PACKAGE: &str = "ipxe-qemu";

/// What guests start from that start from the network; none if it is not installed.
#[must_use]
pub fn network_rom() -> Option<PathBuf> {
    let paths = DIRECTORIES.map(|directory| Path::new(directory).join(NETWORK_ROM));
    paths.into_iter().find(|path| path.is_file())
}
