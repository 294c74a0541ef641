//! The arguments of `vclust simulate`.

use std::path::PathBuf;

use clap::{Args, ValueEnum, ValueHint};
use vclust_core::{ByteSize, Strategy};

use super::Source;

pub(super) const EXAMPLES: &str = "\
Policies, with their parameters and what these are if left out:
  paper:N,M          packages in at least M % of the last N requests (100,50)
  keep-used          every build's image is kept, the least recently used evicted (ORE Grid)
  golden:N           one image of what the first N requests share (100; VMPlants)
  static:N           the most requested sets of the first N requests (100; Virtual Workspaces)
  landlord:A         similar requests share an image, up to the Jaccard distance A (0.8; LANDLORD)
  expected-time:H,K  least expected build time, requests decayed with half-life H (10000; vclust's); K is
                     `layers` (also layers, where a strategy stacks them) or `images` (images alone)

Two oracles that know the trace stand beside them: the best images and layers that never change, of
which regret is told, and the best ones for each next period.

Examples:
  vclust simulate                                    all policies on this machine's source packages
  vclust simulate --policy paper:100,25 --policy expected-time --budget 2GB --budget 8GB
  vclust simulate --requests history.jsonl --nodes 4 --strategy install --strategy clone
  vclust simulate --packages-file Packages.xz --sources-file Sources.xz --format json";

#[derive(Debug, Args)]
pub(crate) struct Simulate {
    #[command(flatten)]
    pub(crate) source: Source,

    /// Draw requests from the build dependencies in this Sources file (plain, gz, xz, zst or lz4)
    /// instead of those of the machine's sources; can be given several times.
    #[arg(long, value_name = "SOURCES", value_hint = ValueHint::FilePath)]
    pub(crate) sources_file: Vec<PathBuf>,

    /// Replay the requests of this history (JSON lines), in its order.
    #[arg(long, value_name = "H.jsonl", conflicts_with_all = ["sources_file", "trace"],
          value_hint = ValueHint::FilePath)]
    pub(crate) requests: Option<PathBuf>,

    /// What to draw requests from.
    #[arg(long, value_enum, default_value_t = TraceKind::BuildDependencies)]
    pub(crate) trace: TraceKind,

    /// A policy; can be given several times [default: all of them].
    #[arg(long, value_name = "P")]
    pub(crate) policy: Vec<String>,

    /// What images and layers may take together, such as 4GB; can be given several times.
    #[arg(long, value_name = "SIZE", default_value = "4GB")]
    pub(crate) budget: Vec<ByteSize>,

    /// Nodes of each cluster; can be given several times.
    #[arg(long, value_name = "N", default_value = "16",
          value_parser = clap::value_parser!(u32).range(1..=100_000))]
    pub(crate) nodes: Vec<u32>,

    /// A strategy that builds may take; can be given several times.
    #[arg(long, value_name = "S", value_enum, default_value = "install")]
    pub(crate) strategy: Vec<StrategyName>,

    /// How many requests to draw.
    #[arg(long, value_name = "N", default_value_t = 34_000,
          value_parser = clap::value_parser!(u32).range(1..=10_000_000))]
    pub(crate) count: u32,

    /// Seed of what is drawn.
    #[arg(long, value_name = "N", default_value_t = 1)]
    pub(crate) seed: u64,

    /// Zipf's exponent of how popular requests are; 0 makes them all alike.
    #[arg(long, value_name = "X", default_value = "1", value_parser = exponent)]
    pub(crate) popularity: f64,

    /// Share of the popularity ranks that change hands in a thousand requests, from 0 to 1.
    #[arg(long, value_name = "X", default_value = "0.1", value_parser = share)]
    pub(crate) drift: f64,

    /// Learn how long phases take from this history (JSON lines) instead of from shipped values.
    #[arg(long, value_name = "H.jsonl", value_hint = ValueHint::FilePath)]
    pub(crate) history: Option<PathBuf>,

    /// The site of --history whose builds are simulated.
    #[arg(long, value_name = "SITE", default_value = "here")]
    pub(crate) site: String,

    /// Leave out the oracles.
    #[arg(long)]
    pub(crate) no_oracle: bool,
}

fn exponent(text: &str) -> Result<f64, String> {
    number(text, 10.0, "an exponent from 0 to 10")
}

fn share(text: &str) -> Result<f64, String> {
    number(text, 1.0, "a share from 0 to 1")
}

fn number(text: &str, most: f64, wanted: &str) -> Result<f64, String> {
    let parsed = text.parse().ok().filter(|number| (0.0..=most).contains(number));
    parsed.ok_or_else(|| format!("this is not {wanted}"))
}

/// What requests are drawn from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum TraceKind {
    /// What Debian's source packages need to be built.
    BuildDependencies,
    /// Debian's metapackages and tasks, those of the Blends among them.
    Metapackages,
}

/// How nodes get their root.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum StrategyName {
    /// Every node unpacks the image and installs what is missing.
    Install,
    /// What is missing is installed once, into a shared layer.
    Layers,
    /// As layers, and nodes start as copies of one that was booted.
    Clone,
}

impl StrategyName {
    /// The library's values for these, however often each was given.
    pub(crate) fn each_once(names: &[Self]) -> Vec<Strategy> {
        let wanted = |strategy: &Strategy| names.iter().any(|name| name.strategy() == *strategy);
        Strategy::ALL.into_iter().filter(wanted).collect()
    }

    /// The library's value for it.
    pub(crate) fn strategy(self) -> Strategy {
        match self {
            Self::Install => Strategy::Install,
            Self::Layers => Strategy::Layers,
            Self::Clone => Strategy::Clone,
        }
    }
}
