//! What vclust asks of a hypervisor, whichever it is.
//!
//! Deployment speaks to domains through [`Hypervisor`] alone, so that one flow brings up clusters
//! under QEMU and under Xen. A backend keeps what it needs to find its domains again, so that any
//! process may ask about domains that another one started.

mod configuration;
mod error;
mod mac;
mod name;

use std::io::{Read, Write};
use std::path::Path;
use std::time::Duration;

pub use configuration::{
    DiskAccess, DiskFormat, DomainBoot, DomainConfiguration, DomainDisk, DomainInterface,
    DomainLimits, DomainMemory, OnReboot,
};
pub use error::{HypervisorError, HypervisorProblem};
pub use mac::{MacAddress, MacAddressError};
pub use name::{DomainName, DomainNameError};

/// What a domain does.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum DomainState {
    /// It is defined and was never started, or it has ended in good order.
    Off,
    /// It runs.
    Running,
    /// It is held and takes no processor time.
    Paused,
    /// Its guest, or its hypervisor, ended in a way that nobody asked for.
    Crashed,
}

impl DomainState {
    /// Its name, as answers write it.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Off => "off",
            Self::Running => "running",
            Self::Paused => "paused",
            Self::Crashed => "crashed",
        }
    }

    /// Whether it holds memory of the host.
    #[must_use]
    pub fn is_active(self) -> bool {
        matches!(self, Self::Running | Self::Paused)
    }
}

/// A domain and what it does.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Domain {
    /// Its name.
    pub name: DomainName,
    /// What it does.
    pub state: DomainState,
    /// The process that runs it, if the hypervisor has one for each domain.
    pub process: Option<u32>,
}

/// Both directions of a line to a guest: its serial console, or the channel to vclust's agent.
///
/// Reading waits for bytes and ends, with no bytes, when the domain does.
pub struct DomainLine {
    /// What the guest says.
    pub reader: Box<dyn Read + Send>,
    /// What the guest is told.
    pub writer: Box<dyn Write + Send>,
}

impl std::fmt::Debug for DomainLine {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.debug_struct("DomainLine").finish_non_exhaustive()
    }
}

/// A hypervisor with the domains that were defined through it.
///
/// Calls that a scheduler repeats do no harm: stopping what is gone and killing what is off succeed.
/// Every call ends within a deadline of its own, and an error names the domain and what was tried.
pub trait Hypervisor: Send + Sync {
    /// Its name, as specs and histories write it.
    fn name(&self) -> &'static str;

    /// Makes a domain known, without starting it. From here on it is found by [`Self::list`], and
    /// whatever is started for it can be cleaned up by its name.
    ///
    /// A name that is in use is an error, unless the configuration is the same.
    fn define(&self, configuration: &DomainConfiguration) -> Result<(), HypervisorError>;

    /// Starts a domain that is off.
    fn start(&self, domain: &DomainName) -> Result<(), HypervisorError>;

    /// Starts a domain that is off from what [`Self::save`] left, and lets it run on.
    ///
    /// The configuration must have the devices of the domain that was saved. Its disks may be in other
    /// files, which must not be larger; the guest goes on to see the sizes it found. Any number of domains may
    /// start from one saved state, at once, and share the memory that they do not write.
    fn restore(&self, domain: &DomainName, from: &Path) -> Result<(), HypervisorError>;

    /// Saves a running or paused domain whose memory is [`DomainMemory::Saveable`] into a directory,
    /// which must be empty, and ends the domain.
    fn save(&self, domain: &DomainName, to: &Path) -> Result<(), HypervisorError>;

    /// Holds a domain.
    fn pause(&self, domain: &DomainName) -> Result<(), HypervisorError>;

    /// Lets a held domain go on.
    fn resume(&self, domain: &DomainName) -> Result<(), HypervisorError>;

    /// Asks a guest to switch itself off, and kills the domain at the deadline.
    fn stop(&self, domain: &DomainName, deadline: Duration) -> Result<(), HypervisorError>;

    /// Ends a domain at once.
    fn kill(&self, domain: &DomainName) -> Result<(), HypervisorError>;

    /// Forgets a domain that is off, with everything that was kept for it but its disks.
    fn undefine(&self, domain: &DomainName) -> Result<(), HypervisorError>;

    /// What a domain does.
    fn state(&self, domain: &DomainName) -> Result<DomainState, HypervisorError>;

    /// All domains, by name.
    fn list(&self) -> Result<Vec<Domain>, HypervisorError>;

    /// Waits until a domain is in one of the states, and answers which; it is an error if it is not by
    /// the deadline.
    fn wait(
        &self,
        domain: &DomainName,
        states: &[DomainState],
        deadline: Duration,
    ) -> Result<DomainState, HypervisorError>;

    /// What a guest has written to its serial console since it was started, at most so many bytes of
    /// the end.
    fn console_log(&self, domain: &DomainName, most: u64) -> Result<Vec<u8>, HypervisorError>;

    /// The serial console of a running domain.
    fn console(&self, domain: &DomainName) -> Result<DomainLine, HypervisorError>;

    /// The channel to the agent in a running domain. It is there from the start of the domain, whether
    /// or not the guest has opened its end.
    fn channel(&self, domain: &DomainName) -> Result<DomainLine, HypervisorError>;
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hypervisors_can_be_chosen_while_the_program_runs() {
        fn takes(_: Option<&dyn Hypervisor>) {}
        takes(None);
        assert!(DomainState::Paused.is_active() && !DomainState::Crashed.is_active());
        assert_eq!(DomainState::Off.name(), "off");
    }
}
