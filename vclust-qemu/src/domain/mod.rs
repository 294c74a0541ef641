//! A domain's directory: the definition, what runs, and the lines to it.
//!
//! | file | holds |
//! | --- | --- |
//! | `domain.json` | the configuration, from the moment the directory is there |
//! | `run.json` | that the domain was started, and as which process |
//! | `asked` | nothing; it is there once vclust has asked the domain to end |
//! | `qemu.pid` | written by QEMU, and removed by it when it ends in good order |
//! | `qemu.log` | what QEMU said |
//! | `console.log`, `console.old` | what the guest wrote to its console: the newest part, and the one before |
//! | `qmp.sock`, `console.sock`, `channel.sock` | lines to QEMU, the console, the agent |
//! | `memory` | the guest's memory, if it may be saved |

mod definition;
mod directory;
mod line;
mod run;

pub(crate) use definition::checked;
pub(crate) use directory::{Directory, LEFTOVER, define, lock, private_directory, read, sweep};
pub(crate) use line::{connect, line};
pub(crate) use run::{Run, ended};

pub(crate) const DEFINITION: &str = "domain.json";
pub(crate) const RUN: &str = "run.json";
pub(crate) const ASKED: &str = "asked";
pub(crate) const PID: &str = "qemu.pid";
pub(crate) const LOG: &str = "qemu.log";
pub(crate) const CONSOLE_LOG: &str = "console.log";
pub(crate) const CONSOLE_OLD: &str = "console.old";
pub(crate) const QMP: &str = "qmp.sock";
pub(crate) const CONSOLE: &str = "console.sock";
pub(crate) const CHANNEL: &str = "channel.sock";
pub(crate) const MEMORY: &str = "memory";
