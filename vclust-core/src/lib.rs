//! The ideas of vclust, as plain functions over plain data.
//!
//! This crate reads Debian package indexes that somebody else loaded into memory, and answers the
//! question everything else in vclust rests on: which packages, in which versions, does a request
//! add to a root? It performs no I/O, starts no process and needs no async runtime.

mod deb822;
mod pin;
mod release;
mod sources;
mod version;

pub use deb822::{Field, Stanza, Stanzas, SyntaxError};
pub use pin::{
    PackagePattern, Pattern, PatternError, Pin, PinSelector, PinTarget, ReleasePattern, Suite,
};
pub use release::{
    Clearsigned, ClearsignedError, Release, ReleaseError, ReleaseFile, Sha256, Sha256Error,
    clearsigned_payload, parse_date,
};
pub use sources::{BuildRelation, SourcePackage, Sources, SourcesError};
pub use version::{Version, VersionError, compare_versions};
