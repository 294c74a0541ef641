//! Unpacking packages into a root, in parallel, to what `dpkg --unpack` would have made of them one
//! after the other.
//!
//! Only what is the same in any order is done in parallel: each path is claimed in one table before it
//! is written ([`claims`]), packages are worked through largest first ([`worker`]), and what several of
//! them ship is decided afterwards by their order alone ([`settle`]). What dpkg alone can decide is
//! not guessed: a package that meets older files is left to dpkg, and where the order of two
//! packages matters an error says so. In both cases, as after any error, nothing of it stays behind.

use std::num::NonZeroUsize;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use self::accounts::Accounts;
use self::claims::{Claims, Order};
use self::error::Stop;
use self::root::{OpenDirectories, Root};
use self::settle::{Losses, Runs, remove, settle};
use self::worker::Worker;
use crate::deb::{DebError, DebLimits};

mod accounts;
mod claims;
mod error;
mod md5;
mod overrides;
mod package;
mod root;
mod settle;
mod walk;
mod worker;
mod write;

pub use error::{LeftReason, LeftToDpkg, UnpackError};
pub use md5::Md5;
pub use overrides::{Overrides, StatOverride};
pub use package::{PackageContents, PackageToUnpack};

/// Unpacks packages into one root.
#[derive(Debug)]
pub struct Unpacker<'a> {
    root: &'a Path,
    overrides: &'a Overrides,
    threads: NonZeroUsize,
    limits: DebLimits,
}

/// What became of a package.
#[derive(Debug)]
pub enum Unpacked {
    /// It is in the root.
    Done(UnpackedPackage),
    /// Nothing of it is in the root, and dpkg is to unpack it, after the others.
    Left(LeftToDpkg),
}

/// What a package brought into the root, as dpkg's database wants it. Paths are below the root.
#[derive(Debug, Clone, Default)]
#[non_exhaustive]
pub struct UnpackedPackage {
    /// Its paths in the order of dpkg's lists; the root itself is an empty path. What a package that
    /// replaces this one has taken over is left out.
    pub files: Vec<Vec<u8>>,
    /// The conffiles that it ships, each written under its own name.
    pub conffiles: Vec<(Vec<u8>, Md5)>,
    /// The sums of its files, if it has no `md5sums` of its own.
    pub md5sums: Option<Vec<(Vec<u8>, Md5)>>,
    /// Bytes of the files' contents.
    pub bytes: u64,
    /// When the newest of its files was modified, in seconds since 1970; directories do not count.
    pub newest: i64,
    /// Whether it ships directories and nothing else.
    pub only_directories: bool,
    /// How long one thread was busy with it.
    pub elapsed: Duration,
}

impl UnpackedPackage {
    /// The text of dpkg's list of the package's files: `/.` and the other paths, a line each.
    #[must_use]
    pub fn list(&self) -> Vec<u8> {
        let mut text = Vec::new();
        for path in &self.files {
            text.push(b'/');
            text.extend_from_slice(if path.is_empty() { b"." } else { path });
            text.push(b'\n');
        }
        text
    }

    /// The text of `md5sums`, if the package has none of its own.
    #[must_use]
    pub fn md5sums(&self) -> Option<Vec<u8>> {
        let mut text = Vec::new();
        for (path, sum) in self.md5sums.as_ref()? {
            text.extend_from_slice(format!("{sum}  ").as_bytes());
            text.extend_from_slice(path);
            text.push(b'\n');
        }
        Some(text)
    }

    /// Takes paths out of the list. dpkg sums what it unpacks, and does not go back to the sums of a
    /// package whose files are taken later.
    fn lose(&mut self, losses: &Losses) {
        let Losses { skipped, taken } = losses;
        self.files.retain(|path| !skipped.contains(path) && !taken.contains_key(path));
        if let Some(sums) = &mut self.md5sums {
            sums.retain(|(path, _)| !skipped.contains(path));
        }
    }
}

/// What all threads work with.
struct Shared<'s> {
    root: &'s Root,
    packages: &'s [PackageToUnpack],
    overrides: &'s Overrides,
    accounts: Accounts,
    limits: DebLimits,
    claims: Mutex<Claims<'s>>,
    /// Set when something failed and nothing is worth doing any more.
    stop: AtomicBool,
}

impl<'s> Shared<'s> {
    fn claims(&self) -> MutexGuard<'_, Claims<'s>> {
        self.claims.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl<'a> Unpacker<'a> {
    /// Unpacks into `root` with as many threads as there are processors.
    #[must_use]
    pub fn new(root: &'a Path, overrides: &'a Overrides) -> Self {
        let threads = std::thread::available_parallelism().unwrap_or(NonZeroUsize::MIN);
        Self { root, overrides, threads, limits: DebLimits::default() }
    }

    /// With so many threads.
    #[must_use]
    pub fn threads(mut self, threads: NonZeroUsize) -> Self {
        self.threads = threads;
        self
    }

    /// With other limits on what a package may unpack to.
    #[must_use]
    pub fn limits(mut self, limits: DebLimits) -> Self {
        self.limits = limits;
        self
    }

    /// Reads the control archives of packages; the answer has their order.
    pub fn read(&self, paths: &[PathBuf]) -> Result<Vec<PackageToUnpack>, DebError> {
        let all: Vec<usize> = (0..paths.len()).collect();
        let read = self.in_parallel(&all, |_: &mut Option<()>, at| {
            (PackageToUnpack::read(&paths[at], self.limits), Next::GoOn)
        });
        read.into_iter().map(|(_, package)| package).collect()
    }

    /// Unpacks packages, which dpkg would take in the order of the slice. Either all of them are in
    /// the root afterwards, but for those that the answer leaves to dpkg, or, with an error, none is.
    ///
    /// Directories that were in the root stay as they are. Nothing else is ever overwritten.
    pub fn unpack(&self, packages: &[PackageToUnpack]) -> Result<Vec<Unpacked>, UnpackError> {
        let root = Root::open(self.root)?;
        let shared = Shared {
            root: &root,
            packages,
            overrides: self.overrides,
            accounts: Accounts::read(&root).map_err(|source| root.failed(source))?,
            limits: self.limits,
            claims: Mutex::new(Claims::new(&root, packages)),
            stop: AtomicBool::new(false),
        };
        let mut runs = match self.run(&shared) {
            Ok(runs) => runs,
            Err(error) => {
                remove(&shared, |_| true);
                return Err(error);
            }
        };
        match settle(&shared, &mut runs) {
            Err(Stop::Failed(error)) => {
                remove(&shared, |_| true);
                Err(error)
            }
            Ok(()) | Err(Stop::Left(_)) => Ok(runs
                .into_iter()
                .map(|run| match run {
                    Ok(run) => Unpacked::Done(run.done),
                    Err(left) => Unpacked::Left(left),
                })
                .collect()),
        }
    }

    /// Works through all packages; of several errors, that of the first package counts.
    fn run(&self, shared: &Shared<'_>) -> Result<Runs, UnpackError> {
        let mut queue = Vec::new();
        let mut runs: Vec<Option<_>> = Vec::new();
        for (order, package) in shared.packages.iter().enumerate() {
            let existing = self.existing_conffile(shared, package)?;
            if existing.is_none() {
                queue.push(order);
            }
            runs.push(existing.map(Err));
        }
        queue.sort_by_key(|order| std::cmp::Reverse(shared.packages[*order].data_bytes()));
        let results = self.in_parallel(&queue, |open, order| {
            let open = open.get_or_insert_with(|| OpenDirectories::new(shared.root));
            match Worker::new(shared, order as Order, open).run() {
                Ok(run) => (Ok(Ok(run)), Next::GoOn),
                Err(Stop::Left(left)) => (Ok(Err(left)), Next::GoOn),
                Err(Stop::Failed(error)) => {
                    shared.stop.store(true, Ordering::Relaxed);
                    (Err(error), Next::Stop)
                }
            }
        });
        for (order, result) in results {
            runs[order] = Some(result?);
        }
        Ok(runs.into_iter().flatten().collect())
    }

    /// A conffile of the package that is in the root: dpkg knows what was done with it.
    fn existing_conffile(
        &self,
        shared: &Shared<'_>,
        package: &PackageToUnpack,
    ) -> Result<Option<LeftToDpkg>, UnpackError> {
        for path in package.conffiles() {
            let place = self.overrides.place(path, &package.description().name);
            if shared.root.has(place).map_err(|source| shared.root.failed(source))? {
                let why = LeftReason::ConffileExists;
                return Ok(Some(LeftToDpkg { path: path.clone(), why }));
            }
        }
        Ok(None)
    }

    /// Calls a function for each number, in this order, on all threads; the answers are sorted by
    /// number. Each thread has a state of its own, which is nothing at first.
    fn in_parallel<S, T: Send>(
        &self,
        numbers: &[usize],
        function: impl Fn(&mut Option<S>, usize) -> (T, Next) + Sync,
    ) -> Vec<(usize, T)> {
        let next = AtomicUsize::new(0);
        let stop = AtomicBool::new(false);
        let work = || {
            let mut state = None;
            let mut answers = Vec::new();
            while let Some(number) = numbers.get(next.fetch_add(1, Ordering::Relaxed)) {
                if stop.load(Ordering::Relaxed) {
                    break;
                }
                let (answer, next) = function(&mut state, *number);
                answers.push((*number, answer));
                if next == Next::Stop {
                    stop.store(true, Ordering::Relaxed);
                }
            }
            answers
        };
        let mut answers = std::thread::scope(|scope| {
            let others: Vec<_> =
                (1..self.threads.get().min(numbers.len())).map(|_| scope.spawn(work)).collect();
            let mut answers = work();
            for other in others {
                match other.join() {
                    Ok(more) => answers.extend(more),
                    Err(panic) => std::panic::resume_unwind(panic),
                }
            }
            answers
        });
        answers.sort_unstable_by_key(|(number, _)| *number);
        answers
    }
}

/// Whether work goes on after an answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Next {
    GoOn,
    Stop,
}
