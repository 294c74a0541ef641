//! Clusters whose nodes are domains of Xen, on an emulated host with this machine's lists of packages and
//! with images that were made before (`scripts/test-xen`, `scripts/xen-state`).

mod clusters;
mod faults;
mod host;
mod install;
mod zz_store;
