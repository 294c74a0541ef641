//! What killed commands left of clusters, removed.

use std::collections::BTreeSet;
use std::fs;
use std::time::Duration;

use vclust_core::DomainName;
use vclust_process::{Mark, end_marked, marks_below};

use super::error::ClusterError;
use super::held::{HeldCluster, remove_lock};
use super::record::ClusterRecord;
use super::{ClusterStore, GONE, NEW};
use crate::repository::{ImageRepository, scratch};

/// What was cleaned up.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Cleaned {
    /// Clusters whose start or stop was abandoned, removed.
    pub clusters: Vec<DomainName>,
    /// Processes of clusters that were or are no more, ended.
    pub processes: usize,
    /// Directories of clusters that were not entered or removed completely, removed.
    pub directories: usize,
    /// Images that were held for clusters which are no more, released.
    pub images: usize,
}

impl Cleaned {
    /// Whether there was nothing to do.
    #[must_use]
    pub fn is_nothing(&self) -> bool {
        *self == Self::default()
    }
}

impl ClusterStore {
    /// Removes what killed commands left: clusters that nobody starts or stops any more, and whatever
    /// else carries the mark of a cluster that is not there. Clusters that are ready or failed, and those
    /// that somebody works on, are left alone.
    pub fn clean_abandoned(&self) -> Result<Cleaned, ClusterError> {
        let mut cleaned = Cleaned::default();
        // Who is found here and has no record further down has lost it: a record comes before
        // everything else of its cluster.
        let marks = marks_below(&self.mark).map_err(ClusterError::Processes)?;
        let images = ImageRepository::open_existing(&self.state)?;
        let holders = match &images {
            Some(images) => images.holders()?,
            None => Vec::new(),
        };
        let holders: BTreeSet<Mark> =
            holders.iter().filter_map(|holder| holder.parse().ok()).collect();
        let found: BTreeSet<Mark> =
            marks.iter().chain(&holders).filter_map(|mark| self.cluster_of(mark)).collect();

        self.clean_clusters(&mut cleaned)?;
        self.clean_directories(&mut cleaned)?;

        let known: BTreeSet<Mark> = self.list()?.into_iter().map(|record| record.mark).collect();
        for mark in found.difference(&known) {
            cleaned.processes +=
                end_marked(mark, Duration::ZERO).map_err(ClusterError::Processes)?;
            if let Some(images) = &images {
                cleaned.images += images.release(mark.as_str())?;
            }
        }
        Ok(cleaned)
    }

    /// Clusters in passing states that nobody holds.
    fn clean_clusters(&self, cleaned: &mut Cleaned) -> Result<(), ClusterError> {
        for record in self.list()? {
            if !record.state.is_passing() {
                continue;
            }
            let Some(lock) = self.attempt(&record.name)? else { continue };
            // it may have become ready meanwhile, or another cluster
            let now = ClusterRecord::read(&self.path_of(&record.name));
            let Ok(now) = now else { continue };
            if now.state.is_passing() {
                tracing::info!("removing what is left of the cluster {}", now.name);
                let held = HeldCluster::new(self, now, lock);
                cleaned.processes += held.remove(Duration::ZERO)?;
                cleaned.clusters.push(record.name);
            }
        }
        Ok(())
    }

    /// Directories on their way in or out that nobody attends to, and locks of names that have none.
    fn clean_directories(&self, cleaned: &mut Cleaned) -> Result<(), ClusterError> {
        for entry in self.entries()? {
            for prefix in [NEW, GONE] {
                let name = entry.strip_prefix(prefix).and_then(|name| name.parse().ok());
                let Some(name): Option<DomainName> = name else { continue };
                let Some(lock) = self.attempt(&name)? else { continue };
                let path = self.hidden(prefix, &name);
                if path.symlink_metadata().is_ok() {
                    scratch::remove(&path)?;
                    cleaned.directories += 1;
                }
                if self.path_of(&name).symlink_metadata().is_err() {
                    remove_lock(&self.directory.join(".locks").join(name.as_str()))?;
                }
                drop(lock);
            }
        }
        // locks that whoever removed the rest had no time for
        let locks = self.directory.join(".locks");
        let entries = fs::read_dir(&locks).map_err(ClusterError::read(&locks))?;
        for entry in entries.flatten() {
            let name = entry.file_name().to_str().and_then(|name| name.parse().ok());
            let Some(name): Option<DomainName> = name else { continue };
            let Some(lock) = self.attempt(&name)? else { continue };
            if self.path_of(&name).symlink_metadata().is_err() {
                remove_lock(&entry.path())?;
            }
            drop(lock);
        }
        Ok(())
    }

    /// The cluster's mark that a mark is, or is a part of, if it is of this state directory.
    fn cluster_of(&self, mark: &Mark) -> Option<Mark> {
        let rest = mark.as_str().strip_prefix(self.mark.as_str())?.strip_prefix('/')?;
        self.mark.part(rest.split('/').next()?).ok()
    }
}
