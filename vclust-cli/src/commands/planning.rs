//! From a spec to candidates: what `plan` shows and `up` carries out.

use std::path::{Path, PathBuf};

use vclust_core::ClusterSpec;
use vclust_grid::{ClusterPlan, ClusterPlanner, KnownEvents, KnownImages};

use crate::arguments::Source;
use crate::failure::Failure;
use crate::load;
use crate::progress::Bars;

/// What a plan is made from, besides the spec.
pub(crate) struct Inputs<'a> {
    pub(crate) source: &'a Source,
    pub(crate) meta_packages: &'a [PathBuf],
    /// Images to choose from, instead of the repository's.
    pub(crate) images: Option<&'a Path>,
    /// A history to learn from, instead of the site's.
    pub(crate) history: Option<&'a Path>,
    pub(crate) site: &'a str,
    /// How many candidates are kept.
    pub(crate) kept: usize,
}

pub(crate) fn plan(spec: ClusterSpec, inputs: &Inputs<'_>) -> Result<ClusterPlan, Failure> {
    let planner = ClusterPlanner {
        state: None,
        source: inputs.source.into(),
        meta_packages: load::meta_packages(inputs.meta_packages)?,
        images: match inputs.images {
            Some(path) => KnownImages::File(path.to_owned()),
            None => KnownImages::Repository,
        },
        events: match inputs.history {
            Some(path) => KnownEvents::File(path.to_owned()),
            None => KnownEvents::Site,
        },
        site: inputs.site.to_owned(),
        kept: inputs.kept,
    };
    let bars = Bars::new();
    let plan = planner.plan(spec, &|progress| bars.report(progress));
    bars.clear();
    Ok(plan?)
}
