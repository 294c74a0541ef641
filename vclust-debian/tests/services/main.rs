//! Networks of clusters and what head nodes offer in them, with real clients in network namespaces.
//!
//! These tests need root, for namespaces, bridges and taps; and the Debian packages that
//! `scripts/setup test` installs.

mod dhcp;
mod http;
mod kills;
mod network;
mod nfs;
mod outward;
mod place;
