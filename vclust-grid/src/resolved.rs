//! Requests of the past, resolved against the packages of today.

use std::collections::HashMap;

use vclust_core::{
    Index, MetaPackages, Policy, Request, RequestEvent, ResolveError, VersionId, Workload,
};

use crate::packages::LoadedIndex;

/// Requests in their order, as places of a workload's targets.
#[derive(Debug)]
#[non_exhaustive]
pub struct ResolvedRequests {
    /// What the distinct requests come to.
    pub workload: Workload,
    /// The requests that can be fulfilled, in their order, as places of the workload's targets.
    pub order: Vec<u32>,
    /// How many requests are left out because they cannot be fulfilled (any longer).
    pub failed: usize,
    /// Why, for one of them.
    pub failure: Option<ResolveError>,
}

/// Called for each distinct request that is resolved, from several threads.
pub type OnResolved<'a> = &'a (dyn Fn() + Sync);

impl ResolvedRequests {
    /// The distinct requests of events, with the place of each event's in the list. Meta-packages are
    /// expanded as they are today.
    #[must_use]
    pub fn distinct(
        index: &Index,
        meta_packages: &MetaPackages,
        events: &[RequestEvent],
    ) -> (Vec<Request>, Vec<usize>) {
        let mut numbers: HashMap<Vec<String>, usize> = HashMap::new();
        let (mut distinct, mut order) = (Vec::new(), Vec::new());
        for event in events {
            let mut packages = event.packages.clone();
            packages.sort_unstable();
            let number = *numbers.entry(packages).or_insert_with_key(|packages| {
                // A name that nothing is called fails when it is resolved, and is told there.
                let items = meta_packages
                    .expand_names(index, packages, false)
                    .unwrap_or_else(|_| packages.clone());
                distinct.push(Request::new(items));
                distinct.len() - 1
            });
            order.push(number);
        }
        (distinct, order)
    }

    /// Resolves distinct requests on all cores; `order` has their places, one for each request.
    #[must_use]
    pub fn resolve(
        loaded: &LoadedIndex,
        distinct: &[Request],
        order: &[usize],
        on_resolved: OnResolved<'_>,
    ) -> Self {
        loaded.index.prepare();
        let roots = resolve_all(&loaded.index, &loaded.policy, distinct, on_resolved);
        let mut workload = Workload::new(&loaded.index);
        let mut places: Vec<Option<u32>> = Vec::with_capacity(roots.len());
        let mut failure = None;
        for (root, request) in roots.into_iter().zip(distinct) {
            match root {
                Ok(versions) => places.push(Some(workload.push(&loaded.index, &versions))),
                Err(error) => {
                    tracing::info!("{} is left out: {error}", request.items().join(" "));
                    places.push(None);
                    failure.get_or_insert(error);
                }
            }
        }
        let order: Vec<Option<u32>> = order.iter().map(|number| places[*number]).collect();
        let failed = order.iter().filter(|place| place.is_none()).count();
        Self { workload, order: order.into_iter().flatten().collect(), failed, failure }
    }
}

fn resolve_all(
    index: &Index,
    policy: &Policy,
    requests: &[Request],
    on_resolved: OnResolved<'_>,
) -> Vec<Result<Vec<VersionId>, ResolveError>> {
    let threads = std::thread::available_parallelism().map_or(1, std::num::NonZero::get);
    let share = requests.len().div_ceil(threads).max(1);
    std::thread::scope(|scope| {
        let workers: Vec<_> = requests
            .chunks(share)
            .map(|requests| {
                scope.spawn(move || {
                    requests
                        .iter()
                        .map(|request| {
                            on_resolved();
                            Workload::resolve(index, policy, request)
                        })
                        .collect::<Vec<_>>()
                })
            })
            .collect();
        let joined = workers.into_iter().map(|worker| match worker.join() {
            Ok(results) => results,
            Err(panic) => std::panic::resume_unwind(panic),
        });
        joined.flatten().collect()
    })
}
