//! The arguments of `vclust manual`.

use std::path::PathBuf;

use clap::{Args, ValueHint};

#[derive(Debug, Args)]
pub(crate) struct Manual {
    /// Write a man page for each command into this directory, instead of printing the book's page.
    #[arg(long, value_name = "DIRECTORY", value_hint = ValueHint::DirPath)]
    pub(crate) man_pages: Option<PathBuf>,
}
