//! One module for each command.

pub(crate) mod accuracy;
pub(crate) mod completions;
pub(crate) mod packages;
pub(crate) mod resolve;
pub(crate) mod simulate_site;
