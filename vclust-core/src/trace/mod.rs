//! Traces: requests in the order in which users might make them, to replay cache policies on.

mod build_dependencies;

pub use build_dependencies::BuildDependencies;
