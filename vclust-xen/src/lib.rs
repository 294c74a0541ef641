//! Domains under Xen, for vclust: [`Xen`] is a [`vclust_core::Hypervisor`] over a directory.
//!
//! Everything goes through Xen's own tool stack, the programs `xl` and `xenstore-*`, each run with a
//! deadline ([`ToolStack`]). What they say about their success is not believed: `xl` answers 0 to the
//! unpausing of a domain that has crashed. So the state is read back after every change.
//!
//! A domain is known to Xen by its name and to vclust by its UUID, which it keeps when a reboot gives it
//! another number. Its definition is a file in the backend's directory, so that any process that opens
//! the same directory finds the same domains.
//!
//! Guests are PV or PVH and start from a kernel that vclust gives them. They need no device model:
//! console and agent share the first console, whose lines are told apart here.
//!
//! The parsers of [`recorded`] output are public, so that they can be fuzzed.

mod backend;
mod configuration;
mod host;
mod options;
mod parse;
mod problem;
mod tool_stack;

pub use backend::Xen;
pub use configuration::{Action, ConfigurationProblem, XlConfiguration, XlDisk, XlInterface};
pub use host::{Machine, console_daemon, keeps_consoles};
pub use options::{GuestKind, XenOptions};
pub use problem::XenProblem;
pub use tool_stack::ToolStack;

/// What programs of the tool stack print, read.
pub mod recorded {
    pub use crate::parse::{
        Configured, ConfiguredDisk, ConfiguredInterface, Failure, HostInformation, Listed,
        RunState, ShutdownReason, StoreEntry, Unreadable, Uuid, classify, configured,
        host_information, listed, store_entries, telling,
    };
}
