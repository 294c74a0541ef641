//! The requests to replay: drawn from source packages or metapackages, or read from a history.

use std::path::Path;

use rustc_hash::FxHashMap;
use vclust_core::{
    BuildDependencies, DebianUnits, FileOrigin, Index, OnError, Policy, Popularity, Request,
    ResolveError, Sources, VersionId, Workload,
};
use vclust_debian::{AptConfiguration, open_index};

use crate::arguments::{Simulate, TraceKind};
use crate::commands::accuracy;
use crate::failure::Failure;
use crate::load::{self, Installed, Loaded};
use crate::{lists, progress};

/// A workload with the order in which its requests are made.
pub(super) struct Drawn {
    pub(super) loaded: Loaded,
    pub(super) workload: Workload,
    /// Places of the targets.
    pub(super) requests: Vec<u32>,
    /// Distinct requests that could be drawn.
    pub(super) possible: usize,
    /// Distinct requests that cannot be fulfilled, and are left out.
    pub(super) failed: usize,
    /// Seconds that resolving the distinct requests took.
    pub(super) resolve_seconds: f64,
}

pub(super) fn draw(arguments: &Simulate) -> Result<Drawn, Failure> {
    if let Some(path) = &arguments.requests {
        return of_history(arguments, path);
    }
    match arguments.trace {
        TraceKind::BuildDependencies => of_sources(arguments),
        TraceKind::Metapackages => of_metapackages(arguments),
    }
}

fn of_sources(arguments: &Simulate) -> Result<Drawn, Failure> {
    let mut sources = Vec::new();
    let paths = if arguments.sources_file.is_empty() {
        let apt = AptConfiguration::load()?;
        let files = lists::source_index_files(&arguments.source, &apt)?;
        files.into_iter().map(|file| file.path).collect()
    } else {
        arguments.sources_file.clone()
    };
    for path in &paths {
        let parsed = Sources::parse(open_index(path)?)
            .map_err(|source| Failure::Sources { path: path.clone(), source })?;
        sources.push(parsed);
    }
    if sources.iter().all(Sources::is_empty) {
        return Err(Failure::NoSourceIndexes);
    }
    let architecture = load::architecture_of(&arguments.source)?;
    let needs = BuildDependencies::of(&sources, &architecture);
    for (package, error) in &needs.unreadable {
        tracing::warn!("{package} is left out: {error}");
    }
    let made_up = (needs.packages_file.into(), FileOrigin::named("build dependencies"));
    let loaded = load::load_with(&arguments.source, &Installed::Minimal, Some(made_up))?;
    let requests: Vec<Request> =
        needs.names.iter().map(|name| Request::new([name.as_str()])).collect();
    drawn(arguments, loaded, &requests)
}

fn of_metapackages(arguments: &Simulate) -> Result<Drawn, Failure> {
    let loaded = load::load(&arguments.source, &Installed::Minimal)?;
    let described: Vec<_> = loaded
        .index
        .packages()
        .filter_map(|package| package.versions().next())
        .map(|version| {
            (version.name().into_owned(), version.field("Section"), version.field("Task"))
        })
        .collect();
    let units = DebianUnits::collect(
        described
            .iter()
            .map(|(name, section, task)| (name.as_str(), section.as_deref(), task.as_deref())),
    );
    // What a unit is for is mostly in its recommendations.
    let requests: Vec<Request> = units
        .iter()
        .map(|(_, unit)| Request::new(unit.packages().iter().cloned()).install_recommends(true))
        .collect();
    drawn(arguments, loaded, &requests)
}

/// Draws from distinct requests by popularity, and resolves those that are drawn.
fn drawn(arguments: &Simulate, loaded: Loaded, distinct: &[Request]) -> Result<Drawn, Failure> {
    let popularity = Popularity { exponent: arguments.popularity, drift: arguments.drift };
    let places = popularity.draw(distinct.len(), arguments.count as usize, arguments.seed);
    let mut numbers: FxHashMap<u32, usize> = FxHashMap::default();
    let mut used = Vec::new();
    for place in &places {
        numbers.entry(*place).or_insert_with(|| {
            used.push(distinct[*place as usize].clone());
            used.len() - 1
        });
    }
    let order: Vec<usize> = places.iter().map(|place| numbers[place]).collect();
    resolved(loaded, &used, &order, distinct.len())
}

fn of_history(arguments: &Simulate, path: &Path) -> Result<Drawn, Failure> {
    let history = accuracy::read(path, OnError::Stop)?;
    let loaded = load::load(&arguments.source, &Installed::Minimal)?;
    let mut numbers: FxHashMap<Vec<String>, usize> = FxHashMap::default();
    let (mut used, mut order) = (Vec::new(), Vec::new());
    for event in history.requests() {
        let mut packages = event.packages.clone();
        packages.sort_unstable();
        let next = used.len();
        let number = *numbers.entry(packages).or_insert_with_key(|packages| {
            used.push(Request::new(packages.iter().cloned()));
            next
        });
        order.push(number);
    }
    let possible = used.len();
    if order.is_empty() {
        return Err(Failure::NoRequests { path: path.to_owned() });
    }
    resolved(loaded, &used, &order, possible)
}

/// Resolves distinct requests on all cores, and leaves out those that cannot be fulfilled.
fn resolved(
    loaded: Loaded,
    distinct: &[Request],
    order: &[usize],
    possible: usize,
) -> Result<Drawn, Failure> {
    let begun = std::time::Instant::now();
    loaded.index.prepare();
    let roots = resolve_all(&loaded.index, &loaded.policy, distinct);
    let mut workload = Workload::new(&loaded.index);
    let mut places: Vec<Option<u32>> = Vec::with_capacity(roots.len());
    let mut failed = 0;
    for (root, request) in roots.iter().zip(distinct) {
        match root {
            Ok(versions) => places.push(Some(workload.push(&loaded.index, versions))),
            Err(error) => {
                failed += 1;
                tracing::info!("{} is left out: {error}", request.items().join(" "));
                places.push(None);
            }
        }
    }
    let requests: Vec<u32> = order.iter().filter_map(|number| places[*number]).collect();
    let resolve_seconds = begun.elapsed().as_secs_f64();
    if requests.is_empty() {
        // Every request failed: the first says why.
        let first = roots.into_iter().find_map(Result::err);
        return Err(first.map_or(Failure::NoSourceIndexes, Failure::Resolve));
    }
    Ok(Drawn { loaded, workload, requests, possible, failed, resolve_seconds })
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
