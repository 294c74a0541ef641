//! One module for each command.

pub(crate) mod accuracy;
pub(crate) mod cache;
pub(crate) mod clusters;
pub(crate) mod completions;
pub(crate) mod doctor;
pub(crate) mod history;
pub(crate) mod manual;
pub(crate) mod measure;
pub(crate) mod packages;
pub(crate) mod plan;
pub(crate) mod planning;
pub(crate) mod resolve;
pub(crate) mod simulate;
pub(crate) mod simulate_site;
pub(crate) mod up;

use std::path::Path;

use vclust_debian::StateDirectory;
use vclust_grid::PastEvents;

use crate::failure::Failure;

/// The events of a file, or else those of this site.
fn past(file: Option<&Path>) -> Result<PastEvents, Failure> {
    Ok(match file {
        Some(path) => PastEvents::of_file(path)?,
        None => PastEvents::of_site(&StateDirectory::locate()?)?,
    })
}
