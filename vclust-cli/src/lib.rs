//! The command `vclust`: virtual clusters, fast.
//!
//! Glue only: arguments become calls of the library, answers become text or JSON. Results go to
//! stdout, everything else to stderr; the exit code is 0 for done, 1 for failed, 2 for misuse.
//! The program only calls [`run`], and so does `python -m vclust`.

mod arguments;
#[cfg(doctest)]
mod book;
mod commands;
mod failure;
mod interrupt;
mod load;
mod output;
mod output_file;
mod progress;
mod requests;
mod root;

use std::ffi::OsString;

use clap::Parser;
use tracing_subscriber::EnvFilter;

use arguments::{Arguments, Command};

/// Runs the command that the arguments name, the first of which is the program's own name, and answers with
/// which code to exit. Misuse, `--help` and `--version` print what they have to say and give 2 or 0.
///
/// Commands that need rights of root, or clean up after Ctrl-C, start this process's program again with
/// its own arguments, so these must be the ones that are given here. Logging is set up once.
pub fn run(arguments: impl IntoIterator<Item = OsString>) -> u8 {
    let arguments = match Arguments::try_parse_from(arguments) {
        Ok(arguments) => arguments,
        Err(error) => {
            // a terminal that went away is nobody's loss
            let _ = error.print();
            return u8::try_from(error.exit_code()).unwrap_or(2);
        }
    };
    let filter = EnvFilter::try_from_env("VCLUST_LOG").unwrap_or_else(|_| EnvFilter::new("warn"));
    tracing_subscriber::fmt().with_env_filter(filter).with_writer(std::io::stderr).try_init().ok();
    let format = arguments.format;
    let result = match &arguments.command {
        Command::Resolve(arguments) => commands::resolve::run(arguments, format),
        Command::Packages(arguments) => commands::packages::run(arguments, format),
        Command::Accuracy(arguments) => commands::accuracy::run(arguments, format),
        Command::History(arguments) => commands::history::run(arguments, format),
        Command::Plan(arguments) => commands::plan::run(arguments, format),
        Command::Up(arguments) => commands::up::run(arguments, format),
        Command::Ps(arguments) => commands::clusters::ps(arguments, format),
        Command::Ssh(arguments) => return commands::clusters::ssh(arguments, format),
        Command::Logs(arguments) => commands::clusters::logs(arguments, format),
        Command::Down(arguments) => commands::clusters::down(arguments, format),
        Command::Doctor(arguments) => commands::doctor::run(arguments, format),
        Command::Cache(arguments) => commands::cache::run(&arguments.command, format),
        Command::Simulate(arguments) => commands::simulate::run(arguments, format),
        Command::SimulateSite(arguments) => commands::simulate_site::run(arguments, format),
        Command::Measure(arguments) => commands::measure::run(&arguments.command, format),
        Command::Manual(arguments) => commands::manual::run(arguments),
        Command::Completions { shell } => commands::completions::run(*shell),
    };
    match result {
        Ok(()) => 0,
        Err(failure) => failure.report(format),
    }
}
