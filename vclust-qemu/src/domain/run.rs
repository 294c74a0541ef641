//! That a domain was started, as which process, and how it ended.
//!
//! The record is written before the process is there, so that none is overlooked: a process that the
//! record does not name yet is found by its mark. Nobody waits for a domain's process but whoever
//! started it, so how it ended is told by QEMU's own file: QEMU removes `qemu.pid` when it ends in good
//! order, as it does when a guest switches itself off, and cannot when it is killed or crashes.

use std::path::PathBuf;
use std::time::Duration;

use serde::{Deserialize, Serialize};
use vclust_core::{ByteSize, DomainState, HypervisorProblem};
use vclust_process::{Mark, ProcessId, marked};

use super::directory::{Directory, read};
use super::{ASKED, PID, RUN};
use crate::host::{resident, write_whole};
use crate::problem::Outcome;

/// How long the end of a console may take to come to the disk.
const SETTLING: Duration = Duration::from_secs(2);

/// That a domain was started.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct Run {
    /// The process, once it is there.
    pub(crate) process: Option<ProcessId>,
    /// What keeps what it writes to its console.
    #[serde(default)]
    pub(crate) console: Option<ProcessId>,
    /// How much of the host's memory it may come to use.
    pub(crate) promised: ByteSize,
    /// Whether it has its memory from a saved state, which others share.
    pub(crate) cloned: bool,
    /// The control group that keeps its limits.
    pub(crate) cgroup: Option<PathBuf>,
}

impl Run {
    /// The record of a domain that was started and not tidied up since.
    pub(crate) fn of(directory: &Directory) -> Outcome<Option<Self>> {
        read(&directory.file(RUN))
    }

    /// Writes the record.
    pub(crate) fn write(&self, directory: &Directory) -> Outcome<()> {
        let path = directory.file(RUN);
        let text = serde_json::to_vec(self).map_err(HypervisorProblem::damaged(&path))?;
        write_whole(&path, &text).map_err(HypervisorProblem::file("write", &path))
    }

    /// The process, if it runs.
    pub(crate) fn alive(&self, mark: &Mark) -> Option<ProcessId> {
        match self.process {
            Some(process) => process.is_alive().then_some(process),
            // whoever started it was killed in the midst of it
            None => marked(mark).ok()?.into_iter().next(),
        }
    }

    /// Waits a moment, if the process has ended, until its console is on disk to the end.
    pub(crate) fn settle(&self) {
        let has_ended = self.process.is_some_and(|process| !process.is_alive());
        if let Some(console) = self.console.filter(|_| has_ended) {
            let _ = console.ends_within(SETTLING);
        }
    }

    /// How much memory it may take beyond what it has.
    pub(crate) fn outstanding(&self) -> u64 {
        let has = match self.process {
            Some(process) if process.is_alive() => resident(process.number, !self.cloned),
            Some(_) => return 0,
            None => 0,
        };
        self.promised.bytes().saturating_sub(has)
    }
}

/// In which state a domain is whose process has ended.
pub(crate) fn ended(directory: &Directory) -> DomainState {
    if directory.has(ASKED) || !directory.has(PID) {
        DomainState::Off
    } else {
        DomainState::Crashed
    }
}
