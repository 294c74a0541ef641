//! Images from closures: planned, built, stored, and learned from.

mod build;
mod error;
mod memory;
mod plan;

pub use build::{
    BuildEvents, BuildProgress, BuiltImage, ImageBuilder, ImageOrder, OnBuild, ROOT_STATUS,
};
pub use error::BuildError;
pub use plan::{Archives, ImagePlan, PlanError, PlannedPackage};
