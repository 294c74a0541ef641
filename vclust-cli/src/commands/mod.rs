//! One module for each command.

pub(crate) mod accuracy;
pub(crate) mod cache;
pub(crate) mod clusters;
pub(crate) mod completions;
pub(crate) mod doctor;
pub(crate) mod history;
pub(crate) mod measure;
pub(crate) mod packages;
pub(crate) mod plan;
pub(crate) mod planning;
pub(crate) mod resolve;
pub(crate) mod simulate;
pub(crate) mod simulate_site;
pub(crate) mod up;
