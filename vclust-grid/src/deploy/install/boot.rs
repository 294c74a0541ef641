//! What nodes find that start from the network, as physical machines do: their firmware asks by DHCP and
//! is named a script, which it gets by TFTP; the script names a kernel and an initramfs, which come over
//! HTTP, since TFTP waits for an answer to every packet.
//!
//! The firmware of virtual machines is iPXE, which understands scripts (<https://ipxe.org/scripting>).

use std::fs::{self, DirBuilder};
use std::net::SocketAddrV4;
use std::os::unix::fs::DirBuilderExt;
use std::path::{Path, PathBuf};

use vclust_debian::{HttpFile, NetworkBoot};

use crate::file::FileError;

/// The directory, in the cluster's, that nodes get files from by TFTP.
const DIRECTORY: &str = "install-boot";
const SCRIPT: &str = "boot.ipxe";
const KERNEL: &str = "kernel";
const INITRAMFS: &str = "initramfs";

/// What nodes start that start from the network.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct InstallBoot {
    /// The kernel.
    pub kernel: PathBuf,
    /// Its initramfs.
    pub initramfs: PathBuf,
    /// Its command line.
    pub command_line: String,
}

impl InstallBoot {
    /// What nodes get over HTTP.
    pub(super) fn files(&self) -> [HttpFile; 2] {
        let file =
            |name: &str, path: &Path| HttpFile { name: name.to_owned(), path: path.to_owned() };
        [file(KERNEL, &self.kernel), file(INITRAMFS, &self.initramfs)]
    }

    /// Writes the script into a directory of its own below the cluster's; what DHCP says of it.
    pub(super) fn lay_out(
        &self,
        http: SocketAddrV4,
        directory: &Path,
    ) -> Result<NetworkBoot, FileError> {
        let directory = directory.join(DIRECTORY);
        let mut builder = DirBuilder::new();
        builder.mode(0o700).create(&directory).map_err(FileError::write(&directory))?;
        let path = directory.join(SCRIPT);
        fs::write(&path, self.script(http)).map_err(FileError::write(&path))?;
        Ok(NetworkBoot { directory, firmware: None, ipxe: SCRIPT.to_owned() })
    }

    fn script(&self, http: SocketAddrV4) -> String {
        let command_line = self.command_line.split_ascii_whitespace().collect::<Vec<_>>().join(" ");
        format!(
            "#!ipxe\nkernel http://{http}/{KERNEL} {command_line}\n\
             initrd http://{http}/{INITRAMFS}\nboot\n"
        )
    }
}

/// Removes what was laid out.
pub(super) fn remove(directory: &Path) -> Result<(), FileError> {
    let directory = directory.join(DIRECTORY);
    fs::remove_dir_all(&directory).map_err(FileError::write(&directory))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_script_names_the_kernel_with_its_command_line_and_the_initramfs() {
        let place = tempfile::tempdir().unwrap();
        let boot = InstallBoot {
            kernel: "/k".into(),
            initramfs: "/i".into(),
            command_line: "console=ttyS0  quiet".to_owned(),
        };
        let head = "10.77.0.1:8080".parse().unwrap();
        let network = boot.lay_out(head, place.path()).unwrap();
        assert_eq!((network.firmware, network.ipxe.as_str()), (None, "boot.ipxe"));
        let expected = "#!ipxe\nkernel http://10.77.0.1:8080/kernel console=ttyS0 quiet\n\
                        initrd http://10.77.0.1:8080/initramfs\nboot\n";
        assert_eq!(fs::read_to_string(network.directory.join("boot.ipxe")).unwrap(), expected);
        remove(place.path()).unwrap();
        assert!(remove(place.path()).is_err());
    }
}
