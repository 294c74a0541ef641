//! A cluster in the hands of who starts or stops it.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::time::Duration;

use vclust_debian::StateDirectory;
use vclust_process::end_marked;

use super::error::ClusterError;
use super::record::{ClusterRecord, ClusterState};
use super::{ClusterStore, GONE};
use crate::lock::Lock;
use crate::repository::{ImageRepository, scratch};

/// A cluster that nobody else can start, stop or remove as long as this is there.
#[derive(Debug)]
pub struct HeldCluster {
    record: ClusterRecord,
    state: StateDirectory,
    clusters: PathBuf,
    gone: PathBuf,
    lock: Lock,
}

impl HeldCluster {
    pub(super) fn new(store: &ClusterStore, record: ClusterRecord, lock: Lock) -> Self {
        let gone = store.hidden(GONE, &record.name);
        let (state, clusters) = (store.state.clone(), store.directory.clone());
        Self { record, state, clusters, gone, lock }
    }

    /// The record.
    #[must_use]
    pub fn record(&self) -> &ClusterRecord {
        &self.record
    }

    /// The cluster's directory, which is its owner's alone and goes with the cluster.
    #[must_use]
    pub fn directory(&self) -> PathBuf {
        self.clusters.join(self.record.name.as_str())
    }

    /// Changes the record, here and on disk; its name, id and mark stay.
    pub fn update(&mut self, change: impl FnOnce(&mut ClusterRecord)) -> Result<(), ClusterError> {
        let mut changed = self.record.clone();
        change(&mut changed);
        changed.name.clone_from(&self.record.name);
        changed.id.clone_from(&self.record.id);
        changed.mark.clone_from(&self.record.mark);
        changed.write(&self.directory())?;
        self.record = changed;
        Ok(())
    }

    /// Ends the cluster: its processes, which are asked first and killed after the grace, its images'
    /// being held, what is mounted below its directory, and the directory. Answers how many processes
    /// there were. Where that fails, it can be done again.
    pub fn remove(mut self, grace: Duration) -> Result<usize, ClusterError> {
        if self.record.state != ClusterState::Stopping {
            // on a full disk this fails, and all else is still to be done
            if let Err(error) = self.update(|record| record.state = ClusterState::Stopping) {
                tracing::warn!("the record of {} cannot be changed: {error}", self.record.name);
            }
        }
        super::domains::end(&self.record, &self.directory())?;
        let ended = end_marked(&self.record.mark, grace).map_err(ClusterError::Processes)?;
        if let Some(images) = ImageRepository::open_existing(&self.state)? {
            images.release(self.record.mark.as_str())?;
        }
        // out of sight as a whole: what is left of it after a crash is nobody's
        scratch::remove(&self.gone)?;
        let directory = self.directory();
        fs::rename(&directory, &self.gone).map_err(ClusterError::write(&directory))?;
        scratch::remove(&self.gone)?;
        let lock = self.clusters.join(".locks").join(self.record.name.as_str());
        remove_lock(&lock)?;
        drop(self.lock);
        Ok(ended)
    }
}

/// Removes the file of a lock that is held; who waits for it makes another.
pub(super) fn remove_lock(path: &Path) -> Result<(), ClusterError> {
    match fs::remove_file(path) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => {
            Err(ClusterError::write(path)(error))
        }
        _ => Ok(()),
    }
}
