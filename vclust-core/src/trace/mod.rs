//! Traces: requests in the order in which users might make them, to replay cache policies on.

mod build_dependencies;
mod draw;
mod workload;

pub use build_dependencies::BuildDependencies;
pub use draw::Popularity;
pub use workload::Workload;
