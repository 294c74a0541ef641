//! From an idea of where packages come from to an index of them.
//!
//! A [`PackageSource`] is files, an archive, or whatever the machine's own apt uses. Loading it gives an
//! index with the policy and the root that belong to it. What has to be fetched is fetched and verified
//! as `vclust packages update` does, and kept in the state directory.

mod error;
mod lists;
mod load;
mod search;
mod source;

pub use error::PackagesError;
pub use lists::SuiteUpdate;
pub use load::LoadedIndex;
pub use search::{PackageSearch, SearchError};
pub use source::{PackageSource, RootState, read_meta_packages};
