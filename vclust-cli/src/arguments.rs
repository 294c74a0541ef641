//! The command line, as clap reads it. Its texts are the reference that users see.

#![expect(clippy::doc_markdown, reason = "the texts are shown on terminals, without markup")]

pub(crate) mod build;
mod cache;
mod history;
mod manual;
mod measure;
mod plan;
mod simulate;
mod up;

use std::path::PathBuf;

use clap::{Args, Parser, Subcommand, ValueEnum, ValueHint};
use clap_complete::Shell;

use crate::commands;
pub(crate) use cache::{
    Cache, CacheCommand, CollectImages, ExportImage, Generate, ShowImage, VerifyImages,
};
pub(crate) use history::{History, HistoryCommand};
pub(crate) use manual::Manual;
pub(crate) use measure::{Measure, MeasureCommand, MeasureInstall};
pub(crate) use plan::Plan;
pub(crate) use simulate::{Simulate, StrategyName, TraceKind};
pub(crate) use up::{Choice, Doctor, Down, Logs, NodeName, Ps, Ssh, Up};

/// Virtual clusters, fast.
#[derive(Debug, Parser)]
#[command(
    name = "vclust",
    version,
    propagate_version = true,
    subcommand_required = true,
    arg_required_else_help = true,
    after_help = "Examples:\n  \
        vclust up --nodes 4 --packages openmpi-bin   a cluster of four machines\n  \
        vclust ssh cluster/1                      log in to its first node\n  \
        vclust down cluster                       and remove it\n  \
        vclust resolve octave openmpi-bin         what two packages bring along\n  \
        vclust resolve meta:openmpi --root minimal   the same for a meta-package, onto a minimal root\n  \
        vclust packages search '^lib.*mpi'        find packages by name and description\n  \
        vclust packages why octave libc6          why one package needs another"
)]
pub(crate) struct Arguments {
    /// How answers are printed.
    #[arg(long, global = true, value_enum, default_value_t = Format::Text, env = "VCLUST_FORMAT")]
    pub(crate) format: Format,

    #[command(subcommand)]
    pub(crate) command: Command,
}

/// Form of an answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Format {
    /// For people.
    Text,
    /// One JSON document on stdout.
    Json,
}

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Tell which packages, in which versions, a request adds to a root.
    ///
    /// The answer is what `apt-get install` of apt 2.6 would do to that root, in install order.
    /// A request that cannot be fulfilled ends with exit code 1 and the chain that fails.
    #[command(after_help = RESOLVE_EXAMPLES)]
    Resolve(Resolve),
    /// Search, show and explain packages, and fetch their indexes.
    Packages(Packages),
    /// Compare estimates with measurements: what is learned from one history, over another.
    ///
    /// For each estimator: number of estimates, median, 90th percentile and largest relative error,
    /// and the share of measurements inside the 90 % interval.
    Accuracy(Accuracy),
    /// Import, export and list what was requested and measured.
    ///
    /// Estimates learn from it. It is kept in the state directory, in the file history.sqlite.
    #[command(after_help = history::EXAMPLES)]
    History(History),
    /// Tell how a cluster would be built: every image and strategy with what it would take.
    ///
    /// The spec's packages are resolved, each candidate's phases are estimated from the site's
    /// history, and the cheapest is chosen. Nothing is built.
    #[command(after_help = plan::EXAMPLES)]
    Plan(Plan),
    /// Bring up a virtual cluster: machines with what the spec asks for, ready to be used.
    ///
    /// The plan is the one that `vclust plan` shows. What it needs and is not there is made first; then
    /// the cluster's network, keys and machines. What each phase took is recorded, so that the next
    /// plan knows better. Ctrl-C, and any failure, leaves nothing behind.
    #[command(after_help = up::EXAMPLES)]
    Up(Up),
    /// List clusters, or the nodes of some.
    Ps(Ps),
    /// Log in to a node, or run a command there.
    Ssh(Ssh),
    /// Show what a node has written to its console.
    Logs(Logs),
    /// Remove clusters, with their machines and disks.
    Down(Down),
    /// Tell what this machine can do for clusters, what is missing, and how to mend that.
    Doctor(Doctor),
    /// Build, list, check, export and remove images, and decide which are worth keeping.
    Cache(Cache),
    /// Replay requests through cache policies and compare the builds that come of it.
    ///
    /// Each request is served from the image and by the strategy that are cheapest among what the
    /// policy keeps at that moment, with the estimators as the clock. Without --sources-file and
    /// --requests the requests are what this machine's source packages need to be built.
    #[command(after_help = simulate::EXAMPLES)]
    Simulate(Simulate),
    /// Tell how long a site takes to build a cluster, by strategy and method, up to 100,000 nodes.
    ///
    /// A simulation of the site's links, disks, processors and hypervisors: for each phase, when the
    /// last node was through, and what took most of the time. With JSON: each phase's first, median
    /// and last node, and how much each resource was used.
    #[command(after_help = commands::simulate_site::EXAMPLES)]
    SimulateSite(commands::simulate_site::Arguments),
    /// Measure on this machine what estimates learn from.
    Measure(Measure),
    /// Print a completion script for a shell.
    ///
    /// For bash: vclust completions bash > /etc/bash_completion.d/vclust
    Completions {
        /// The shell.
        #[arg(value_enum)]
        shell: Shell,
    },
    /// Print the reference of the command line, or write it as man pages.
    #[command(hide = true)]
    Manual(Manual),
}

const RESOLVE_EXAMPLES: &str = "\
Without --installed and --root the root is empty. Without --packages-file the package indexes are
those that `vclust packages update` fetched, or else those of this machine's apt.

PACKAGE is what apt takes: name, name=version, name/suite, name:architecture, name- to remove;
or a meta-package: meta:NAME (a plain name is a package first), task:NAME for Debian's tasks.

Examples:
  vclust resolve --installed /var/lib/dpkg/status gcc make
  vclust resolve --root minimal --install-recommends octave
  vclust --format json resolve --packages-file Packages.xz --installed status g++ libopenmpi-dev";

/// Where package indexes come from.
#[derive(Debug, Clone, Args)]
pub(crate) struct Source {
    /// Read this Packages file (plain, gz, xz, zst or lz4) instead of the machine's indexes; can
    /// be given several times, in apt's order of sources. An InRelease file beside it, named as in
    /// apt's lists, tells its suite.
    #[arg(long, value_name = "F", value_hint = ValueHint::FilePath)]
    pub(crate) packages_file: Vec<PathBuf>,

    /// Use the suite of this archive (http, https or file) instead of the machine's sources; its
    /// indexes are fetched and verified the first time, and by `vclust packages update`.
    #[arg(long, value_name = "URI", requires = "suite", conflicts_with = "packages_file")]
    pub(crate) mirror: Option<String>,

    /// The suite of --mirror, such as bookworm; a path that ends in / is a flat repository.
    #[arg(long, value_name = "S", requires = "mirror")]
    pub(crate) suite: Option<String>,

    /// A component of --suite; can be given several times [default: main].
    #[arg(long, value_name = "C", requires = "mirror")]
    pub(crate) component: Vec<String>,

    /// The keyring whose keys may sign --suite, instead of those that apt trusts.
    #[arg(long, value_name = "F", requires = "mirror", value_hint = ValueHint::FilePath)]
    pub(crate) keyring: Option<PathBuf>,

    /// The root's architecture; by default the machine's, or the one that the files are for.
    #[arg(long, value_name = "A")]
    pub(crate) architecture: Option<String>,

    /// Also take packages of this architecture, as after `dpkg --add-architecture`.
    #[arg(long, value_name = "A")]
    pub(crate) foreign_architecture: Vec<String>,
}

/// What the root holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Root {
    /// Nothing.
    Empty,
    /// All essential packages and apt: what `mmdebstrap --variant=minbase` makes.
    Minimal,
}

#[derive(Debug, Args)]
pub(crate) struct Resolve {
    #[command(flatten)]
    pub(crate) source: Source,

    /// The root's dpkg status file.
    #[arg(long, value_name = "STATUS-FILE", value_hint = ValueHint::FilePath)]
    pub(crate) installed: Option<PathBuf>,

    /// A root that vclust makes up from the index.
    #[arg(long, value_enum, conflicts_with = "installed")]
    pub(crate) root: Option<Root>,

    /// Install recommended packages, too.
    #[arg(long)]
    pub(crate) install_recommends: bool,

    /// Read further meta-packages from this TOML file.
    #[arg(long, value_name = "TOML", value_hint = ValueHint::FilePath)]
    pub(crate) meta_packages: Vec<PathBuf>,

    /// What to install or remove.
    #[arg(required = true, value_name = "PACKAGE")]
    pub(crate) packages: Vec<String>,
}

#[derive(Debug, Args)]
pub(crate) struct Accuracy {
    #[command(flatten)]
    pub(crate) source: Source,

    /// Learn from this history: JSON lines.
    #[arg(long, required = true, value_name = "H.jsonl", value_hint = ValueHint::FilePath)]
    pub(crate) train: PathBuf,

    /// Estimate what this history measured: JSON lines.
    #[arg(long, required = true, value_name = "H.jsonl", value_hint = ValueHint::FilePath)]
    pub(crate) test: PathBuf,

    /// Leave out lines that hold no possible event, telling which, instead of giving up.
    #[arg(long)]
    pub(crate) skip_bad_lines: bool,
}

#[derive(Debug, Args)]
#[command(arg_required_else_help = true)]
pub(crate) struct Packages {
    #[command(subcommand)]
    pub(crate) command: PackagesCommand,
}

#[derive(Debug, Subcommand)]
pub(crate) enum PackagesCommand {
    /// Fetch and verify the indexes of the machine's sources, or of --mirror.
    ///
    /// They are kept in the state directory, unpacked, and the next command reads them from there.
    /// If anything about a suite is wrong - its signature, its date, a hash, a size - the update
    /// fails and the indexes of before stay.
    Update {
        #[command(flatten)]
        source: Source,
        /// Fetch the indexes of source packages, too.
        #[arg(long)]
        sources: bool,
    },
    /// Find packages whose name or description matches.
    Search {
        #[command(flatten)]
        source: Source,
        /// Match names only.
        #[arg(long)]
        names_only: bool,
        /// Regular expressions; all must match, without regard to letter case.
        #[arg(required = true, value_name = "PATTERN")]
        patterns: Vec<String>,
    },
    /// Show everything the index says of packages.
    Show {
        #[command(flatten)]
        source: Source,
        /// Show every version, not just the candidate.
        #[arg(long)]
        all_versions: bool,
        /// Names of packages.
        #[arg(required = true, value_name = "PACKAGE")]
        packages: Vec<String>,
    },
    /// Show a shortest chain of dependencies from one package to another.
    Why {
        #[command(flatten)]
        source: Source,
        /// The package that needs the other.
        from: String,
        /// The package that is needed.
        to: String,
    },
    /// List the packages that depend on a package, directly or (with --all) at any distance.
    NeededBy {
        #[command(flatten)]
        source: Source,
        /// Follow chains of dependencies.
        #[arg(long)]
        all: bool,
        /// The package.
        package: String,
    },
    /// List the meta-packages that requests can name, or the packages of one.
    Meta {
        /// Read further meta-packages from this TOML file.
        #[arg(long, value_name = "TOML", value_hint = ValueHint::FilePath)]
        meta_packages: Vec<PathBuf>,
        /// Show the packages of this one.
        name: Option<String>,
    },
}
