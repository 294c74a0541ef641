//! The root that nodes install from: a minimal image with the programs of the installation.

use thiserror::Error;
use vclust_core::{Index, Policy, ResolveError};
use vclust_debian::Variant;

use crate::image::{Archives, ImageOrder, ImagePlan, PlanError};
use crate::repository::IfFound;

/// What the root has beside a minimal one: what divides disks, and what archives are read with.
pub const PROGRAMS: [&str; 2] = ["fdisk", "zstd"];

/// Why there is no root to install from.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum ProgramsError {
    /// The index does not have its packages.
    #[error("the root that nodes install from cannot be made")]
    Resolve(#[from] ResolveError),
    /// A package cannot be located.
    #[error(transparent)]
    Plan(#[from] PlanError),
}

/// The order for the image of that root. The index must hold no installed packages; `archives` knows the
/// files that it was read from.
pub fn programs_order(
    index: &Index,
    policy: &Policy,
    archives: &Archives,
) -> Result<ImageOrder, ProgramsError> {
    let variant = Variant::Minimal;
    let request: Vec<String> = PROGRAMS.map(str::to_owned).into();
    let closure = variant.request(index, &request).resolve(index, policy)?;
    Ok(ImageOrder {
        plan: ImagePlan::of(&closure, archives)?,
        variant,
        request,
        base: None,
        archive: false,
        source_date_epoch: None,
        if_found: IfFound::Use,
    })
}
