//! Meta-packages: named functional units that expand to packages.
//!
//! A user who asks for "C and C++ development" should not have to know that this is `gcc`, `g++`,
//! `make` and `libc6-dev`. Lucie, the installer behind the paper that vclust builds on, called such
//! units meta-packages, and so do we. Three sources of them count:
//!
//! - vclust's own, TOML data shipped with this crate ([`MetaPackages::shipped`]);
//! - users' files in the same format, read by the caller and handed over as text
//!   ([`MetaPackages::merge`]), which add units or replace ones of the same id;
//! - Debian's own tasks and Blends metapackages ([`DebianUnits`]), found in a package index.
//!
//! A unit that changed its packages between two Debian releases lists alternatives, in order, like
//! a dependency does (`"pkgconf | pkg-config"`); the index at hand decides, so no release name is
//! ever written down.

mod debian;
mod error;
mod expand;
mod file;
mod member;
mod request;
mod set;

pub use debian::{DebianUnit, DebianUnitKind, DebianUnits};
pub use error::MetaPackageError;
pub use member::{Member, MetaPackageId, Need};
pub use request::NameRequest;
pub use set::{MetaPackage, MetaPackages};
