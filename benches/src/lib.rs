//! Benchmarks and accuracy reports of vclust on real Debian data.

mod lists;
mod long;
mod priors;
mod report;
mod site;
mod split;

pub use lists::{Lists, closure_size, request_of_size};
pub use long::{long_history, made_up_index};
pub use priors::own_priors;
pub use report::Recorded;
pub use site::{made_up_event, made_up_transfer};
pub use split::{Split, split_by_run};
