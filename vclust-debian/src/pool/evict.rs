//! Keeping the pool within its bound.

use std::collections::HashSet;
use std::fs;
use std::path::PathBuf;

use super::{PackagePool, PoolError, WantedPackage, used};

impl PackagePool {
    /// Removes packages, those first that were not used for longest, until the rest is within the
    /// bound. Packages of this build stay.
    pub(super) fn evict(&self, wanted: &[WantedPackage]) -> Result<(), PoolError> {
        let entries = fs::read_dir(&self.directory);
        let entries = entries.map_err(PoolError::access("list", &self.directory))?;
        let kept: HashSet<PathBuf> = wanted.iter().map(|package| self.path(package)).collect();
        let mut packages = Vec::new();
        let mut bytes = 0;
        for entry in entries.flatten() {
            let path = entry.path();
            if path.extension().is_none_or(|extension| extension != "deb") {
                continue;
            }
            let Some((at, size)) = used(&path) else { continue };
            bytes += size;
            if !kept.contains(&path) {
                packages.push((at, size, path));
            }
        }
        packages.sort();
        for (_, size, path) in packages {
            if bytes <= self.bound {
                break;
            }
            // whoever has it open goes on reading it; whoever wants it later fetches it again
            fs::remove_file(&path).map_err(PoolError::access("remove", &path))?;
            bytes -= size;
        }
        Ok(())
    }
}
