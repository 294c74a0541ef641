//! The arguments of `vclust cache build`.

use std::path::PathBuf;

use clap::{Args, ValueHint};
use vclust_debian::Variant;

use super::Source;

pub(super) const EXAMPLES: &str = "\
Variants: minimal has the essential packages and what a node needs to boot, to get an address and to
be logged in to; minbase is what `mmdebstrap --variant=minbase` makes.

The same packages give the same bytes, on any day and any machine. SOURCE_DATE_EPOCH sets the time
of the build; without it, that is the time of the newest file of the packages.

Examples:
  vclust cache build                                     the minimal image
  vclust cache build --packages build-essential,openmpi-bin,libopenmpi-dev
  vclust cache build --base minimal --packages octave    a layer over the minimal image
  vclust --format json cache generate > images.json; vclust cache build --generated images.json";

#[derive(Debug, Args)]
pub(crate) struct Build {
    #[command(flatten)]
    pub(crate) source: Source,

    /// What the image holds before any package is asked for.
    #[arg(long, value_name = "V", default_value = "minimal", value_parser = variants())]
    pub(crate) variant: Variant,

    /// Packages of the image, as `vclust resolve` takes them; separated by commas, or given
    /// several times.
    #[arg(long, value_name = "P", value_delimiter = ',')]
    pub(crate) packages: Vec<String>,

    /// Install recommended packages, too.
    #[arg(long)]
    pub(crate) install_recommends: bool,

    /// Build a layer over this image: what the packages add to it, and nothing else.
    #[arg(long, value_name = "ID", conflicts_with = "variant", requires = "packages")]
    pub(crate) base: Option<String>,

    /// Build the images of a JSON document as `vclust cache generate` prints it.
    #[arg(
        long,
        value_name = "IMAGES.json",
        value_hint = ValueHint::FilePath,
        conflicts_with_all = ["packages", "base"]
    )]
    pub(crate) generated: Option<PathBuf>,

    /// Keep a compressed archive, too, as the strategy install sends it to nodes.
    #[arg(long)]
    pub(crate) archive: bool,

    /// Build it even if it is there, and replace it.
    #[arg(long)]
    pub(crate) rebuild: bool,

    /// A TOML file of meta-packages, beside the shipped ones; can be given several times.
    #[arg(long, value_name = "F", value_hint = ValueHint::FilePath)]
    pub(crate) meta_packages: Vec<PathBuf>,

    /// The site that the history has the build under.
    #[arg(long, value_name = "SITE", default_value = "here")]
    pub(crate) site: String,
}

fn variants() -> impl clap::builder::TypedValueParser<Value = Variant> {
    use clap::builder::{PossibleValuesParser, TypedValueParser};
    PossibleValuesParser::new(Variant::ALL.map(Variant::name))
        .try_map(|name| name.parse::<Variant>())
}
