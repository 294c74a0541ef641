//! What nodes are started with beside their images: a kernel and an initramfs.

use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256 as Hasher};
use thiserror::Error;
use vclust_agent::PROGRAM;
use vclust_core::{Index, Policy, Sha256};
use vclust_debian::{
    InitramfsError, Kernel, KernelError, KernelStore, NFS_MODULES, NODE_MODULES, PackagePool,
    PoolError, PoolProgress, StateDirectory, XEN_MODULES, busybox_program, kernel_package,
};

use crate::image::{Archives, ImagePlan, PlanError, PlannedPackage};

/// What the agent loads: always, where directories are shared, and under Xen.
const LISTS: [(&str, &[&str]); 3] =
    [("order", &NODE_MODULES), ("nfs", &NFS_MODULES), ("xen", &XEN_MODULES)];
/// The package with the programs of the initramfs.
const BUSYBOX: &str = "busybox-static";

/// A kernel with an initramfs that fits it.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct BootFiles {
    /// The kernel.
    pub kernel: Kernel,
    /// The initramfs, with [`NODE_MODULES`], for machines that are told by the kernel's command line what
    /// their root is.
    pub initramfs: PathBuf,
    /// The initramfs of a cluster's nodes: its first program is the agent, which the head node tells.
    pub node: PathBuf,
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

/// The packages that nodes are started from, of one index.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BootPackages {
    /// The kernel and busybox, in this order; they are fetched, and never installed.
    plan: ImagePlan,
}

impl BootPackages {
    /// The kernel that an index has for virtual machines, and what goes with it. `archives` knows the
    /// index files that the index was read from.
    pub fn of(index: &Index, policy: &Policy, archives: &Archives) -> Result<Self, BootFilesError> {
        let busybox = index.find(BUSYBOX).and_then(|package| policy.candidate(index, package.id()));
        let busybox = index.version(busybox.ok_or(BootFilesError::NoBusybox)?);
        let packages = [kernel_package(index, policy)?, busybox];
        let packages = packages
            .iter()
            .map(|version| PlannedPackage::of(version, archives))
            .collect::<Result<_, _>>()?;
        let architecture = index.native_architecture().to_owned();
        Ok(Self { plan: ImagePlan { architecture, packages, remove: Vec::new() } })
    }

    /// What is to be fetched.
    #[must_use]
    pub fn plan(&self) -> &ImagePlan {
        &self.plan
    }

    /// As [`BootPackages::make`] the initramfs of nodes that install their own disk: beside the agent it
    /// has a DHCP client and what it takes to mount directories of an NFS server.
    pub fn make_installer(
        &self,
        state: &StateDirectory,
        pool: &PackagePool,
    ) -> Result<PathBuf, BootFilesError> {
        let wanted: Vec<_> =
            self.plan.packages.iter().map(|package| package.wanted.clone()).collect();
        let fetched = pool.fetch(&wanted, &|_| ())?;
        let store = KernelStore::open(state)?;
        let kernel = store.unpack(&fetched.paths[0])?;
        let files = [("bin/busybox", busybox_program(&fetched.paths[1])?)];
        Ok(store.initramfs_with(&kernel, PROGRAM, &files, &LISTS)?)
    }

    /// Fetches the packages, unpacks the kernel and makes the initramfs; what is there already is used.
    /// Files of the kernel belong to root, so this takes root's rights.
    pub fn make(
        &self,
        state: &StateDirectory,
        pool: &PackagePool,
        on_progress: &(dyn Fn(PoolProgress) + Sync),
    ) -> Result<BootFiles, BootFilesError> {
        let store = KernelStore::open(state)?;
        let remembered = store.directory().join(format!("{}.json", self.digest()));
        if let Some(files) = recall(&remembered) {
            return Ok(files);
        }
        let wanted: Vec<_> =
            self.plan.packages.iter().map(|package| package.wanted.clone()).collect();
        let fetched = pool.fetch(&wanted, on_progress)?;
        let kernel = store.unpack(&fetched.paths[0])?;
        let initramfs = store.initramfs(&kernel, &fetched.paths[1], &NODE_MODULES)?;
        let node = store.initramfs_with(&kernel, PROGRAM, &[], &LISTS)?;
        let files = BootFiles { kernel, initramfs, node };
        remember(&remembered, &files);
        Ok(files)
    }

    /// What the files are made of, in one word.
    fn digest(&self) -> Sha256 {
        let mut hasher = Hasher::new();
        // changes when kernels are unpacked in another way
        hasher.update(b"2");
        for package in &self.plan.packages {
            hasher.update(package.wanted.sha256.0);
        }
        for module in LISTS.iter().flat_map(|(_, modules)| *modules) {
            hasher.update(module);
            hasher.update([0]);
        }
        hasher.update(PROGRAM);
        Sha256(hasher.finalize().into())
    }
}

/// Where files are that were made before.
#[derive(Serialize, Deserialize)]
struct Remembered {
    /// The directory that the kernel was unpacked into.
    kernel: PathBuf,
    initramfs: PathBuf,
    node: PathBuf,
}

/// Files that were made before, if all are still there.
fn recall(path: &Path) -> Option<BootFiles> {
    let text = std::fs::read(path).ok()?;
    let Remembered { kernel, initramfs, node } = serde_json::from_slice(&text).ok()?;
    let kernel = Kernel::at(&kernel).ok()?;
    let all = initramfs.is_file() && node.is_file();
    all.then_some(BootFiles { kernel, initramfs, node })
}

/// Remembers files; where that fails they are found again the longer way.
fn remember(path: &Path, files: &BootFiles) {
    let Some(kernel) = files.kernel.image().parent().and_then(Path::parent) else { return };
    let (initramfs, node) = (files.initramfs.clone(), files.node.clone());
    let remembered = Remembered { kernel: kernel.to_owned(), initramfs, node };
    let Ok(text) = serde_json::to_vec(&remembered) else { return };
    let new = path.with_extension(format!("new-{}", std::process::id()));
    let _ = std::fs::write(&new, text).and_then(|()| std::fs::rename(&new, path));
}
