//! Packages unpacked into roots: as dpkg does it, or not at all. These tests need root, because
//! owners, devices and dpkg itself do.

mod attributes;
mod drawn;
mod hostile;
mod left;
mod overrides;
mod root;
mod same_as_dpkg;
mod shared;
