//! Starting domains, from their configuration or from a saved state, and what starts them anew.

use std::fs;
use std::path::Path;
use std::time::Duration;

use vclust_core::{ByteSize, DomainName, DomainState, HypervisorProblem};

use super::record::{Record, Run};
use super::save::Saved;
use super::state::{is_in_the_making, of};
use super::{Xen, looks, restarts, script};
use crate::configuration::XlConfiguration;
use crate::parse::Listed;
use crate::problem::{Outcome, XenProblem};

/// Holds on a domain that are taken off at most.
const HOLDS: u32 = 32;

impl Xen {
    pub(super) fn start_from(&self, name: &DomainName, from: Option<&Path>) -> Outcome<()> {
        let record = self.held(name)?;
        self.must_be_startable(&record)?;
        let kind = self.find_kind()?;
        let script = script::write(&self.directory)?;
        let own = XlConfiguration::of(record.configuration(), record.uuid(), kind, Some(&script))
            .map_err(XenProblem::Configuration)?;
        let saved = from.map(|from| Saved::open(from, &own)).transpose()?;
        let text = own.to_string();
        let path = record.write_configuration(&text)?;
        let mark = self.mark_of(name)?;
        let _turn = self.queue.enter(own.host_memory_mib(), || {
            let host = self.tools.information()?;
            let free = host.free_mib.saturating_sub(host.claimed_mib);
            // where it is not fixed, the tool stack takes memory from the control domain's
            Ok(host.has_fixed_control_memory().then_some(free))
        })?;
        let log_begin = fs::metadata(self.log_of(name)).map_or(0, |log| log.len());
        record.write_run(Run { log_begin })?;
        let made = match &saved {
            Some(saved) => self.tools.restore(&path, &saved.state(), &mark),
            None => self.tools.create(&path, &mark),
        };
        let made = made.and_then(|()| self.must_have_started(&record));
        if made.is_err() {
            // half a domain may be there, whatever was said about it
            let _ = self.clear(&record);
        }
        made
    }

    /// That a domain is off and its name is nobody else's; what is left of its last run goes.
    fn must_be_startable(&self, record: &Record) -> Outcome<()> {
        let listed = self.tools.list()?;
        let name = record.name().as_str();
        let other = |domain: &&Listed| domain.name == name && domain.uuid != Some(record.uuid());
        if let Some(other) = listed.iter().find(other) {
            return Err(XenProblem::Foreign { id: other.id }.into());
        }
        match listed.iter().find(|domain| domain.uuid == Some(record.uuid())) {
            Some(own) if of(own).is_active() => Err(HypervisorProblem::State { state: of(own) }),
            // nothing can be left of what was never started
            None if record.run()?.is_none() => Ok(()),
            _ => self.clear(record),
        }
    }

    /// That a domain which is said to be made is there. One that has ended by now has started, too.
    fn must_have_started(&self, record: &Record) -> Outcome<()> {
        match self.tools.find(record.uuid())? {
            Some(found) if of(&found) == DomainState::Paused => self.unpause(record),
            _ => Ok(()),
        }
    }

    /// Holds a domain once, as Xen counts.
    pub(super) fn hold_domain(&self, name: &DomainName) -> Outcome<()> {
        let record = self.held(name)?;
        let found = self.found_active(&record)?;
        if of(&found) == DomainState::Paused {
            return Ok(());
        }
        self.tools.pause(found.id)?;
        match self.tools.find(record.uuid())?.as_ref().map(of) {
            Some(DomainState::Paused) => Ok(()),
            other => Err(not_done("xl pause", other)),
        }
    }

    pub(super) fn let_go_on(&self, name: &DomainName) -> Outcome<()> {
        let record = self.held(name)?;
        self.found_active(&record)?;
        self.unpause(&record)
    }

    /// Takes off all holds, however many there are.
    pub(super) fn unpause(&self, record: &Record) -> Outcome<()> {
        for _ in 0..HOLDS {
            match self.tools.find(record.uuid())? {
                Some(found) if of(&found) == DomainState::Paused => self.tools.unpause(found.id)?,
                Some(found) if of(&found) == DomainState::Running => return Ok(()),
                other => return Err(not_done("xl unpause", other.as_ref().map(of))),
            }
        }
        Err(not_done("xl unpause", Some(DomainState::Paused)))
    }

    /// The line of a domain that runs or is paused.
    pub(super) fn found_active(&self, record: &Record) -> Outcome<Listed> {
        match self.tools.find(record.uuid())? {
            Some(found) if of(&found).is_active() => Ok(found),
            other => {
                let state = other.as_ref().map_or(DomainState::Off, of);
                Err(HypervisorProblem::State { state })
            }
        }
    }

    pub(super) fn restart(&self, name: &DomainName, deadline: Duration) -> Outcome<()> {
        let mut looks = looks(deadline);
        let record = self.held(name)?;
        let before = self.found_active(&record)?;
        if !restarts(record.configuration()) {
            return Err(XenProblem::NoRestart.into());
        }
        self.unpause(&record)?;
        self.tools.reboot(before.id, deadline)?;
        loop {
            let found = self.tools.find(record.uuid())?;
            let is_new = |found: &Listed| found.id != before.id && !is_in_the_making(found);
            if found.as_ref().is_some_and(|found| is_new(found) && of(found).is_active()) {
                return Ok(());
            }
            if !looks.again() {
                let said = "the guest has not started again".to_owned();
                return Err(HypervisorProblem::Late { deadline, said });
            }
        }
    }

    pub(super) fn resize(
        &self,
        name: &DomainName,
        memory: ByteSize,
        deadline: Duration,
    ) -> Outcome<()> {
        let mut looks = looks(deadline);
        let record = self.held(name)?;
        let before = self.found_active(&record)?;
        let wanted = memory.bytes().div_ceil(1 << 20);
        self.tools.set_memory(before.id, memory)?;
        loop {
            let has = self.found_active(&record)?.memory_mib;
            // the list rounds, and a guest keeps a page or two
            if has.abs_diff(wanted) <= 1 {
                return Ok(());
            }
            if !looks.again() {
                let said = format!("the guest has {has} MiB");
                return Err(HypervisorProblem::Late { deadline, said });
            }
        }
    }
}

fn not_done(program: &'static str, state: Option<DomainState>) -> HypervisorProblem {
    let state = state.map_or("gone", DomainState::name);
    XenProblem::NotDone { program, state }.into()
}
