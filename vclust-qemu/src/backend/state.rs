//! What domains do.

use std::fs;
use std::time::{Duration, Instant};

use serde_json::json;
use vclust_core::{Domain, DomainName, DomainState, HypervisorProblem};

use super::{Qemu, qmp_of};
use crate::domain::{Directory, LEFTOVER, Run, ended};
use crate::problem::Outcome;

/// How long looking at a domain waits for others who work with it.
const POLITE: Duration = Duration::from_millis(300);
/// How long a process may take to end once its QEMU has closed the line.
const ENDING: Duration = Duration::from_secs(2);

impl Qemu {
    /// What a domain does. If others work with it, its process is all there is to tell by.
    pub(super) fn look(&self, directory: &Directory) -> Outcome<DomainState> {
        self.look_within(directory, self.options.answer)
    }

    fn look_within(&self, directory: &Directory, answer: Duration) -> Outcome<DomainState> {
        if self.process(directory)?.is_none() {
            return at_rest(directory);
        }
        match directory.hold(POLITE.min(answer)) {
            Ok(()) => {
                let state = self.condition(directory, answer);
                directory.release();
                state
            }
            Err(HypervisorProblem::Late { .. }) => match self.process(directory)? {
                Some(_) => Ok(DomainState::Running),
                None => at_rest(directory),
            },
            Err(other) => Err(other),
        }
    }

    /// What a domain does that is held.
    pub(super) fn condition(
        &self,
        directory: &Directory,
        answer: Duration,
    ) -> Outcome<DomainState> {
        let Some(process) = self.process(directory)? else { return at_rest(directory) };
        let asked = qmp_of(directory, answer)
            .and_then(|mut qmp| Ok(qmp.execute("query-status", &json!({}))?));
        match asked {
            Ok(answer) => Ok(state_of(answer["status"].as_str().unwrap_or_default())),
            // it may just have ended; a hung one has not
            Err(HypervisorProblem::Late { deadline, said }) => {
                if process.is_alive() {
                    Err(HypervisorProblem::Late { deadline, said })
                } else {
                    at_rest(directory)
                }
            }
            Err(_) if process.ends_within(ENDING) => at_rest(directory),
            Err(other) => Err(other),
        }
    }

    /// All domains. Those whose QEMU does not answer soon run, as far as one can tell.
    pub(super) fn list_all(&self) -> Outcome<Vec<Domain>> {
        let entries = fs::read_dir(&self.directory)
            .map_err(HypervisorProblem::file("read", &self.directory))?;
        let mut names = Vec::new();
        for entry in entries {
            let name = entry.map_err(HypervisorProblem::file("read", &self.directory))?.file_name();
            let name = name.to_str().filter(|name| !name.starts_with(LEFTOVER));
            names.extend(name.and_then(|name| name.parse::<DomainName>().ok()));
        }
        names.sort();
        let end = Instant::now() + self.options.answer;
        let mut domains = Vec::new();
        for name in names {
            let left = end.saturating_duration_since(Instant::now());
            match self.entry(name, left.min(Duration::from_secs(1))) {
                Ok(domain) => domains.push(domain),
                // gone meanwhile
                Err(HypervisorProblem::Unknown) => {}
                Err(other) => return Err(other),
            }
        }
        Ok(domains)
    }

    fn entry(&self, name: DomainName, answer: Duration) -> Outcome<Domain> {
        let directory = Directory::find(&self.directory, &name)?;
        let state = match self.look_within(&directory, answer) {
            Err(HypervisorProblem::Late { .. }) => DomainState::Running,
            other => other?,
        };
        let process = self.process(&directory)?.map(|process| process.number);
        Ok(Domain { name, state, process })
    }
}

/// The state of a domain that has no process.
fn at_rest(directory: &Directory) -> Outcome<DomainState> {
    Ok(Run::of(directory)?.map_or(DomainState::Off, |_| ended(directory)))
}

/// What QEMU's word for a machine's state means.
fn state_of(status: &str) -> DomainState {
    match status {
        "running" | "suspended" | "shutdown" => DomainState::Running,
        "internal-error" | "guest-panicked" | "io-error" => DomainState::Crashed,
        _ => DomainState::Paused,
    }
}
