//! What is kept of a domain, in files that are named after it:
//!
//! | file | holds |
//! | --- | --- |
//! | `NAME.json` | the definition, from the moment the domain is known; locked by who works with it |
//! | `NAME.run` | where its console's log began when it was started |
//! | `NAME.cfg` | what `xl` was given last |
//! | `NAME.line` | nothing; locked by who uses its console |

use std::fs::{self, File};
use std::io::{self, Read, Write};
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use rustix::fs::{FlockOperation, flock};
use rustix::io::Errno;
use serde::{Deserialize, Serialize};
use tempfile::NamedTempFile;
use vclust_core::{DomainConfiguration, DomainName, HypervisorProblem};

use crate::parse::Uuid;
use crate::problem::Outcome;

const DEFINITION: &str = "json";
const RUN: &str = "run";
const CONFIGURATION: &str = "cfg";
const LINE: &str = "line";

/// A domain as it was defined.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(super) struct Definition {
    pub(super) uuid: Uuid,
    pub(super) configuration: DomainConfiguration,
}

/// That a domain was started.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Run {
    /// Bytes that its console's log had before.
    pub(super) log_begin: u64,
}

/// A domain of a directory.
#[derive(Debug)]
pub(super) struct Record {
    definition: Definition,
    path: PathBuf,
    handle: File,
}

impl Definition {
    /// A definition with a new UUID.
    pub(super) fn new(configuration: DomainConfiguration) -> Outcome<Self> {
        let path = Path::new("/dev/urandom");
        let mut bytes = [0; 16];
        let read = File::open(path).and_then(|mut source| source.read_exact(&mut bytes));
        read.map_err(HypervisorProblem::file("read", path))?;
        Ok(Self { uuid: Uuid::of_random(bytes), configuration })
    }
}

/// Makes a domain known, unless another one has its name.
pub(super) fn define(below: &Path, definition: &Definition) -> Outcome<()> {
    let name = &definition.configuration.name;
    let path = below.join(format!("{name}.{DEFINITION}"));
    let write = || -> io::Result<NamedTempFile> {
        let mut draft = NamedTempFile::new_in(below)?;
        draft.write_all(&serde_json::to_vec_pretty(definition)?)?;
        Ok(draft)
    };
    let draft = write().map_err(HypervisorProblem::file("write", &path))?;
    match draft.persist_noclobber(&path) {
        Ok(_) => Ok(()),
        Err(error) if error.error.kind() == io::ErrorKind::AlreadyExists => {
            let there = Record::find(below, name)?;
            let same = there.definition.configuration == definition.configuration;
            if same { Ok(()) } else { Err(HypervisorProblem::InUse) }
        }
        Err(error) => Err(HypervisorProblem::file("make", &path)(error.error)),
    }
}

/// The names of all domains that are known.
pub(super) fn names(below: &Path) -> Outcome<Vec<DomainName>> {
    let mut names = Vec::new();
    for entry in fs::read_dir(below).map_err(HypervisorProblem::file("read", below))? {
        let path = entry.map_err(HypervisorProblem::file("read", below))?.path();
        let is_definition = path.extension().is_some_and(|extension| extension == DEFINITION);
        let stem = path.file_stem().and_then(|stem| stem.to_str());
        names.extend(stem.filter(|_| is_definition).and_then(|name| name.parse().ok()));
    }
    names.sort();
    Ok(names)
}

impl Record {
    /// Finds a domain.
    pub(super) fn find(below: &Path, name: &DomainName) -> Outcome<Self> {
        let path = below.join(format!("{name}.{DEFINITION}"));
        let mut handle = match File::options().read(true).write(true).open(&path) {
            Ok(handle) => handle,
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                return Err(HypervisorProblem::Unknown);
            }
            Err(error) => return Err(HypervisorProblem::file("open", &path)(error)),
        };
        let mut text = Vec::new();
        handle.read_to_end(&mut text).map_err(HypervisorProblem::file("read", &path))?;
        let definition =
            serde_json::from_slice(&text).map_err(HypervisorProblem::damaged(&path))?;
        Ok(Self { definition, path, handle })
    }

    pub(super) fn uuid(&self) -> Uuid {
        self.definition.uuid
    }

    pub(super) fn configuration(&self) -> &DomainConfiguration {
        &self.definition.configuration
    }

    pub(super) fn name(&self) -> &DomainName {
        &self.definition.configuration.name
    }

    /// Holds the domain against all others that hold it, until the value is dropped.
    pub(super) fn hold(&self, patience: Duration) -> Outcome<()> {
        let end = Instant::now() + patience;
        while !self.try_hold()? {
            if Instant::now() >= end {
                let said = "nothing; another program works with it".to_owned();
                return Err(HypervisorProblem::Late { deadline: patience, said });
            }
            std::thread::sleep(Duration::from_millis(5));
        }
        // somebody may have removed it, and another one may have its name
        let own = self.handle.metadata().map_err(HypervisorProblem::file("look at", &self.path))?;
        match fs::metadata(&self.path) {
            Ok(now) if (now.dev(), now.ino()) == (own.dev(), own.ino()) => Ok(()),
            Ok(_) => Err(HypervisorProblem::Unknown),
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                Err(HypervisorProblem::Unknown)
            }
            Err(error) => Err(HypervisorProblem::file("look at", &self.path)(error)),
        }
    }

    /// Holds the domain if nobody else does.
    pub(super) fn try_hold(&self) -> Outcome<bool> {
        match flock(&self.handle, FlockOperation::NonBlockingLockExclusive) {
            Ok(()) => Ok(true),
            Err(Errno::WOULDBLOCK | Errno::INTR) => Ok(false),
            Err(error) => Err(HypervisorProblem::file("lock", &self.path)(error.into())),
        }
    }

    /// That the domain was started; none if it was not, since it was known or since it was saved.
    pub(super) fn run(&self) -> Outcome<Option<Run>> {
        let path = self.beside(RUN);
        match fs::read(&path) {
            Ok(text) => {
                serde_json::from_slice(&text).map(Some).map_err(HypervisorProblem::damaged(&path))
            }
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
            Err(error) => Err(HypervisorProblem::file("read", &path)(error)),
        }
    }

    /// Writes down that the domain is started.
    pub(super) fn write_run(&self, run: Run) -> Outcome<()> {
        self.write(RUN, &serde_json::to_vec(&run).unwrap_or_default()).map(drop)
    }

    /// Writes what `xl` is given; answers where.
    pub(super) fn write_configuration(&self, text: &str) -> Outcome<PathBuf> {
        self.write(CONFIGURATION, text.as_bytes())
    }

    /// Writes a file that is there as a whole or not at all, and that only its owner reads.
    fn write(&self, extension: &str, text: &[u8]) -> Outcome<PathBuf> {
        let path = self.beside(extension);
        let below = self.path.parent().unwrap_or(Path::new("/"));
        let write = || -> io::Result<()> {
            let mut draft = NamedTempFile::new_in(below)?;
            draft.write_all(text)?;
            draft.persist(&path)?;
            Ok(())
        };
        write().map_err(HypervisorProblem::file("write", &path))?;
        Ok(path)
    }

    /// The file that who uses the domain's console holds, held; none if somebody else does.
    pub(super) fn hold_line(&self) -> Outcome<Option<File>> {
        let path = self.beside(LINE);
        let mut options = File::options();
        let handle = options.create(true).write(true).truncate(false).open(&path);
        let handle = handle.map_err(HypervisorProblem::file("open", &path))?;
        match flock(&handle, FlockOperation::NonBlockingLockExclusive) {
            Ok(()) => Ok(Some(handle)),
            Err(Errno::WOULDBLOCK) => Ok(None),
            Err(error) => Err(HypervisorProblem::file("lock", &path)(error.into())),
        }
    }

    /// Forgets the domain; what makes it known goes last.
    pub(super) fn remove(self) -> Outcome<()> {
        for extension in [RUN, CONFIGURATION, LINE, DEFINITION] {
            let path = self.beside(extension);
            match fs::remove_file(&path) {
                Err(error) if error.kind() != io::ErrorKind::NotFound => {
                    return Err(HypervisorProblem::file("remove", &path)(error));
                }
                _ => {}
            }
        }
        Ok(())
    }

    fn beside(&self, extension: &str) -> PathBuf {
        self.path.with_extension(extension)
    }
}
