//! Requests of the past, resolved, with progress on stderr.

use vclust_core::{Request, RequestEvent};
use vclust_grid::ResolvedRequests;

use crate::failure::Failure;
use crate::load::{self, Loaded};
use crate::progress;

/// The requests of a history. Meta-packages are expanded as they are today.
pub(crate) fn of_events(
    loaded: &Loaded,
    events: &[RequestEvent],
) -> Result<ResolvedRequests, Failure> {
    let meta_packages = load::meta_packages(&[])?;
    let (distinct, order) = ResolvedRequests::distinct(&loaded.index, &meta_packages, events);
    Ok(resolve(loaded, &distinct, &order))
}

/// Resolves distinct requests on all cores; `order` has their places, one for each request.
pub(crate) fn resolve(loaded: &Loaded, distinct: &[Request], order: &[usize]) -> ResolvedRequests {
    let bar = progress::steps(distinct.len(), "resolving requests");
    ResolvedRequests::resolve(loaded, distinct, order, &|| bar.inc(1))
}
