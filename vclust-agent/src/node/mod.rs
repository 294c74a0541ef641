//! The agent in its node.
//!
//! As the first process it brings the node up by itself: no shell, no other program, since each program
//! that starts costs more than everything the agent does. What is not needed to answer the head node
//! waits until the root is there.

mod channel;
mod console;
mod disks;
mod error;
mod files;
mod identity;
mod install;
mod modules;
mod network;
mod power;
mod processes;
mod random;
mod root;
mod service;
mod ssh;
mod start;
mod table;

use std::process::ExitCode;

pub use error::AgentError;

use crate::protocol::with_causes;

/// Runs the agent until the node is switched off.
#[must_use]
pub fn run() -> ExitCode {
    if let Some(taken) = install::take_down_lease() {
        return taken.map_or(ExitCode::FAILURE, |()| ExitCode::SUCCESS);
    }
    let service = std::env::args().nth(1).as_deref() == Some("service");
    if std::process::id() != 1 && !service {
        eprintln!("this is the first program of a vclust node; nothing else should start it");
        return ExitCode::FAILURE;
    }
    let ended = if service { service::run() } else { start::run() };
    let Err(error) = ended else { return ExitCode::SUCCESS };
    console::say(&format!("this node cannot go on: {}", with_causes(&error)));
    if !service {
        power::off();
    }
    ExitCode::FAILURE
}
