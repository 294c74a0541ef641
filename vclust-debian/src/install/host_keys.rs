//! Keeping `openssh-server` from making host keys that nobody will use.
//!
//! Its script makes the keys that are not there. So empty files stand in their place while dpkg runs.

use std::fs::{self, File};
use std::path::{Path, PathBuf};

use super::InstallError;
use super::run::{access, inside};

const KEYS: [&str; 4] = [
    "/etc/ssh/ssh_host_rsa_key",
    "/etc/ssh/ssh_host_dsa_key",
    "/etc/ssh/ssh_host_ecdsa_key",
    "/etc/ssh/ssh_host_ed25519_key",
];

/// Files that stand for keys; they go when this does.
pub(super) struct Placeholders {
    root: PathBuf,
    made: Vec<&'static str>,
}

impl Placeholders {
    /// Puts a placeholder where there is no key.
    pub(super) fn make(root: &Path) -> Result<Self, InstallError> {
        let write = || {
            let mut made = Vec::new();
            if !Path::new("/etc/ssh").is_dir() {
                return Ok(made);
            }
            for key in KEYS {
                if !Path::new(key).exists() {
                    File::create_new(key).map_err(access("make", Path::new(key)))?;
                    made.push(key);
                }
            }
            Ok(made)
        };
        let made = inside(root, write)?;
        Ok(Self { root: root.to_owned(), made })
    }
}

impl Drop for Placeholders {
    fn drop(&mut self) {
        let made = &self.made;
        let remove = || made.iter().try_for_each(fs::remove_file).map_err(|_| ());
        let _ = inside(&self.root, || Ok(remove()));
    }
}
