//! The packages that were fetched: shared by all builds of a machine, verified, bounded.
//!
//! ```text
//! packages/SHA256.deb            a package, under its own digest
//! packages/partial/SHA256        what has been fetched of one so far; locked by who fetches it
//! ```
//!
//! A package appears under its digest when it is whole and right, and its digest is checked again
//! whenever it is used, in parallel: a disk that forgets is found here and not in a root. What is
//! used is touched; beyond the bound, what was not used for longest goes. What a killed fetch left
//! counts, too: the next fetch goes on with it, and if none comes it goes after a day.

mod error;
mod evict;

use std::collections::HashMap;
use std::fs::{self, File};
use std::io::{self, Read};
use std::path::{Path, PathBuf};
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;
use std::time::{Duration, Instant, SystemTime};

use rustix::fs::{FlockOperation, flock};
use sha2::Digest as _;
use vclust_core::{ReleaseFile, Sha256};

use crate::mirror::download::Downloader;
use crate::mirror::fetch::Fetcher;
use crate::mirror::{MirrorOptions, OnProgress, Progress};
use crate::parallel::in_parallel;
use crate::state_directory::StateDirectory;

pub use error::PoolError;

/// The directory of packages that are not whole.
const PARTIAL: &str = "partial";
/// Fetches at once. More make no difference to a mirror that is near, and are rude to one that is
/// far.
const PARALLEL: usize = 8;

/// A package that an index promises.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WantedPackage {
    /// The package's name, for messages.
    pub name: String,
    /// The URI of its archive, as in sources.list.
    pub archive: String,
    /// Path below the archive (the field `Filename`).
    pub path: String,
    /// Size in bytes.
    pub size: u64,
    /// Its digest.
    pub sha256: Sha256,
}

/// How far the fetching of packages has come.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct PoolProgress {
    /// Packages that are there.
    pub packages: usize,
    /// Bytes that were fetched.
    pub bytes: u64,
    /// Bytes to be fetched in all.
    pub total: u64,
}

/// Takes a change of the progress, and tells of it.
type Report<'a> = &'a (dyn Fn(&dyn Fn(&mut PoolProgress)) + Sync);

/// What came of fetching.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Fetched {
    /// The packages' files, in the order they were asked for.
    pub paths: Vec<PathBuf>,
    /// Bytes that were not there before.
    pub downloaded: u64,
}

/// The packages that a machine keeps.
#[derive(Debug, Clone)]
pub struct PackagePool {
    directory: PathBuf,
    /// Packages may take so many bytes together, those of the current build apart.
    bound: u64,
    options: MirrorOptions,
    /// Where packages may lie already, under the names that archives give them.
    neighbours: Vec<PathBuf>,
}

impl PackagePool {
    /// The pool of a state directory, of 10 GB.
    pub fn open(state: &StateDirectory, options: MirrorOptions) -> Result<Self, PoolError> {
        let directory = state.make("packages")?;
        let partial = directory.join(PARTIAL);
        fs::create_dir_all(&partial).map_err(PoolError::access("make", &partial))?;
        let neighbours = vec![PathBuf::from("/var/cache/apt/archives")];
        Ok(Self { directory, bound: 10_000_000_000, options, neighbours })
    }

    /// How many bytes packages may take together.
    #[must_use]
    pub fn bound(mut self, bytes: u64) -> Self {
        self.bound = bytes;
        self
    }

    /// Directories where packages may lie already under their usual names, such as apt's own cache,
    /// which is looked into without this call.
    #[must_use]
    pub fn neighbours(mut self, directories: Vec<PathBuf>) -> Self {
        self.neighbours = directories;
        self
    }

    /// Sees to it that packages are there, and verifies them.
    pub fn fetch(
        &self,
        wanted: &[WantedPackage],
        on_progress: &(dyn Fn(PoolProgress) + Sync),
    ) -> Result<Fetched, PoolError> {
        let progress = Mutex::new(PoolProgress::default());
        let report = |change: &dyn Fn(&mut PoolProgress)| {
            let mut progress = progress.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
            change(&mut progress);
            on_progress(*progress);
        };
        let missing: Vec<&WantedPackage> = in_parallel(
            &wanted.iter().collect::<Vec<_>>(),
            PARALLEL,
            |&package| -> Result<_, PoolError> {
                let there = self.is_there(package)?;
                report(&|progress| {
                    if there {
                        progress.packages += 1;
                    } else {
                        progress.total += package.size;
                    }
                });
                Ok((!there).then_some(package))
            },
        )?
        .into_iter()
        .flatten()
        .collect();
        let mut fetchers: HashMap<&str, Fetcher> = HashMap::new();
        for package in &missing {
            // one for all packages of an archive, as it keeps connections open
            if !fetchers.contains_key(package.archive.as_str()) {
                let (proxy, silence) = (self.options.proxy.as_deref(), self.options.silence);
                let fetcher = Fetcher::new(&package.archive, proxy, silence).map_err(|source| {
                    PoolError::Fetch { package: package.name.clone(), source: Box::new(source) }
                })?;
                fetchers.insert(&package.archive, fetcher);
            }
        }
        in_parallel(&missing, PARALLEL, |package| {
            self.fetch_one(package, &fetchers[package.archive.as_str()], &report)?;
            report(&|progress| progress.packages += 1);
            Ok::<(), PoolError>(())
        })?;
        let paths = wanted.iter().map(|package| self.path(package)).collect();
        self.evict(wanted)?;
        let downloaded = progress.into_inner().map_or(0, |progress| progress.bytes);
        Ok(Fetched { paths, downloaded })
    }

    fn path(&self, package: &WantedPackage) -> PathBuf {
        self.directory.join(format!("{}.deb", package.sha256))
    }

    /// Whether a package is in the pool, or can be taken from beside it. A damaged one is removed.
    fn is_there(&self, package: &WantedPackage) -> Result<bool, PoolError> {
        let path = self.path(package);
        if is_right(&path, package)? {
            let now = rustix::fs::Timespec { tv_sec: 0, tv_nsec: rustix::fs::UTIME_NOW };
            let times = rustix::fs::Timestamps { last_access: now, last_modification: now };
            // only the order of eviction depends on it
            let _ =
                rustix::fs::utimensat(rustix::fs::CWD, &path, &times, rustix::fs::AtFlags::empty());
            return Ok(true);
        }
        if path.exists() {
            tracing::warn!("{} was damaged and is fetched again", path.display());
            fs::remove_file(&path).map_err(PoolError::access("remove", &path))?;
        }
        let Some(name) = package.path.rsplit('/').next() else { return Ok(false) };
        // apt writes the colon of an epoch in another way
        for directory in &self.neighbours {
            for name in [name.to_owned(), name.replace(':', "%3a")] {
                let beside = directory.join(name);
                if is_right(&beside, package).unwrap_or(false) {
                    return self.adopt(&beside, package);
                }
            }
        }
        Ok(false)
    }

    /// Copies a package that lies elsewhere into the pool.
    fn adopt(&self, from: &Path, package: &WantedPackage) -> Result<bool, PoolError> {
        let partial = self.partial(package);
        let lock = self.lock(&partial)?;
        // what a fetch has left is the start of the same package
        lock.set_len(0).map_err(PoolError::access("write", &partial))?;
        let copied = File::open(from).and_then(|mut file| io::copy(&mut file, &mut &lock));
        copied.map_err(PoolError::access("copy", from))?;
        if !is_right(&partial, package)? {
            fs::remove_file(&partial).map_err(PoolError::access("remove", &partial))?;
            return Ok(false);
        }
        let path = self.path(package);
        fs::rename(&partial, &path).map_err(PoolError::access("write", &path))?;
        Ok(true)
    }

    /// Where a package is while it is not whole.
    fn partial(&self, package: &WantedPackage) -> PathBuf {
        self.directory.join(PARTIAL).join(package.sha256.to_string())
    }

    fn fetch_one(
        &self,
        package: &WantedPackage,
        fetcher: &Fetcher,
        report: Report<'_>,
    ) -> Result<(), PoolError> {
        let partial = self.partial(package);
        let lock = self.lock(&partial)?;
        let path = self.path(package);
        if is_right(&path, package)? {
            // another process was faster
            report(&|progress| progress.bytes += package.size);
            return Ok(());
        }
        let uri = package.archive.trim_end_matches('/');
        let failed =
            |source| PoolError::Fetch { package: package.name.clone(), source: Box::new(source) };
        let reported = AtomicUsize::new(0);
        let on_progress = |now: Progress<'_>| {
            let before = reported.swap(now.bytes as usize, Ordering::Relaxed) as u64;
            report(&|progress| {
                progress.bytes = progress.bytes.saturating_sub(before) + now.bytes;
            });
        };
        let on_progress: OnProgress<'_> = &on_progress;
        let downloader = Downloader {
            fetcher: fetcher.clone(),
            retries: self.options.retries,
            pause: self.options.pause,
            on_progress,
        };
        let promised =
            ReleaseFile { path: package.path.clone(), size: package.size, sha256: package.sha256 };
        let url = format!("{uri}/{}", package.path);
        let found =
            downloader.verified(std::slice::from_ref(&url), &promised, &partial).map_err(failed)?;
        if found.is_none() {
            return Err(PoolError::Gone { package: package.name.clone(), url });
        }
        fs::rename(&partial, &path).map_err(PoolError::access("write", &path))?;
        drop(lock);
        Ok(())
    }

    /// Waits for the right to fetch one package.
    fn lock(&self, partial: &Path) -> Result<File, PoolError> {
        let deadline = Instant::now() + self.options.lock_patience;
        loop {
            let file = File::options()
                .create(true)
                .append(true)
                .open(partial)
                .map_err(PoolError::access("write", partial))?;
            match flock(&file, FlockOperation::NonBlockingLockExclusive) {
                // the file that was waited for may be a package in the pool by now
                Ok(()) if is_same_file(&file, partial) => return Ok(file),
                Ok(()) | Err(rustix::io::Errno::INTR) => {}
                Err(rustix::io::Errno::WOULDBLOCK) if Instant::now() < deadline => {
                    thread::sleep(Duration::from_millis(20));
                }
                Err(rustix::io::Errno::WOULDBLOCK) => {
                    let seconds = self.options.lock_patience.as_secs();
                    return Err(PoolError::Locked { path: partial.to_owned(), seconds });
                }
                Err(error) => return Err(PoolError::access("lock", partial)(error.into())),
            }
        }
    }
}

fn is_same_file(file: &File, path: &Path) -> bool {
    use std::os::unix::fs::MetadataExt;
    let (Ok(open), Ok(named)) = (file.metadata(), fs::metadata(path)) else { return false };
    (open.dev(), open.ino()) == (named.dev(), named.ino())
}

/// Whether a file is there and is the package.
fn is_right(path: &Path, package: &WantedPackage) -> Result<bool, PoolError> {
    let mut file = match File::open(path) {
        Ok(file) => file,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(false),
        Err(error) => return Err(PoolError::access("read", path)(error)),
    };
    let size = file.metadata().map_err(PoolError::access("read", path))?.len();
    if size != package.size {
        return Ok(false);
    }
    let mut hasher = sha2::Sha256::new();
    let mut buffer = vec![0; 256 << 10];
    loop {
        match file.read(&mut buffer) {
            Ok(0) => return Ok(Sha256(hasher.finalize().into()) == package.sha256),
            Ok(read) => hasher.update(&buffer[..read]),
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(PoolError::access("read", path)(error)),
        }
    }
}

/// When a file was used last, and its bytes.
fn used(path: &Path) -> Option<(SystemTime, u64)> {
    let metadata = fs::metadata(path).ok()?;
    Some((metadata.modified().ok()?, metadata.len()))
}
