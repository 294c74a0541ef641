//! The program `vclust`.

use std::process::ExitCode;

fn main() -> ExitCode {
    ExitCode::from(vclust_cli::run(std::env::args_os()))
}
