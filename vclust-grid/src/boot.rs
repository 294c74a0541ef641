//! What nodes are started with beside their images: a kernel and an initramfs.

use std::path::PathBuf;

use thiserror::Error;
use vclust_core::{Index, Policy};
use vclust_debian::{
    InitramfsError, Kernel, KernelError, KernelStore, NODE_MODULES, PackagePool, PoolError,
    PoolProgress, StateDirectory, kernel_package,
};

use crate::image::{Archives, PlanError, PlannedPackage};

/// The package with the programs of the initramfs.
const BUSYBOX: &str = "busybox-static";

/// A kernel with an initramfs that fits it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BootFiles {
    /// The kernel.
    pub kernel: Kernel,
    /// The initramfs, with [`NODE_MODULES`].
    pub initramfs: PathBuf,
}

/// Why nodes cannot be started.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum BootFilesError {
    /// The package index does not have what is needed.
    #[error("the package index has no `{BUSYBOX}`, whose programs nodes start with")]
    NoBusybox,
    /// A package cannot be located.
    #[error(transparent)]
    Plan(#[from] PlanError),
    /// A package cannot be had.
    #[error(transparent)]
    Pool(#[from] PoolError),
    /// There is no kernel.
    #[error(transparent)]
    Kernel(#[from] KernelError),
    /// There is no initramfs.
    #[error(transparent)]
    Initramfs(#[from] InitramfsError),
}

impl BootFiles {
    /// The kernel that an index has for virtual machines, fetched, unpacked and given an initramfs; what
    /// is there already is used.
    pub fn of_index(
        state: &StateDirectory,
        pool: &PackagePool,
        index: &Index,
        policy: &Policy,
        archives: &Archives,
        on_progress: &(dyn Fn(PoolProgress) + Sync),
    ) -> Result<Self, BootFilesError> {
        let busybox = index.find(BUSYBOX).and_then(|package| policy.candidate(index, package.id()));
        let busybox = index.version(busybox.ok_or(BootFilesError::NoBusybox)?);
        let wanted = [kernel_package(index, policy)?, busybox]
            .iter()
            .map(|version| Ok(PlannedPackage::of(version, archives)?.wanted))
            .collect::<Result<Vec<_>, PlanError>>()?;
        let fetched = pool.fetch(&wanted, on_progress)?;
        let store = KernelStore::open(state)?;
        let kernel = store.unpack(&fetched.paths[0])?;
        let initramfs = store.initramfs(&kernel, &fetched.paths[1], &NODE_MODULES)?;
        Ok(Self { kernel, initramfs })
    }
}
