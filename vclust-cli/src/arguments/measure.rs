//! The arguments of `vclust measure`.

use clap::{Args, Subcommand};

use super::Source;

const EXAMPLES: &str = "\
Each set is installed over a base image, in an overlay that is thrown away. Packages are fetched
before the clock starts. What was measured goes to the history, and estimates learn from it.

Examples:
  vclust measure install --sets 20
  vclust measure install --sets 5 --seed 7 --base 1fc8f565
  vclust measure install --packages octave --packages gcc,make";

#[derive(Debug, Args)]
#[command(arg_required_else_help = true)]
pub(crate) struct Measure {
    #[command(subcommand)]
    pub(crate) command: MeasureCommand,
}

#[derive(Debug, Subcommand)]
pub(crate) enum MeasureCommand {
    /// Install package sets for real, and record how long each took.
    #[command(after_help = EXAMPLES)]
    Install(MeasureInstall),
}

#[derive(Debug, Args)]
pub(crate) struct MeasureInstall {
    #[command(flatten)]
    pub(crate) source: Source,

    /// How many sets are drawn.
    #[arg(long, value_name = "K", default_value_t = 5, conflicts_with = "packages")]
    pub(crate) sets: usize,

    /// What they are drawn by: the same seed draws the same sets from the same index.
    #[arg(long, value_name = "S", default_value_t = 1)]
    pub(crate) seed: u64,

    /// Install this set, packages separated by commas, instead of drawn ones; can be given several
    /// times, once for each set.
    #[arg(long, value_name = "P,...")]
    pub(crate) packages: Vec<String>,

    /// The image to install over; built first if there is no minimal one.
    #[arg(long, value_name = "ID", default_value = "minimal")]
    pub(crate) base: String,

    /// Leave sets out that would install more packages than this.
    #[arg(long, value_name = "N", default_value_t = 300)]
    pub(crate) limit: usize,

    /// The site that the history has the measurements under.
    #[arg(long, value_name = "SITE", default_value = "here")]
    pub(crate) site: String,
}
