//! Saving domains.

use std::path::Path;

use serde_json::json;
use vclust_core::{DomainMemory, DomainName, HypervisorProblem};

use super::end::ask_to_end;
use super::start::{migration_capabilities, migration_ends};
use super::{GONE, Qemu, qmp_of};
use crate::domain::{Directory, MEMORY, Run};
use crate::host::move_sparse;
use crate::machine::Shape;
use crate::problem::{Outcome, QemuProblem};
use crate::saved::Saving;

impl Qemu {
    pub(super) fn save_to(&self, name: &DomainName, to: &Path) -> Outcome<()> {
        let directory = self.held(name)?;
        let configuration = directory.configuration()?;
        if configuration.memory_use != DomainMemory::Saveable {
            return Err(HypervisorProblem::NotSaveable);
        }
        self.must_be_active(&directory)?;
        if Run::of(&directory)?.is_some_and(|run| run.cloned) {
            return Err(QemuProblem::Clone.into());
        }
        // what a guest knows of its machine, while its disks are there
        let shape = Shape::of(&configuration, self.find_acceleration()?)?;
        let saving = Saving::into(to)?;
        let qemu = self.write_state(&directory, &saving)?;
        let memory = directory.file(MEMORY);
        move_sparse(&memory, &saving.memory()).map_err(HypervisorProblem::file("move", &memory))?;
        saving.finish(&qemu, shape)?;
        self.tidy(&directory)
    }

    /// Has QEMU write the state of its devices, and end. Answers its version.
    fn write_state(&self, directory: &Directory, saving: &Saving) -> Outcome<String> {
        let patience = self.options.patience;
        let mut qmp = qmp_of(directory, self.options.answer)?;
        qmp.execute("stop", &json!({}))?;
        let written = migration_capabilities(&mut qmp)
            .and_then(|()| Ok(qmp.hand("state", saving.state())?))
            .and_then(|()| Ok(qmp.execute("migrate", &json!({ "uri": "fd:state" }))?))
            .and_then(|_| migration_ends(&mut qmp, patience));
        if let Err(problem) = written {
            let _ = qmp.execute("migrate_cancel", &json!({}));
            let _ = qmp.execute("cont", &json!({}));
            return Err(problem);
        }
        ask_to_end(directory)?;
        let version = qmp.version().to_owned();
        let process = self.process(directory)?;
        // whether it still answers does not matter any more
        let _ = qmp.execute("quit", &json!({}));
        if process.is_some_and(|process| !process.ends_within(GONE)) {
            let said = "nothing; it does not end".to_owned();
            return Err(HypervisorProblem::Late { deadline: GONE, said });
        }
        Ok(version)
    }
}
