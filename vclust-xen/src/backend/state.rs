//! What domains do, by what Xen's list says.

use vclust_core::{Domain, DomainName, DomainState, HypervisorProblem};
use vclust_process::marked;

use super::record::{Record, names};
use super::{Xen, restarts};
use crate::parse::{Listed, ShutdownReason};
use crate::problem::Outcome;

/// The state that a line of the list tells.
pub(super) fn of(domain: &Listed) -> DomainState {
    let state = domain.state;
    if state.shut_down && state.reason == ShutdownReason::Crash {
        DomainState::Crashed
    } else if state.shut_down || state.dying {
        DomainState::Off
    } else if state.paused {
        DomainState::Paused
    } else {
        DomainState::Running
    }
}

/// Whether a domain is still being made: Xen knows it, and it has nothing yet.
pub(super) fn is_in_the_making(domain: &Listed) -> bool {
    domain.memory_mib == 0 || domain.processors == 0
}

impl Xen {
    /// What a domain does.
    pub(super) fn look(&self, name: &DomainName) -> Outcome<DomainState> {
        let record = Record::find(&self.directory, name)?;
        let found = self.tools.find(record.uuid())?;
        self.condition(&record, found.as_ref())
    }

    /// What a domain does, with its line of the list.
    fn condition(&self, record: &Record, found: Option<&Listed>) -> Outcome<DomainState> {
        match found.filter(|found| of(found) != DomainState::Off) {
            None if restarts(record.configuration()) && self.is_looked_after(record)? => {
                // between its end and its beginning Xen does not know it
                Ok(DomainState::Running)
            }
            None => Ok(DomainState::Off),
            // until it is whole a domain is paused
            Some(found) if of(found) == DomainState::Paused => {
                let is_made = !is_in_the_making(found) && record.try_hold()?;
                Ok(if is_made { DomainState::Paused } else { DomainState::Running })
            }
            Some(found) => Ok(of(found)),
        }
    }

    /// Whether a program waits for a domain's end, to let it start again.
    fn is_looked_after(&self, record: &Record) -> Outcome<bool> {
        if record.run()?.is_none() {
            return Ok(false);
        }
        let mark = self.mark_of(record.name())?;
        let found = marked(&mark).map_err(|error| HypervisorProblem::Other(Box::new(error)))?;
        Ok(!found.is_empty())
    }

    /// All domains of the directory, by one call for all.
    pub(super) fn list_all(&self) -> Outcome<Vec<Domain>> {
        let names = names(&self.directory)?;
        if names.is_empty() {
            return Ok(Vec::new());
        }
        let listed = self.tools.list()?;
        let mut domains = Vec::new();
        for name in names {
            let record = match Record::find(&self.directory, &name) {
                Ok(record) => record,
                // gone meanwhile
                Err(HypervisorProblem::Unknown) => continue,
                Err(other) => return Err(other),
            };
            let found = listed.iter().find(|domain| domain.uuid == Some(record.uuid()));
            let state = self.condition(&record, found)?;
            domains.push(Domain { name, state, process: None });
        }
        Ok(domains)
    }
}
