//! `vclust measure`

use std::io::Write;

use serde::Serialize;
use vclust_core::{Closure, Event, HistoryStore, Index, Request};
use vclust_debian::{StateDirectory, Variant};
use vclust_grid::{
    HistoryDatabase, ImageBuilder, ImageOrder, ImagePlan, ImageRepository, MINIMAL, ROOT_STATUS,
    RootState, StoredImage,
};

use super::cache::build;
use crate::arguments::{Format, MeasureCommand, MeasureInstall};
use crate::failure::{Failure, causes};
use crate::interrupt;
use crate::load::{self, Loaded};
use crate::output::counted;
use crate::progress::BuildBars;
use crate::root;

/// The JSON answer, a contract.
#[derive(Debug, Serialize)]
struct Answer {
    base: String,
    sets: Vec<Measured>,
}

#[derive(Debug, Serialize)]
struct Measured {
    request: Vec<String>,
    packages: usize,
    /// Nothing if it could not be installed; `error` says why.
    seconds: Option<f64>,
    unpack_seconds: Option<f64>,
    configure_seconds: Option<f64>,
    error: Option<String>,
}

pub(crate) fn run(command: &MeasureCommand, format: Format) -> Result<(), Failure> {
    match command {
        MeasureCommand::Install(arguments) => install(arguments, format),
    }
}

fn install(arguments: &MeasureInstall, format: Format) -> Result<(), Failure> {
    root::ensure()?;
    interrupt::supervised(super::cache::clean_up)?;
    let state = StateDirectory::locate()?;
    let repository = ImageRepository::open(&state)?;
    let base = base(arguments, &state, &repository)?;
    let status = repository.path_of(&base).join(ROOT_STATUS);
    let loaded = load::load(&arguments.source, &RootState::StatusFile(status))?;
    let sets = sets(arguments, &loaded);
    let mut history = HistoryDatabase::open(&state)?;
    let mut measured = Vec::new();
    let mut out = anstream::stdout().lock();
    for request in sets {
        let one = measure(arguments, &state, &repository, &base, &loaded, &request, &mut history);
        let one = one.unwrap_or_else(|failure| Measured {
            request: request.clone(),
            packages: 0,
            seconds: None,
            unpack_seconds: None,
            configure_seconds: None,
            error: Some(
                std::iter::once(failure.to_string())
                    .chain(causes(&failure))
                    .collect::<Vec<_>>()
                    .join(": "),
            ),
        });
        if format == Format::Text {
            print(&mut out, &one)?;
        }
        measured.push(one);
    }
    let failed = measured.iter().filter(|one| one.error.is_some()).count();
    let all = measured.len();
    if format == Format::Json {
        let answer = Answer { base: base.id, sets: measured };
        serde_json::to_writer(&mut out, &answer).map_err(std::io::Error::from)?;
        writeln!(out)?;
    }
    if failed == all && all > 0 {
        return Err(Failure::NothingMeasured { sets: all });
    }
    Ok(())
}

/// The image to install over; the minimal one is built if there is none.
fn base(
    arguments: &MeasureInstall,
    state: &StateDirectory,
    repository: &ImageRepository,
) -> Result<StoredImage, Failure> {
    match repository.get(&arguments.base) {
        Err(_) if arguments.base == MINIMAL => {}
        found => return Ok(found?),
    }
    let loaded = load::load(&arguments.source, &RootState::Empty)?;
    let request = Variant::Minimal.request(&loaded.index, &[]);
    let closure = request.resolve(&loaded.index, &loaded.policy)?;
    let order = order(ImagePlan::of(&closure, &loaded.archives)?, None, Vec::new());
    let pool = build::pool(state, &order.plan)?;
    let bars = BuildBars::new(&order.plan);
    let builder = ImageBuilder::new(repository, &pool, &arguments.site);
    let built = builder.build(&order, &|progress| bars.report(progress));
    bars.clear();
    let built = built?;
    build::record(state, &built.events);
    Ok(built.image)
}

fn order(plan: ImagePlan, base: Option<StoredImage>, request: Vec<String>) -> ImageOrder {
    ImageOrder { request, ..ImageOrder::new(plan, base) }
}

/// The sets that were asked for, or drawn ones.
fn sets(arguments: &MeasureInstall, loaded: &Loaded) -> Vec<Vec<String>> {
    if !arguments.packages.is_empty() {
        let split = |set: &String| set.split(',').map(|name| name.trim().to_owned()).collect();
        return arguments.packages.iter().map(split).collect();
    }
    let names = programs(&loaded.index);
    let mut random = fastrand::Rng::with_seed(arguments.seed);
    let mut sets = Vec::new();
    let mut attempts = 0;
    while sets.len() < arguments.sets && attempts < arguments.sets * 50 && !names.is_empty() {
        attempts += 1;
        // small sets are common, as users' requests are
        let count = 1 + (random.usize(..4) * random.usize(..4)) / 3;
        let mut set: Vec<String> =
            random.choose_multiple(names.iter(), count).into_iter().cloned().collect();
        set.sort();
        let closure = Request::new(set.clone()).resolve(&loaded.index, &loaded.policy);
        let fits = |closure: &Closure<'_>| (1..=arguments.limit).contains(&closure.len());
        if closure.is_ok_and(|closure| fits(&closure)) && !sets.contains(&set) {
            sets.push(set);
        }
    }
    sets
}

/// Names of packages that people ask for: no libraries, no documentation, nothing transitional.
fn programs(index: &Index) -> Vec<String> {
    const SECTIONS: [&str; 14] = [
        "admin",
        "database",
        "devel",
        "editors",
        "fortran",
        "gnu-r",
        "httpd",
        "interpreters",
        "mail",
        "math",
        "net",
        "python",
        "science",
        "utils",
    ];
    let native = index.native_architecture();
    let wanted = index.packages().filter(|package| {
        let Some(version) = package.versions().next() else { return false };
        let section = version.field("Section").unwrap_or_default().into_owned();
        package.architecture() == native
            && package.installed().is_none()
            && SECTIONS.contains(&section.as_str())
    });
    let mut names: Vec<String> = wanted.map(|package| package.name().into_owned()).collect();
    names.sort();
    names.dedup();
    names
}

fn measure(
    arguments: &MeasureInstall,
    state: &StateDirectory,
    repository: &ImageRepository,
    base: &StoredImage,
    loaded: &Loaded,
    request: &[String],
    history: &mut HistoryDatabase,
) -> Result<Measured, Failure> {
    let closure = Request::new(request.to_vec()).resolve(&loaded.index, &loaded.policy)?;
    let plan = ImagePlan::of(&closure, &loaded.archives)?;
    let packages = plan.packages.len();
    let pool = build::pool(state, &plan)?;
    let order = order(plan, Some(base.clone()), request.to_vec());
    let bars = BuildBars::new(&order.plan);
    let builder = ImageBuilder::new(repository, &pool, &arguments.site);
    let event = builder.measure(&order, &|progress| bars.report(progress));
    bars.clear();
    let event = event?;
    let measured = Measured {
        request: request.to_vec(),
        packages,
        seconds: Some(event.seconds),
        unpack_seconds: event.unpack_seconds,
        configure_seconds: event.configure_seconds,
        error: None,
    };
    history.append(&[Event::Install(event)])?;
    Ok(measured)
}

fn print(out: &mut impl Write, one: &Measured) -> std::io::Result<()> {
    let request = one.request.join(" ");
    match (&one.error, one.seconds) {
        (None, Some(seconds)) => {
            writeln!(out, "{seconds:>8.2} s  {:>12}  {request}", counted(one.packages, "package"))
        }
        (error, _) => writeln!(
            out,
            "  failed               {request}: {}",
            error.as_deref().unwrap_or_default()
        ),
    }
}
