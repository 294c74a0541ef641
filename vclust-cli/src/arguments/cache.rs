//! The arguments of `vclust cache`.

use std::path::PathBuf;

use clap::{Args, Subcommand, ValueHint};
use vclust_core::ByteSize;

use super::build::{self, Build};
use super::{Source, StrategyName};

pub(super) const GENERATE_EXAMPLES: &str = "\
Policies: paper:N,M; keep-used; golden:N; static:N; landlord:A; expected-time:H,K. `vclust simulate
--help` tells what each does, and `vclust simulate` what came of it on a trace of requests.

Examples:
  vclust cache generate --explain                        what vclust's own policy would build
  vclust cache generate --policy paper:100,50 --budget 2GB
  vclust --format json cache generate > images.json; vclust plan SPEC.toml --images images.json";

#[derive(Debug, Args)]
#[command(arg_required_else_help = true)]
pub(crate) struct Cache {
    #[command(subcommand)]
    pub(crate) command: CacheCommand,
}

#[derive(Debug, Subcommand)]
pub(crate) enum CacheCommand {
    /// Tell which images and layers a policy would have the repository hold, from the requests of the past.
    ///
    /// The requests of the history are shown to the policy in their order; what it would hold
    /// afterwards is the answer, with what that is expected to save.
    #[command(after_help = GENERATE_EXAMPLES)]
    Generate(Generate),
    /// Build an image, or a layer over one, and keep it in the repository.
    ///
    /// The packages are resolved, fetched, verified, installed and made a read-only file system.
    /// What is there already is not built again. Root's rights are taken from a user namespace
    /// where there are no others.
    #[command(after_help = build::EXAMPLES)]
    Build(Build),
}

#[derive(Debug, Args)]
pub(crate) struct Generate {
    #[command(flatten)]
    pub(crate) source: Source,

    /// The policy.
    #[arg(long, value_name = "P", default_value = "expected-time")]
    pub(crate) policy: String,

    /// Take requests and measurements from this file (JSON lines) instead of the site's history.
    #[arg(long, value_name = "H.jsonl", value_hint = ValueHint::FilePath)]
    pub(crate) history: Option<PathBuf>,

    /// The images and layers that are there now: a JSON document as this command prints it.
    #[arg(long, value_name = "IMAGES.json", value_hint = ValueHint::FilePath)]
    pub(crate) images: Option<PathBuf>,

    /// What images and layers may take together.
    #[arg(long, value_name = "SIZE", default_value = "4GB")]
    pub(crate) budget: ByteSize,

    /// Nodes of a usual cluster [default: the median of the requests].
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..=100_000))]
    pub(crate) nodes: Option<u32>,

    /// A strategy that builds may take; can be given several times [default: all].
    #[arg(long, value_name = "S", value_enum)]
    pub(crate) strategy: Vec<StrategyName>,

    /// The site whose measurements count; requests count whatever site served them.
    #[arg(long, value_name = "SITE", default_value = "here")]
    pub(crate) site: String,

    /// Tell of each image and layer which packages it adds, what it saves, and what would be lost without it.
    #[arg(long)]
    pub(crate) explain: bool,
}
