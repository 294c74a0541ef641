use std::io;
use std::path::{Path, PathBuf};

use thiserror::Error;
use vclust_core::{DomainName, DomainNameError, HypervisorError, SpecError};
use vclust_process::MarkError;

use crate::file::FileError;
use crate::repository::RepositoryError;

/// Why a cluster's record cannot be had.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum ClusterError {
    /// A file cannot be used.
    #[error(transparent)]
    File(#[from] FileError),
    /// A record that is none.
    #[error(
        "{} is no cluster's record that this vclust can read; if no newer one is in use, move its \
         directory away", path.display()
    )]
    Damaged {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        source: serde_json::Error,
    },
    /// The name of another cluster.
    #[error(
        "there is a cluster `{name}` already; `vclust down {name}` removes it, or take another name"
    )]
    InUse {
        /// The name.
        name: DomainName,
    },
    /// A cluster that somebody works on.
    #[error("somebody is starting or stopping the cluster `{name}`; try again when they are done")]
    Busy {
        /// Its name.
        name: DomainName,
    },
    /// No cluster has the name.
    #[error("there is no cluster `{name}`{}", there_are(known))]
    Unknown {
        /// The name.
        name: DomainName,
        /// Those that there are.
        known: Vec<DomainName>,
    },
    /// A name that no cluster can have.
    #[error(transparent)]
    Name(#[from] DomainNameError),
    /// A spec that no cluster can be made of.
    #[error(transparent)]
    Spec(#[from] SpecError),
    /// Processes cannot be marked.
    #[error(transparent)]
    Mark(MarkError),
    /// Processes cannot be found or ended.
    #[error("cannot end the cluster's processes")]
    Processes(#[source] io::Error),
    /// Domains cannot be ended.
    #[error("cannot end the cluster's domains")]
    Domains(#[source] HypervisorError),
    /// The images that a cluster holds, or its directory, cannot be put in order.
    #[error(transparent)]
    Repository(#[from] RepositoryError),
}

impl ClusterError {
    pub(super) fn read(path: &Path) -> impl FnOnce(io::Error) -> Self + use<> {
        let failed = FileError::read(path);
        |source| failed(source).into()
    }

    pub(super) fn write(path: &Path) -> impl FnOnce(io::Error) -> Self + use<> {
        let failed = FileError::write(path);
        |source| failed(source).into()
    }
}

fn there_are(known: &[DomainName]) -> String {
    match known {
        [] => "; there are none".to_owned(),
        known => {
            let names: Vec<&str> = known.iter().take(10).map(DomainName::as_str).collect();
            format!(
                "; there are {}{}",
                names.join(", "),
                if known.len() > 10 { ", ..." } else { "" }
            )
        }
    }
}
