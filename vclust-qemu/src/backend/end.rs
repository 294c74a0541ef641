//! Ending domains, and what is left of them afterwards.

use std::time::Duration;

use serde_json::json;
use vclust_core::{DomainName, DomainState, HypervisorProblem};
use vclust_process::end_marked;

use super::{GONE, Qemu, qmp_of};
use crate::domain::{ASKED, CHANNEL, CONSOLE, Directory, MEMORY, PID, QMP, RUN, Run};
use crate::host::{Cgroup, private_file};
use crate::problem::Outcome;

/// How long a kill waits for others who work with the domain.
const POLITE: Duration = Duration::from_secs(2);

impl Qemu {
    pub(super) fn stop_within(&self, name: &DomainName, deadline: Duration) -> Outcome<()> {
        let directory = self.held(name)?;
        let Some(process) = self.process(&directory)? else { return self.tidy(&directory) };
        ask_to_end(&directory)?;
        // a guest that is held hears nothing; a QEMU that does not answer is killed in the end
        let answer = self.options.answer.min(deadline);
        let asked = qmp_of(&directory, answer).and_then(|mut qmp| {
            qmp.execute("cont", &json!({}))?;
            qmp.execute("system_powerdown", &json!({}))?;
            Ok(())
        });
        drop(directory);
        if asked.is_err() || !process.ends_within(deadline) {
            return self.kill_now(name);
        }
        let directory = self.held(name)?;
        // somebody may have started it again already
        if Run::of(&directory)?.is_some_and(|run| run.process == Some(process)) {
            return self.tidy(&directory);
        }
        Ok(())
    }

    pub(super) fn kill_now(&self, name: &DomainName) -> Outcome<()> {
        let directory = Directory::find(&self.directory, name)?;
        match directory.hold(POLITE) {
            Err(HypervisorProblem::Late { .. }) => {
                // whoever works with it will find it gone
                ask_to_end(&directory)?;
                let mark = self.mark_of(&directory)?;
                end_marked(&mark, Duration::ZERO)
                    .map_err(HypervisorProblem::file("end", directory.path()))?;
                directory.hold(GONE)?;
            }
            other => other?,
        }
        self.tidy(&directory)
    }

    pub(super) fn forget(&self, name: &DomainName) -> Outcome<()> {
        let directory = match self.held(name) {
            // somebody has
            Err(HypervisorProblem::Unknown) => return Ok(()),
            other => other?,
        };
        let state = self.condition(&directory, self.options.answer)?;
        if state.is_active() {
            return Err(HypervisorProblem::State { state });
        }
        self.tidy(&directory)?;
        directory.destroy()
    }

    /// Ends what is left of a domain's run, and removes what was there for it. The domain is off then.
    pub(super) fn tidy(&self, directory: &Directory) -> Outcome<()> {
        let Some(run) = Run::of(directory)? else { return Ok(()) };
        let mark = self.mark_of(directory)?;
        if let Some(process) = run.alive(&mark) {
            ask_to_end(directory)?;
            process.kill();
            if !process.ends_within(GONE) {
                let said = format!("nothing; {process} cannot be killed");
                return Err(HypervisorProblem::Late { deadline: GONE, said });
            }
        }
        run.settle();
        if let Some(cgroup) = &run.cgroup {
            Cgroup::remove(cgroup);
        }
        for name in [MEMORY, QMP, CONSOLE, CHANNEL, PID, RUN, ASKED] {
            directory.remove(name)?;
        }
        Ok(())
    }

    /// In which state a domain must be to be saved.
    pub(super) fn must_be_active(&self, directory: &Directory) -> Outcome<DomainState> {
        let state = self.condition(directory, self.options.answer)?;
        if state.is_active() { Ok(state) } else { Err(HypervisorProblem::State { state }) }
    }
}

/// Writes down that vclust wants a domain to end, so that its end is no crash.
pub(super) fn ask_to_end(directory: &Directory) -> Outcome<()> {
    let path = directory.file(ASKED);
    private_file(&path).map(drop).map_err(HypervisorProblem::file("write", &path))
}
