//! The command `vclust`: virtual clusters, fast.
//!
//! Glue only: arguments become calls of the library, answers become text or JSON. Results go to
//! stdout, everything else to stderr; the exit code is 0 for done, 1 for failed, 2 for misuse.

mod arguments;
mod commands;
mod failure;
mod interrupt;
mod lists;
mod load;
mod output;
mod output_file;
mod progress;
mod requests;
mod root;
mod site;

use std::process::ExitCode;

use clap::Parser;
use tracing_subscriber::EnvFilter;

use arguments::{Arguments, Command};

fn main() -> ExitCode {
    let arguments = Arguments::parse();
    let filter = EnvFilter::try_from_env("VCLUST_LOG").unwrap_or_else(|_| EnvFilter::new("warn"));
    tracing_subscriber::fmt().with_env_filter(filter).with_writer(std::io::stderr).init();
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
        Command::Completions { shell } => commands::completions::run(*shell),
    };
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => failure.report(format),
    }
}
