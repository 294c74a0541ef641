//! Benchmarks and accuracy reports of vclust on real Debian data.

mod report;
mod split;

pub use report::Recorded;
pub use split::{Split, split_by_run};
