//! Saved states: a directory with a guest's memory and the state of its devices.
//!
//! The memory is the file that the guest ran on, moved. Domains that start from it map it and keep what
//! they write to themselves, so that any number of them takes the memory once. The description is
//! written last: a directory without it is of a save that was cut off.

use std::fs::{self, File};
use std::io;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};
use vclust_core::HypervisorProblem;

use crate::domain::{private_directory, read};
use crate::host::{free_zeros, private_file, write_whole};
use crate::machine::Shape;
use crate::problem::Outcome;

const DESCRIPTION: &str = "saved.json";
const STATE: &str = "state";
const MEMORY: &str = "memory";

/// What a saved state is of.
#[derive(Debug, Serialize, Deserialize)]
struct Description {
    /// The version of QEMU.
    qemu: String,
    /// The machine.
    shape: Shape,
    /// Bytes of memory that hold something.
    written: u64,
}

/// A saved state.
pub(crate) struct Saved {
    path: PathBuf,
    description: Description,
}

impl Saved {
    /// Opens a saved state for a domain of the given shape.
    pub(crate) fn open(path: &Path, own: &Shape) -> Outcome<Self> {
        let path = std::path::absolute(path).map_err(HypervisorProblem::file("find", path))?;
        let description: Option<Description> = read(&path.join(DESCRIPTION))?;
        let none = || {
            HypervisorProblem::file("read", &path.join(DESCRIPTION))(io::ErrorKind::NotFound.into())
        };
        let description = description.ok_or_else(none)?;
        description.shape.fits(own, &path)?;
        let memory = path.join(MEMORY);
        let length = fs::metadata(&memory).map_err(HypervisorProblem::file("read", &memory))?.len();
        let expected = description.shape.memory << 20;
        let (length, expected) = (format!("{length} bytes"), format!("{expected} bytes"));
        HypervisorProblem::unless_same(&path, "memory's file", &length, &expected)?;
        Ok(Self { path, description })
    }

    /// That the QEMU that is to take the state is the one that saved it. Others often can, and often
    /// cannot.
    pub(crate) fn check_version(&self, qemu: &str) -> Outcome<()> {
        let saved = &self.description.qemu;
        HypervisorProblem::unless_same(&self.path, "version of QEMU", saved, qemu)
    }

    /// The memory's file.
    pub(crate) fn memory(&self) -> PathBuf {
        self.path.join(MEMORY)
    }

    /// The state of the devices.
    pub(crate) fn state(&self) -> Outcome<File> {
        let path = self.path.join(STATE);
        File::open(&path).map_err(HypervisorProblem::file("read", &path))
    }
}

/// A state that is being saved. What is there of it when it is not finished is removed.
pub(crate) struct Saving {
    path: PathBuf,
    state: File,
    finished: bool,
}

impl Saving {
    /// Begins to save into a directory, which is made unless it is there and empty.
    pub(crate) fn into(path: &Path) -> Outcome<Self> {
        let path = std::path::absolute(path).map_err(HypervisorProblem::file("find", path))?;
        match fs::read_dir(&path) {
            Ok(mut entries) => {
                if entries.next().is_some() {
                    return Err(HypervisorProblem::NotEmpty(path));
                }
            }
            Err(error) if error.kind() == io::ErrorKind::NotFound => private_directory(&path)?,
            Err(error) => return Err(HypervisorProblem::file("read", &path)(error)),
        }
        let state = private_file(&path.join(STATE))
            .map_err(HypervisorProblem::file("write", &path.join(STATE)))?;
        Ok(Self { path, state, finished: false })
    }

    /// What QEMU writes the state of the devices to.
    pub(crate) fn state(&self) -> &File {
        &self.state
    }

    /// Where the memory goes.
    pub(crate) fn memory(&self) -> PathBuf {
        self.path.join(MEMORY)
    }

    /// Writes down what was saved, once everything is there.
    pub(crate) fn finish(mut self, qemu: &str, shape: Shape) -> Outcome<()> {
        let memory = self.memory();
        let open = File::options().read(true).write(true).open(&memory);
        let open = open.map_err(HypervisorProblem::file("open", &memory))?;
        let written =
            free_zeros(&open).map_err(HypervisorProblem::file("free space of", &memory))?;
        open.sync_all().map_err(HypervisorProblem::file("write", &memory))?;
        self.state.sync_all().map_err(HypervisorProblem::file("write", &self.path))?;
        let path = self.path.join(DESCRIPTION);
        let description = Description { qemu: qemu.to_owned(), shape, written };
        let text =
            serde_json::to_vec_pretty(&description).map_err(HypervisorProblem::damaged(&path))?;
        write_whole(&path, &text).map_err(HypervisorProblem::file("write", &path))?;
        let sync = |path: &Path| File::open(path)?.sync_all();
        sync(&path)
            .and_then(|()| sync(&self.path))
            .map_err(HypervisorProblem::file("write", &path))?;
        self.finished = true;
        Ok(())
    }
}

impl Drop for Saving {
    fn drop(&mut self) {
        if !self.finished {
            for name in [STATE, MEMORY, DESCRIPTION] {
                let _ = fs::remove_file(self.path.join(name));
            }
        }
    }
}
