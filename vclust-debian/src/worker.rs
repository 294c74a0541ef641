//! This program once more, as a worker that can be killed at any moment.

use std::ffi::OsString;
use std::io;
use std::process::{Child, Command};

use crate::command::die_with_parent;

/// Starts this process's program again with the same arguments, input and outputs. In its environment,
/// `variable` holds this process's id. It is killed with the thread that starts it.
pub fn start_worker(variable: &str) -> io::Result<Child> {
    let arguments: Vec<OsString> = std::env::args_os().skip(1).collect();
    let mut command = Command::new(std::env::current_exe()?);
    command.args(arguments).env(variable, std::process::id().to_string());
    die_with_parent(&mut command);
    command.spawn()
}
