//! Ending domains, and what is left of them afterwards.

use std::time::{Duration, Instant};

use vclust_core::{DomainName, HypervisorProblem};
use vclust_process::end_marked;

use super::record::Record;
use super::state::of;
use super::{Xen, looks};
use crate::problem::{Outcome, XenProblem};

/// How long Xen may take to remove a domain that it was told to.
const GONE: Duration = Duration::from_secs(30);
/// How long a kill waits for others who work with the domain.
const POLITE: Duration = Duration::from_secs(2);

impl Xen {
    pub(super) fn stop_within(&self, name: &DomainName, deadline: Duration) -> Outcome<()> {
        let end = Instant::now() + deadline;
        let record = self.held(name)?;
        let Some(found) = self.tools.find(record.uuid())? else { return self.clear(&record) };
        if of(&found).is_active() {
            // a guest that is held hears nothing, and one that hears nothing is killed in the end
            let asked = self.unpause(&record).and_then(|()| {
                let left = end.saturating_duration_since(Instant::now());
                self.tools.shut_down(found.id, left)
            });
            if let Err(HypervisorProblem::Missing { .. }) = asked {
                return asked;
            }
            drop(record);
            if asked.is_ok() {
                self.wait_for_end(name, end)?;
            }
        } else {
            drop(record);
        }
        self.kill_now(name)
    }

    /// Waits until a domain has ended, or until the deadline.
    fn wait_for_end(&self, name: &DomainName, end: Instant) -> Outcome<()> {
        let mut looks = looks(end.saturating_duration_since(Instant::now()));
        loop {
            let record = Record::find(&self.directory, name)?;
            let found = self.tools.find(record.uuid())?;
            if !found.is_some_and(|found| of(&found).is_active()) || !looks.again() {
                return Ok(());
            }
        }
    }

    pub(super) fn kill_now(&self, name: &DomainName) -> Outcome<()> {
        let record = Record::find(&self.directory, name)?;
        match record.hold(POLITE) {
            // whoever works with it finds it gone
            Ok(()) | Err(HypervisorProblem::Late { .. }) => self.clear(&record),
            Err(other) => Err(other),
        }
    }

    pub(super) fn forget(&self, name: &DomainName) -> Outcome<()> {
        let record = match self.held(name) {
            // somebody has
            Err(HypervisorProblem::Unknown) => return Ok(()),
            other => other?,
        };
        if let Some(found) = self.tools.find(record.uuid())? {
            let state = of(&found);
            if state.is_active() {
                return Err(HypervisorProblem::State { state });
            }
        }
        self.clear(&record)?;
        record.remove()
    }

    /// Removes what Xen has of a domain, and ends what looks after it in this system. `xl destroy` may
    /// fail because somebody else was faster, so what counts is that the domain is gone.
    pub(super) fn clear(&self, record: &Record) -> Outcome<()> {
        if record.run()?.is_none() && self.tools.find(record.uuid())?.is_none() {
            return Ok(());
        }
        // first who would start it again, or is about to make it
        let mark = self.mark_of(record.name())?;
        end_marked(&mark, Duration::ZERO)
            .map_err(|error| HypervisorProblem::Other(Box::new(error)))?;
        let mut looks = looks(GONE);
        let mut last = Ok(());
        while let Some(found) = self.tools.find(record.uuid())? {
            if looks.left().is_zero() {
                last?;
                let state = of(&found).name();
                return Err(XenProblem::NotDone { program: "xl destroy", state }.into());
            }
            if found.state.dying {
                // others hold pages of it, such as a backend that is about to let go
                looks.again();
            } else {
                last = self.tools.destroy(found.id);
            }
        }
        Ok(())
    }
}
