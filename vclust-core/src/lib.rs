//! The ideas of vclust, as plain functions over plain data.
//!
//! This crate reads Debian package indexes that somebody else loaded into memory, and answers the
//! question everything else in vclust rests on: which packages, in which versions, does a request
//! add to a root? It performs no I/O, starts no process and needs no async runtime.

mod deb822;
mod meta_package;
mod version;

pub use deb822::{Field, Stanza, Stanzas, SyntaxError};
pub use meta_package::{
    DebianUnit, DebianUnitKind, DebianUnits, Member, MetaPackage, MetaPackageError, MetaPackageId,
    MetaPackages, NameRequest, Need,
};
pub use version::{Version, VersionError, compare_versions};
