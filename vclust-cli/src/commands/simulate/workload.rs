//! The requests to replay: drawn from source packages or metapackages, or read from a history.

use std::path::Path;
use std::time::Instant;

use rustc_hash::FxHashMap;
use vclust_core::{
    BuildDependencies, DebianUnits, FileOrigin, OnError, Popularity, Request, RequestEvent,
    Sources, Workload,
};
use vclust_debian::{AptConfiguration, open_index};
use vclust_grid::{PackageSource, ResolvedRequests, RootState};

use crate::arguments::{Simulate, TraceKind};
use crate::commands::accuracy;
use crate::failure::Failure;
use crate::load::{self, Loaded};
use crate::progress::Bars;
use crate::requests;

/// A workload with the order in which its requests are made.
pub(super) struct Drawn {
    pub(super) loaded: Loaded,
    pub(super) workload: Workload,
    /// Places of the targets.
    pub(super) requests: Vec<u32>,
    /// Distinct requests that could be drawn.
    pub(super) possible: usize,
    /// Requests that cannot be fulfilled, and are left out.
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
        let source = PackageSource::from(&arguments.source);
        let bars = Bars::new();
        let files = source.source_index_files(&apt, &|progress| bars.report(progress));
        bars.clear();
        let files = files?;
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
    let architecture = PackageSource::from(&arguments.source).root_architecture()?;
    let needs = BuildDependencies::of(&sources, &architecture);
    for (package, error) in &needs.unreadable {
        tracing::warn!("{package} is left out: {error}");
    }
    let made_up = (needs.packages_file.into(), FileOrigin::named("build dependencies"));
    let loaded = load::load_with(&arguments.source, &RootState::Minimal, made_up)?;
    let requests: Vec<Request> =
        needs.names.iter().map(|name| Request::new([name.as_str()])).collect();
    drawn(arguments, loaded, &requests)
}

fn of_metapackages(arguments: &Simulate) -> Result<Drawn, Failure> {
    let loaded = load::load(&arguments.source, &RootState::Minimal)?;
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
    let begun = Instant::now();
    let requested = requests::resolve(&loaded, &used, &order);
    Drawn::of(loaded, requested, distinct.len(), begun)
}

fn of_history(arguments: &Simulate, path: &Path) -> Result<Drawn, Failure> {
    let history = accuracy::read(path, OnError::Stop)?;
    let events: Vec<RequestEvent> = history.requests().cloned().collect();
    if events.is_empty() {
        return Err(Failure::NoRequests { path: path.to_owned() });
    }
    let loaded = load::load(&arguments.source, &RootState::Minimal)?;
    let begun = Instant::now();
    let requested = requests::of_events(&loaded, &events)?;
    let possible = requested.workload.targets.len();
    Drawn::of(loaded, requested, possible, begun)
}

impl Drawn {
    fn of(
        loaded: Loaded,
        requested: ResolvedRequests,
        possible: usize,
        begun: Instant,
    ) -> Result<Self, Failure> {
        let ResolvedRequests { workload, order, failed, failure, .. } = requested;
        if order.is_empty() {
            // Every request failed: one of them says why.
            return Err(failure.map_or(Failure::NothingToDraw, Failure::Resolve));
        }
        let resolve_seconds = begun.elapsed().as_secs_f64();
        Ok(Self { loaded, workload, requests: order, possible, failed, resolve_seconds })
    }
}
