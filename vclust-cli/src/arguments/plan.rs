//! The arguments of `vclust plan`.

use std::path::PathBuf;

use clap::{Args, ValueHint};

use super::Source;

pub(super) const EXAMPLES: &str = "\
A spec is TOML; only name and nodes must be there:
  name = \"octave\"
  nodes = 16
  memory = \"320MiB\"
  packages = [\"octave\", \"openmpi-bin\"]
  meta-packages = [\"c-development\"]
  exact = false                       # or nothing in a node that was not asked for
  [debian]                            # or the machine's own
  suite = \"bookworm\"
  mirror = \"http://mirror.example/debian\"
  [deploy]
  strategy = \"auto\"                   # install, layers, clone
  hypervisor = \"qemu\"

Examples:
  vclust plan octave.toml
  vclust plan octave.toml --images images.json
  vclust --format json plan octave.toml | jq .chosen";

#[derive(Debug, Args)]
pub(crate) struct Plan {
    #[command(flatten)]
    pub(crate) source: Source,

    /// The images and layers that may be used besides the minimal image, instead of the repository's: a
    /// JSON document with the field `images`, as `vclust --format json cache generate` prints it.
    #[arg(long, value_name = "IMAGES.json", value_hint = ValueHint::FilePath)]
    pub(crate) images: Option<PathBuf>,

    /// Learn from this history (JSON lines) instead of the site's own.
    #[arg(long, value_name = "H.jsonl", value_hint = ValueHint::FilePath)]
    pub(crate) history: Option<PathBuf>,

    /// The site whose measurements count.
    #[arg(long, value_name = "SITE", default_value = "here")]
    pub(crate) site: String,

    /// Read further meta-packages from this TOML file.
    #[arg(long, value_name = "TOML", value_hint = ValueHint::FilePath)]
    pub(crate) meta_packages: Vec<PathBuf>,

    /// How many candidates are shown; JSON has all.
    #[arg(long, value_name = "N", default_value = "8", value_parser = at_least_one)]
    pub(crate) candidates: usize,

    /// The cluster to build.
    #[arg(value_name = "SPEC.toml", value_hint = ValueHint::FilePath)]
    pub(crate) spec: PathBuf,
}

fn at_least_one(text: &str) -> Result<usize, String> {
    match text.parse() {
        Ok(0) => Err("at least one candidate is shown".to_owned()),
        Ok(count) => Ok(count),
        Err(_) => Err("this is no number of candidates".to_owned()),
    }
}
