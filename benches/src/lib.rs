//! Benchmarks and accuracy reports of vclust on real Debian data.

mod lists;
mod report;
mod site;
mod split;

pub use lists::{Lists, closure_size, request_of_size};
pub use report::Recorded;
pub use site::{made_up_event, made_up_transfer};
pub use split::{Split, split_by_run};
