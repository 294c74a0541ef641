//! The records of clusters: what there is, what belongs to it, and who works on it.
//!
//! ```text
//! clusters/NAME/cluster.json    the record
//! clusters/NAME/...             whatever else the cluster needs; all of it goes with the cluster
//! clusters/.new-NAME/           a cluster that is being entered
//! clusters/.gone-NAME/          a cluster that is being removed
//! clusters/.locks/NAME          held by whoever starts or stops the cluster
//! ```
//!
//! A record is written down before the first process of its cluster is started, and removed after the
//! last has ended; all of them carry the cluster's mark. Records appear, change and go by renames. So a
//! crash at any moment leaves a record from which the rest can be found: a cluster that is being
//! started or stopped while nobody holds its lock was abandoned, and [`ClusterStore::clean_abandoned`]
//! removes what is left of it.
//!
//! Marks begin with a name for the state directory. Nobody ends processes of a cluster that another
//! state directory has.

mod clean;
mod domains;
mod error;
mod files;
mod held;
mod keys;
mod record;

use std::fmt::Write as _;
use std::fs::{self, DirBuilder};
use std::io::{self, Read};
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::DirBuilderExt;
use std::path::{Path, PathBuf};

use rustix::fs::{CWD, RenameFlags, renameat_with};
use sha2::{Digest, Sha256};
use vclust_core::{ClusterSpec, DomainName, Strategy};
use vclust_debian::StateDirectory;
use vclust_process::Mark;

use crate::lock::{Lock, Missing, Mode};
use crate::repository::{now, scratch};

pub use clean::Cleaned;
pub use error::ClusterError;
pub use files::{hosts_file, known_hosts, mpi_hostfile};
use held::remove_lock;

pub use held::HeldCluster;
pub use keys::{ClusterKeys, KeyError, SshKeyPair};
pub use record::{ClusterRecord, ClusterState, NodeRecord, NodeState, PhaseRecord, ServerRecord};

/// The file of a record.
const RECORD: &str = "cluster.json";
const NEW: &str = ".new-";
const GONE: &str = ".gone-";

/// The clusters of a state directory.
#[derive(Debug)]
pub struct ClusterStore {
    state: StateDirectory,
    directory: PathBuf,
    mark: Mark,
}

/// A cluster that is to be entered.
#[derive(Debug, Clone)]
pub struct NewCluster {
    /// What was asked for; its name is the cluster's.
    pub spec: ClusterSpec,
    /// How its nodes get their root.
    pub strategy: Strategy,
    /// Who may log in to its nodes.
    pub user: String,
}

impl ClusterStore {
    /// Opens the records of a state directory; makes what is not there.
    pub fn open(state: &StateDirectory) -> Result<Self, ClusterError> {
        let directory = state.path().join("clusters");
        let locks = directory.join(".locks");
        // records say what runs where and where its keys are: nobody else's business
        let make = |path: &Path| DirBuilder::new().recursive(true).mode(0o700).create(path);
        make(&locks).map_err(ClusterError::write(&locks))?;
        let full = directory.canonicalize().map_err(ClusterError::read(&directory))?;
        let digest = Sha256::digest(full.as_os_str().as_bytes());
        let mark = format!("vclust-{}", hexadecimal(&digest[..6]));
        let mark = mark.parse().map_err(ClusterError::Mark)?;
        Ok(Self { state: state.clone(), directory: full, mark })
    }

    /// Enters a cluster that is being started, and holds it. A name that is in use is refused.
    pub fn create(&self, new: NewCluster) -> Result<HeldCluster, ClusterError> {
        new.spec.check()?;
        let name: DomainName = new.spec.name.parse()?;
        let lock = self.lock(&name)?;
        let target = self.path_of(&name);
        if target.symlink_metadata().is_ok() {
            return Err(ClusterError::InUse { name });
        }
        // whoever began to enter this name, or to remove it, is dead: the lock was free
        for prefix in [NEW, GONE] {
            scratch::remove(&self.hidden(prefix, &name))?;
        }
        let mut bytes = [0; 8];
        fs::File::open("/dev/urandom")
            .and_then(|mut random| random.read_exact(&mut bytes))
            .map_err(ClusterError::read(Path::new("/dev/urandom")))?;
        let id = hexadecimal(&bytes);
        let mark = self.mark.part(&id).map_err(ClusterError::Mark)?;
        let NewCluster { spec, strategy, user } = new;
        let record = ClusterRecord {
            name: name.clone(),
            id,
            mark,
            created: now(),
            spec,
            strategy,
            state: ClusterState::Starting,
            reason: None,
            images: Vec::new(),
            network: None,
            servers: Vec::new(),
            head: None,
            user,
            nodes: Vec::new(),
            phases: Vec::new(),
        };
        let entering = self.hidden(NEW, &name);
        let write = ClusterError::write(&entering);
        DirBuilder::new().mode(0o700).create(&entering).map_err(write)?;
        record.write(&entering)?;
        let renamed = renameat_with(CWD, &entering, CWD, &target, RenameFlags::NOREPLACE);
        renamed.map_err(|error| ClusterError::write(&target)(error.into()))?;
        Ok(HeldCluster::new(self, record, lock))
    }

    /// Holds a cluster, to change or to remove it. Fails if somebody else does.
    pub fn hold(&self, name: &DomainName) -> Result<HeldCluster, ClusterError> {
        let lock = self.lock(name)?;
        match self.get(name) {
            Ok(record) => Ok(HeldCluster::new(self, record, lock)),
            Err(error) => {
                // a name that nobody has is no reason to keep its lock
                if self.path_of(name).symlink_metadata().is_err() {
                    remove_lock(&self.lock_of(name))?;
                }
                Err(error)
            }
        }
    }

    /// The record of a cluster.
    pub fn get(&self, name: &DomainName) -> Result<ClusterRecord, ClusterError> {
        match ClusterRecord::read(&self.path_of(name)) {
            Err(ClusterError::File(error)) if error.is_missing() => {
                let known = self.names()?;
                Err(ClusterError::Unknown { name: name.clone(), known })
            }
            result => result,
        }
    }

    /// The records of all clusters, by their names.
    pub fn list(&self) -> Result<Vec<ClusterRecord>, ClusterError> {
        let mut records = Vec::new();
        for name in self.names()? {
            match ClusterRecord::read(&self.path_of(&name)) {
                // it was removed just now
                Err(ClusterError::File(error))
                    if error.is_missing() && self.path_of(&name).symlink_metadata().is_err() => {}
                result => records.push(result?),
            }
        }
        Ok(records)
    }

    /// The directory of a cluster.
    #[must_use]
    pub fn path_of(&self, name: &DomainName) -> PathBuf {
        self.directory.join(name.as_str())
    }

    /// Names that have a directory, in their order.
    fn names(&self) -> Result<Vec<DomainName>, ClusterError> {
        let mut names: Vec<DomainName> =
            self.entries()?.into_iter().filter_map(|name| name.parse().ok()).collect();
        names.sort();
        Ok(names)
    }

    fn entries(&self) -> Result<Vec<String>, ClusterError> {
        let read = ClusterError::read(&self.directory);
        let entries: io::Result<Vec<_>> = fs::read_dir(&self.directory).and_then(Iterator::collect);
        let entries = entries.map_err(read)?;
        Ok(entries.iter().map(|entry| entry.file_name().to_string_lossy().into_owned()).collect())
    }

    /// Takes the lock of a name, or says that somebody has it.
    fn lock(&self, name: &DomainName) -> Result<Lock, ClusterError> {
        self.attempt(name)?.ok_or_else(|| ClusterError::Busy { name: name.clone() })
    }

    fn attempt(&self, name: &DomainName) -> Result<Option<Lock>, ClusterError> {
        let path = self.lock_of(name);
        Lock::attempt(&path, Mode::Alone, Missing::Make).map_err(ClusterError::write(&path))
    }

    fn lock_of(&self, name: &DomainName) -> PathBuf {
        self.directory.join(".locks").join(name.as_str())
    }

    fn hidden(&self, prefix: &str, name: &DomainName) -> PathBuf {
        self.directory.join(format!("{prefix}{name}"))
    }
}

fn hexadecimal(bytes: &[u8]) -> String {
    bytes.iter().fold(String::new(), |mut text, byte| {
        // writing to a string does not fail
        let _ = write!(text, "{byte:02x}");
        text
    })
}
