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

const LIST_EXAMPLES: &str = "\
Size is what a node has to get, stored what all the image's files take on this disk.

Examples:
  vclust cache list
  vclust --format json cache list | jq -r '.images[] | [.id, .bytes, .uses] | @tsv'";

const SHOW_EXAMPLES: &str = "\
Examples:
  vclust cache show 3f9a              the image whose name begins like this
  vclust cache show minimal --packages
  vclust --format json cache show 3f9a | jq .manifest";

const VERIFY_EXAMPLES: &str = "\
Examples:
  vclust cache verify                 all images
  vclust cache verify 3f9a minimal";

const GC_EXAMPLES: &str = "\
Without --budget and --unused-for it only puts in order what a crash has left.

Examples:
  vclust cache gc --budget 20GB --dry-run
  vclust cache gc --unused-for 30 --keep minimal";

const EXPORT_EXAMPLES: &str = "\
The target's suffix says what is made: .tar, .tar.zst, .erofs (a read-only file system), .raw or .img
(a disk with one ext4 file system), .qcow2 (the same for QEMU); without one of these, a directory.
Directories and disks take root's rights; without, those of a user namespace are taken, in which the
owners of a directory's files are ids that were lent to the user (/etc/subuid).

Examples:
  vclust cache export 3f9a root.tar.zst
  vclust cache export minimal /srv/root
  vclust cache export 3f9a disk.qcow2 --disk-size 4GiB";

const KERNEL_EXAMPLES: &str = "\
Examples:
  vclust cache kernel
  vclust --format json cache kernel | jq -r .initramfs";

#[derive(Debug, Args)]
#[command(arg_required_else_help = true)]
pub(crate) struct Cache {
    #[command(subcommand)]
    pub(crate) command: CacheCommand,
}

#[derive(Debug, Subcommand)]
pub(crate) enum CacheCommand {
    /// List the images and layers of this site.
    #[command(after_help = LIST_EXAMPLES)]
    List,
    /// Show an image: what is in it, what it was made of, its files.
    #[command(after_help = SHOW_EXAMPLES)]
    Show(ShowImage),
    /// Compare images' files with the digests of their builders, naming everything that is wrong.
    ///
    /// Ends with exit code 1 if an image is damaged.
    #[command(after_help = VERIFY_EXAMPLES)]
    Verify(VerifyImages),
    /// Remove what dead builds left, and images until the rest keeps to a budget.
    ///
    /// Images that were not used for the longest time go first. What a process or a cluster uses, and
    /// what a layer lies on, stays.
    #[command(after_help = GC_EXAMPLES)]
    Gc(CollectImages),
    /// Write an image to a directory, an archive, a file system or a disk.
    ///
    /// The target appears when it is whole, and must not be there before, unless --force is given.
    #[command(after_help = EXPORT_EXAMPLES)]
    Export(ExportImage),
    /// Tell which images and layers a policy would have the repository hold, from the requests of the past.
    ///
    /// The requests of the history are shown to the policy in their order; what it would hold
    /// afterwards is the answer, with what that is expected to save.
    #[command(after_help = GENERATE_EXAMPLES)]
    Generate(Box<Generate>),
    /// Build an image, or a layer over one, and keep it in the repository.
    ///
    /// The packages are resolved, fetched, verified, installed and made a read-only file system.
    /// What is there already is not built again. Root's rights are taken from a user namespace
    /// where there are no others.
    #[command(after_help = build::EXAMPLES)]
    Build(Box<Build>),
    /// Fetch the kernel that nodes are started with, and make the initramfs that goes with it.
    ///
    /// Images have no kernel. This one is Debian's for virtual machines, unpacked and not installed;
    /// the answer says where it is.
    #[command(after_help = KERNEL_EXAMPLES)]
    Kernel(Box<Source>),
}

#[derive(Debug, Args)]
pub(crate) struct ShowImage {
    /// List the packages, too.
    #[arg(long)]
    pub(crate) packages: bool,

    /// The image: its name, or as much of the name's beginning as no other image has; `minimal` is
    /// the latest minimal image.
    #[arg(value_name = "ID")]
    pub(crate) image: String,
}

#[derive(Debug, Args)]
pub(crate) struct VerifyImages {
    /// The images, as for `vclust cache show` [default: all].
    #[arg(value_name = "ID")]
    pub(crate) images: Vec<String>,
}

#[derive(Debug, Args)]
pub(crate) struct CollectImages {
    /// What all images' files may take together.
    #[arg(long, value_name = "SIZE")]
    pub(crate) budget: Option<ByteSize>,

    /// Remove images that were not used for so many days, whatever the budget.
    #[arg(long, value_name = "DAYS", value_parser = clap::value_parser!(u64).range(0..=100_000))]
    pub(crate) unused_for: Option<u64>,

    /// Keep this image in any case; can be given several times.
    #[arg(long, value_name = "ID")]
    pub(crate) keep: Vec<String>,

    /// Tell only what would be removed.
    #[arg(long)]
    pub(crate) dry_run: bool,
}

#[derive(Debug, Args)]
pub(crate) struct ExportImage {
    /// Replace a file of that name.
    #[arg(long)]
    pub(crate) force: bool,

    /// The size of a disk [default: the least that holds the image, and a little].
    #[arg(long, value_name = "SIZE")]
    pub(crate) disk_size: Option<ByteSize>,

    /// The image, as for `vclust cache show`.
    #[arg(value_name = "ID")]
    pub(crate) image: String,

    /// Where to; the suffix says what is made.
    #[arg(value_name = "TARGET", value_hint = ValueHint::AnyPath)]
    pub(crate) target: PathBuf,
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

    /// The images and layers that are there now, instead of the repository's: a JSON document as
    /// this command prints it.
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
