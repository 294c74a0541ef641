//! Requests of the past, resolved.

use rustc_hash::FxHashMap;
use vclust_core::{Index, Policy, Request, RequestEvent, ResolveError, VersionId, Workload};

use crate::failure::Failure;
use crate::load::{self, Loaded};
use crate::progress;

/// Requests in their order, as places of the workload's targets.
pub(crate) struct Requested {
    pub(crate) workload: Workload,
    pub(crate) order: Vec<u32>,
    /// How many requests are left out because they cannot be fulfilled (any longer).
    pub(crate) failed: usize,
    /// Why, for one of them.
    pub(crate) failure: Option<ResolveError>,
}

impl Requested {
    /// The requests of a history. Meta-packages are expanded as they are today.
    pub(crate) fn of_events(loaded: &Loaded, events: &[RequestEvent]) -> Result<Self, Failure> {
        let meta_packages = load::meta_packages(&[])?;
        let mut numbers: FxHashMap<Vec<String>, usize> = FxHashMap::default();
        let (mut distinct, mut order) = (Vec::new(), Vec::new());
        for event in events {
            let mut packages = event.packages.clone();
            packages.sort_unstable();
            let number = *numbers.entry(packages).or_insert_with_key(|packages| {
                // A name that nothing is called fails when it is resolved, and is told there.
                let items = meta_packages
                    .expand_names(&loaded.index, packages, false)
                    .unwrap_or_else(|_| packages.clone());
                distinct.push(Request::new(items));
                distinct.len() - 1
            });
            order.push(number);
        }
        Ok(Self::resolve(loaded, &distinct, &order))
    }

    /// Resolves distinct requests on all cores; `order` has their places, one for each request.
    pub(crate) fn resolve(loaded: &Loaded, distinct: &[Request], order: &[usize]) -> Self {
        loaded.index.prepare();
        let roots = resolve_all(&loaded.index, &loaded.policy, distinct);
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
) -> Vec<Result<Vec<VersionId>, ResolveError>> {
    let threads = std::thread::available_parallelism().map_or(1, std::num::NonZero::get);
    let bar = progress::steps(requests.len(), "resolving requests");
    let share = requests.len().div_ceil(threads).max(1);
    std::thread::scope(|scope| {
        let workers: Vec<_> = requests
            .chunks(share)
            .map(|requests| {
                let bar = bar.clone();
                scope.spawn(move || {
                    requests
                        .iter()
                        .map(|request| {
                            bar.inc(1);
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
