//! What a plan is made from, besides packages.

use std::path::{Path, PathBuf};

use vclust_core::{ClusterSpec, History, ImageListings};
use vclust_debian::{StateDirectory, StateDirectoryError};

use super::error::ClusterPlanError;
use crate::PastEvents;

/// Images and layers to choose from, besides the minimal image.
#[derive(Debug, Clone, Default, PartialEq)]
pub enum KnownImages {
    /// Those of the site's repository.
    #[default]
    Repository,
    /// Those of a JSON document with the field `images`, as `vclust --format json cache generate` prints it.
    File(PathBuf),
    /// These.
    Given(ImageListings),
}

/// Events to learn from.
#[derive(Debug, Clone, Default)]
pub enum KnownEvents {
    /// The site's own history.
    #[default]
    Site,
    /// A file of JSON lines.
    File(PathBuf),
    /// These.
    Given(History),
}

impl KnownEvents {
    pub(super) fn past(
        &self,
        state: impl FnOnce() -> Result<StateDirectory, StateDirectoryError>,
    ) -> Result<PastEvents, ClusterPlanError> {
        Ok(match self {
            Self::Site => PastEvents::of_site(&state()?)?,
            Self::File(path) => PastEvents::of_file(path)?,
            Self::Given(history) => PastEvents::Given(history.clone()),
        })
    }
}

/// Reads a spec from a TOML file and checks it.
pub fn read_spec(path: &Path) -> Result<ClusterSpec, ClusterPlanError> {
    let text = std::fs::read_to_string(path)
        .map_err(|source| ClusterPlanError::Read { path: path.to_owned(), source })?;
    ClusterSpec::parse(&text).map_err(|source| ClusterPlanError::Spec {
        path: path.to_owned(),
        source: Box::new(source),
    })
}

/// Reads a listing of images.
pub(super) fn read_images(path: &Path) -> Result<ImageListings, ClusterPlanError> {
    let text = std::fs::read(path)
        .map_err(|source| ClusterPlanError::Read { path: path.to_owned(), source })?;
    ImageListings::parse(&text)
        .map_err(|source| ClusterPlanError::Images { path: path.to_owned(), source })
}
