//! Keeping the pool within its bound.

use std::collections::HashSet;
use std::fs::{self, File};
use std::io;
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

use rustix::fs::{FlockOperation, flock};

use super::{PARTIAL, PackagePool, PoolError, WantedPackage, used};

/// How long the beginning of a package waits for a fetch that goes on with it.
const PATIENCE: Duration = Duration::from_secs(24 * 3600);

/// A file that may go.
struct Removable {
    used: SystemTime,
    bytes: u64,
    path: PathBuf,
}

impl PackagePool {
    /// Removes packages, those first that were not used for longest, until the rest is within the
    /// bound. Packages of this build stay. What killed fetches left goes after a day, or for the bound.
    pub(super) fn evict(&self, wanted: &[WantedPackage]) -> Result<(), PoolError> {
        let kept: HashSet<PathBuf> = wanted.iter().map(|package| self.path(package)).collect();
        let mut all = Vec::new();
        let mut bytes = 0;
        for path in files(&self.directory)? {
            if path.extension().is_none_or(|extension| extension != "deb") {
                continue;
            }
            let Some((used, size)) = used(&path) else { continue };
            bytes += size;
            if !kept.contains(&path) {
                all.push(Removable { used, bytes: size, path });
            }
        }
        let now = SystemTime::now();
        for path in files(&self.directory.join(PARTIAL))? {
            let Some((used, size)) = used(&path) else { continue };
            bytes += size;
            if now.duration_since(used).is_ok_and(|age| age > PATIENCE) {
                bytes -= remove(&path, size)?;
            } else {
                all.push(Removable { used, bytes: size, path });
            }
        }
        all.sort_by(|one, other| (one.used, &one.path).cmp(&(other.used, &other.path)));
        for file in all {
            if bytes <= self.bound {
                break;
            }
            bytes -= remove(&file.path, file.bytes)?;
        }
        Ok(())
    }
}

fn files(directory: &Path) -> Result<Vec<PathBuf>, PoolError> {
    let entries = fs::read_dir(directory).map_err(PoolError::access("list", directory))?;
    Ok(entries.flatten().map(|entry| entry.path()).collect())
}

/// Removes a file unless somebody is fetching it; the bytes that are gained.
///
/// Whoever has a package open goes on reading it; whoever wants it later fetches it again.
fn remove(path: &Path, bytes: u64) -> Result<u64, PoolError> {
    let Ok(file) = File::open(path) else { return Ok(0) };
    match flock(&file, FlockOperation::NonBlockingLockExclusive) {
        Ok(()) => {}
        Err(rustix::io::Errno::WOULDBLOCK) => return Ok(0),
        Err(error) => return Err(PoolError::access("lock", path)(error.into())),
    }
    match fs::remove_file(path) {
        Ok(()) => Ok(bytes),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(bytes),
        Err(error) => Err(PoolError::access("remove", path)(error)),
    }
}

#[cfg(test)]
mod tests {
    use sha2::Digest as _;
    use tempfile::TempDir;
    use vclust_core::Sha256;

    use super::*;
    use crate::mirror::MirrorOptions;
    use crate::state_directory::StateDirectory;

    /// A pool that finds its packages in a directory beside it.
    struct Site {
        state: TempDir,
        beside: TempDir,
    }

    impl Site {
        fn new() -> Self {
            Self { state: tempfile::tempdir().unwrap(), beside: tempfile::tempdir().unwrap() }
        }

        fn pool(&self, bound: u64) -> PackagePool {
            let state = StateDirectory::at(self.state.path());
            let pool = PackagePool::open(&state, MirrorOptions::default()).unwrap();
            pool.bound(bound).neighbours(vec![self.beside.path().to_owned()])
        }

        /// A package of so many bytes that can be had.
        fn package(&self, name: &str, bytes: usize) -> WantedPackage {
            let content = name.repeat(bytes.div_ceil(name.len()))[..bytes].to_owned();
            fs::write(self.beside.path().join(format!("{name}.deb")), &content).unwrap();
            WantedPackage {
                name: name.to_owned(),
                archive: "http://localhost:1".to_owned(),
                path: format!("pool/{name}.deb"),
                size: bytes as u64,
                sha256: Sha256(sha2::Sha256::digest(content.as_bytes()).into()),
            }
        }

        /// What a killed fetch left, so many hours ago.
        fn leftover(&self, name: &str, bytes: usize, hours: u64) -> PathBuf {
            let path = self.state.path().join("packages").join(PARTIAL).join(name);
            fs::write(&path, vec![0; bytes]).unwrap();
            let then = SystemTime::now() - Duration::from_secs(3600 * hours);
            File::options().write(true).open(&path).unwrap().set_modified(then).unwrap();
            path
        }

        fn packages(&self) -> usize {
            let files = files(&self.state.path().join("packages")).unwrap();
            files.into_iter().filter(|path| path.is_file()).count()
        }
    }

    #[test]
    fn what_was_not_used_for_longest_goes_first() {
        let site = Site::new();
        for name in ["one", "two", "three"] {
            site.pool(2500).fetch(&[site.package(name, 1000)], &|_| ()).unwrap();
        }
        assert_eq!(site.packages(), 2);
        let wanted = [site.package("two", 1000), site.package("three", 1000)];
        let fetched = site.pool(10).fetch(&wanted, &|_| ()).unwrap();
        assert!(fetched.paths.iter().all(|path| path.exists()), "packages of the build stay");
    }

    #[test]
    fn what_killed_fetches_left_counts_and_goes() {
        let site = Site::new();
        let pool = site.pool(2500);
        let (old, young) = (site.leftover("old", 100, 25), site.leftover("young", 1000, 1));
        let held = site.leftover("held", 1000, 2);
        let lock = File::open(&held).unwrap();
        flock(&lock, FlockOperation::LockExclusive).unwrap();
        pool.fetch(&[site.package("one", 500)], &|_| ()).unwrap();
        assert!(!old.exists() && young.exists(), "a day is given");
        pool.fetch(&[site.package("two", 600)], &|_| ()).unwrap();
        assert!(!young.exists(), "it counts against the bound");
        assert!(held.exists(), "somebody is fetching it");
        assert_eq!(site.packages(), 2);
    }

    #[test]
    fn a_package_that_is_taken_from_beside_replaces_what_a_fetch_left() {
        let site = Site::new();
        let pool = site.pool(2500);
        let package = site.package("one", 500);
        let left = site.leftover(&package.sha256.to_string(), 300, 1);
        let fetched = pool.fetch(std::slice::from_ref(&package), &|_| ()).unwrap();
        assert_eq!(fetched.paths[0].metadata().unwrap().len(), 500);
        assert!(!left.exists());
        assert_eq!(files(&site.state.path().join("packages").join(PARTIAL)).unwrap().len(), 0);
    }
}
