//! What can go wrong before anything is placed.

use thiserror::Error;
use vclust_core::{HistoryError, SpecError};
use vclust_grid::{ClusterPlanError, PackagesError, PastError, ReplayError};

/// Why there are no predictions.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum SchedulerError {
    /// A file of sites or of requests says what cannot be.
    #[error("the sites or the requests cannot be read")]
    Toml(#[from] toml::de::Error),
    /// The spec of a cluster says what cannot be.
    #[error("the cluster {cluster} cannot be")]
    Spec {
        /// Its name.
        cluster: String,
        /// What is wrong.
        source: SpecError,
    },
    /// The history has a line that is no event.
    #[error("the history cannot be read")]
    History(#[from] HistoryError),
    /// The packages cannot be loaded.
    #[error(transparent)]
    Packages(#[from] PackagesError),
    /// Nothing can be learned from the history.
    #[error("nothing can be learned from the history")]
    Past(#[from] PastError),
    /// The requests of the past cannot be replayed.
    #[error("the images of the site {site} cannot be chosen")]
    Replay {
        /// The site.
        site: String,
        /// What is wrong.
        source: ReplayError,
    },
    /// A cluster cannot be planned.
    #[error("the cluster {cluster} cannot be planned")]
    Plan {
        /// Its name.
        cluster: String,
        /// What is wrong.
        source: Box<ClusterPlanError>,
    },
}
