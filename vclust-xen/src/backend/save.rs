//! Saving domains, and what has to be the same for a saved state to fit.
//!
//! A state is saved into a directory: `state`, as `xl save` writes it, and `machine.json`, the shape of the
//! machine that it is of. Xen would find out late, and tell in its own words, that it does not fit.

use std::fs::{self, File};
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};
use vclust_core::{DomainMemory, DomainName, HypervisorProblem};

use super::Xen;
use super::state::of;
use crate::configuration::XlConfiguration;
use crate::options::GuestKind;
use crate::problem::{Outcome, XenProblem};

const STATE: &str = "state";
const MACHINE: &str = "machine.json";

/// What of a machine its guest has found out.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
struct Shape {
    kind: GuestKind,
    memory_mib: u64,
    processors: u32,
    disks: Vec<(String, bool)>,
    interfaces: usize,
}

impl Shape {
    fn of(configuration: &XlConfiguration) -> Self {
        let disk = |disk: &crate::XlDisk| (disk.device.clone(), disk.is_writable);
        Self {
            kind: configuration.kind,
            memory_mib: configuration.memory_mib,
            processors: configuration.processors,
            disks: configuration.disks.iter().map(disk).collect(),
            interfaces: configuration.interfaces.len(),
        }
    }

    /// That a state of this shape, saved there, fits a domain of another one.
    fn fits(&self, own: &Self, path: &Path) -> Outcome<()> {
        let list = |disks: &[(String, bool)]| {
            let access = |writable: &bool| if *writable { "written" } else { "read only" };
            let one =
                |(device, writable): &(String, bool)| format!("{device} {}", access(writable));
            disks.iter().map(one).collect::<Vec<_>>().join(", ")
        };
        let pairs = [
            ("kind of guest", self.kind.name().to_owned(), own.kind.name().to_owned()),
            ("memory in MiB", self.memory_mib.to_string(), own.memory_mib.to_string()),
            ("number of processors", self.processors.to_string(), own.processors.to_string()),
            ("list of disks", list(&self.disks), list(&own.disks)),
            ("number of interfaces", self.interfaces.to_string(), own.interfaces.to_string()),
        ];
        pairs.into_iter().try_for_each(|(what, saved, own)| {
            HypervisorProblem::unless_same(path, what, &saved, &own)
        })
    }
}

/// A state that was saved.
#[derive(Debug)]
pub(super) struct Saved {
    directory: PathBuf,
}

impl Saved {
    /// Opens a state, if it fits a domain.
    pub(super) fn open(directory: &Path, own: &XlConfiguration) -> Outcome<Self> {
        let path = directory.join(MACHINE);
        let text = fs::read(&path).map_err(HypervisorProblem::file("read", &path))?;
        let shape: Shape =
            serde_json::from_slice(&text).map_err(HypervisorProblem::damaged(&path))?;
        shape.fits(&Shape::of(own), directory)?;
        Ok(Self {
            directory: std::path::absolute(directory)
                .map_err(HypervisorProblem::file("find", directory))?,
        })
    }

    /// What `xl` saved.
    pub(super) fn state(&self) -> PathBuf {
        self.directory.join(STATE)
    }
}

impl Xen {
    pub(super) fn save_to(&self, name: &DomainName, to: &Path) -> Outcome<()> {
        let record = self.held(name)?;
        if record.configuration().memory_use != DomainMemory::Saveable {
            return Err(HypervisorProblem::NotSaveable);
        }
        let found = self.found_active(&record)?;
        let to = std::path::absolute(to).map_err(HypervisorProblem::file("find", to))?;
        if fs::read_dir(&to).map_err(HypervisorProblem::file("read", &to))?.next().is_some() {
            return Err(HypervisorProblem::NotEmpty(to));
        }
        let kind = self.find_kind()?;
        let own = XlConfiguration::of(record.configuration(), record.uuid(), kind, None)
            .map_err(XenProblem::Configuration)?;
        // whoever is held does not hear that it is to be saved
        self.unpause(&record)?;
        let written = self.write_state(&record, found.id, &to, &own);
        if written.is_err() {
            for name in [STATE, MACHINE] {
                let _ = fs::remove_file(to.join(name));
            }
        }
        written
    }

    fn write_state(
        &self,
        record: &super::Record,
        id: u32,
        to: &Path,
        own: &XlConfiguration,
    ) -> Outcome<()> {
        let state = to.join(STATE);
        // memory of guests is nobody else's business
        let mut options = File::options();
        std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
        options
            .write(true)
            .create_new(true)
            .open(&state)
            .map_err(HypervisorProblem::file("make", &state))?;
        self.tools.save(id, &state)?;
        if let Some(found) = self.tools.find(record.uuid())? {
            if of(&found).is_active() {
                let state = of(&found).name();
                return Err(XenProblem::NotDone { program: "xl save", state }.into());
            }
        }
        if fs::metadata(&state).map_err(HypervisorProblem::file("look at", &state))?.len() == 0 {
            return Err(HypervisorProblem::Failed { said: "nothing was saved".to_owned() });
        }
        let machine = to.join(MACHINE);
        let text = serde_json::to_vec_pretty(&Shape::of(own)).unwrap_or_default();
        fs::write(&machine, text).map_err(HypervisorProblem::file("write", &machine))?;
        self.clear(record)
    }
}
