//! `vclust up`

use std::io::Write;
use std::path::{Path, PathBuf};
use std::time::Instant;

use serde::Serialize;
use vclust_core::{
    Candidate, ClusterSpec, Event, HistoryStore, Phase, RequestEvent, Strategy, StrategyChoice,
};
use vclust_debian::{StateDirectory, Variant};
use vclust_grid::{
    Backend, BootFiles, BootPackages, BuildError, BuiltImage, Cancel, ClusterOrder, ClusterPlan,
    ClusterRecord, ClusterStore, Deployer, HistoryDatabase, ImageRepository, InstallSources,
    MINIMAL, PROGRAMS, PackageSource, PhaseTime, PlannedClosure, PlannedPackage, RepositoryError,
    StoredImage, Up as Started, read_spec,
};

use crate::arguments::build::Build;
use crate::arguments::{Choice, Format, Up};
use crate::commands::cache::build;
use crate::commands::planning::{self, Inputs};
use crate::commands::{clusters, plan};
use crate::failure::{Failure, causes};
use crate::output::counted;
use crate::progress::{self, NodeLines};
use crate::{interrupt, root};

/// The JSON answer, a contract.
#[derive(Serialize)]
struct Answer<'a> {
    spec: &'a ClusterSpec,
    closure: &'a PlannedClosure,
    chosen: &'a Candidate,
    why: Vec<String>,
    /// The cluster; none where nothing was done.
    #[serde(skip_serializing_if = "Option::is_none")]
    cluster: Option<clusters::ClusterAnswer>,
    /// Seconds of the whole command up to the answer.
    seconds: f64,
}

pub(crate) fn run(arguments: &Up, format: Format) -> Result<(), Failure> {
    if !arguments.dry_run {
        root::ensure()?;
        interrupt::supervised_with(end_abandoned, |_| clean_up())?;
    }
    let start = Instant::now();
    let (spec, directory) = spec_of(arguments)?;
    let inputs = Inputs {
        source: &arguments.source,
        meta_packages: &arguments.meta_packages,
        images: None,
        history: None,
        site: &arguments.site,
        kept: usize::MAX,
    };
    let planned = planning::plan(spec, &inputs)?;
    let chosen = planned.feasible().clone();
    if arguments.dry_run {
        return show(&planned, &chosen, None, start, format);
    }
    let state = StateDirectory::locate()?;
    let store = ClusterStore::open(&state)?;
    let left = store.clean_abandoned()?;
    if !left.is_nothing() {
        tracing::info!("removed what killed commands had left: {left:?}");
    }
    let repository = ImageRepository::open(&state)?;
    let mut course = Course {
        arguments,
        state: &state,
        repository: &repository,
        measured: vec![
            PhaseTime { phase: Phase::Resolve, seconds: planned.resolve_seconds },
            PhaseTime { phase: Phase::Select, seconds: planned.select_seconds },
        ],
    };
    let boot = boot_files(&planned, &state)?;
    let images = course.images(&planned, &chosen)?;
    let started = course.deploy(&planned, &chosen, images, directory, &boot, format)?;
    record(&state, &planned, &arguments.site, &started);
    show(&planned, &chosen, Some(&started.record), start, format)
}

/// Ends the clusters whose start or stop was abandoned.
pub(crate) fn end_abandoned() -> Result<(), Failure> {
    ClusterStore::open(&StateDirectory::locate()?)?.clean_abandoned()?;
    Ok(())
}

/// Removes what a killed start left: the cluster, and images under construction.
pub(crate) fn clean_up() -> Result<(), Failure> {
    let state = StateDirectory::locate()?;
    ClusterStore::open(&state)?.clean_abandoned()?;
    if let Some(repository) = ImageRepository::open_existing(&state)? {
        repository.recover()?;
    }
    Ok(())
}

/// The spec, and the directory that its files are relative to.
fn spec_of(arguments: &Up) -> Result<(ClusterSpec, PathBuf), Failure> {
    let (mut spec, directory) = if let Some(path) = &arguments.spec {
        let directory = path.parent().filter(|parent| !parent.as_os_str().is_empty());
        (read_spec(path)?, directory.unwrap_or(Path::new(".")).to_owned())
    } else {
        let nodes = arguments.nodes.unwrap_or(1);
        let text = format!("name = \"cluster\"\nnodes = {nodes}\n");
        let mut spec = ClusterSpec::parse(&text).map_err(Failure::Options)?;
        spec.packages.clone_from(&arguments.packages);
        (spec, PathBuf::from("."))
    };
    if let Some(name) = &arguments.name {
        spec.name.clone_from(name);
    }
    if let Some(memory) = arguments.memory {
        spec.memory = memory;
    }
    if let Some(choice) = arguments.strategy {
        spec.deploy.strategy = match choice {
            Choice::Auto => StrategyChoice::Auto,
            Choice::Install => StrategyChoice::Install,
            Choice::Layers => StrategyChoice::Layers,
            Choice::Clone => StrategyChoice::Clone,
        };
    }
    spec.check().map_err(Failure::Options)?;
    Ok((spec, directory))
}

/// The kernel and what nodes start with.
fn boot_files(planned: &ClusterPlan, state: &StateDirectory) -> Result<BootFiles, Failure> {
    let loaded = &planned.loaded;
    let packages = BootPackages::of(&loaded.index, &loaded.policy, &loaded.archives)?;
    let pool = build::pool(state, packages.plan())?;
    let bar = progress::reading(Some(packages.plan().download_bytes()));
    let files = packages.make(state, &pool, &|progress| bar.set_position(progress.bytes));
    bar.finish_and_clear();
    Ok(files?)
}

struct Course<'a> {
    arguments: &'a Up,
    state: &'a StateDirectory,
    repository: &'a ImageRepository,
    measured: Vec<PhaseTime>,
}

impl Course<'_> {
    /// Sees to it that the image and the layers are there; what was chosen is the lowest.
    fn images(
        &mut self,
        planned: &ClusterPlan,
        chosen: &Candidate,
    ) -> Result<Vec<StoredImage>, Failure> {
        let base = self.base(planned, &chosen.image)?;
        let mut images = self.repository.stack(&base)?.parts;
        for layer in chosen.layers.iter().take(1) {
            images.push(self.repository.get(layer)?);
        }
        if chosen.strategy != Strategy::Install {
            let since = Instant::now();
            let top = images[images.len() - 1].clone();
            let wanted = planned.spec.request();
            if !wanted.is_empty() && chosen.missing + chosen.removals > 0 {
                match self.build(planned, Some(top), &wanted) {
                    Ok(built) => {
                        self.took(&built, since.elapsed().as_secs_f64());
                        images.push(built.image);
                    }
                    // the image has all of it
                    Err(Failure::Build(BuildError::NothingToAdd { .. })) => {}
                    Err(failure) => return Err(failure),
                }
            }
        }
        Ok(images)
    }

    /// Notes what a layer took: what installing its packages did, and the rest.
    fn took(&mut self, built: &BuiltImage, seconds: f64) {
        let installed = built.events.install.as_ref().map_or(0.0, |install| install.seconds);
        for (phase, seconds) in [(Phase::Install, installed), (Phase::Layer, seconds - installed)] {
            self.measured.push(PhaseTime { phase, seconds: seconds.max(0.0) });
        }
    }

    fn base(&mut self, planned: &ClusterPlan, name: &str) -> Result<StoredImage, Failure> {
        match self.repository.get(name) {
            Err(RepositoryError::Unknown { .. }) if name == MINIMAL => {}
            known => return Ok(known?),
        }
        let since = Instant::now();
        let image = self.build(planned, None, &[])?.image;
        let seconds = since.elapsed().as_secs_f64();
        self.measured.push(PhaseTime { phase: Phase::Image, seconds });
        Ok(image)
    }

    /// What nodes install with, beside their image.
    fn sources(
        &self,
        planned: &ClusterPlan,
        image: &StoredImage,
    ) -> Result<InstallSources, Failure> {
        let arguments = self.build_arguments(planned);
        let wanted = planned.spec.request();
        let plan = if wanted.is_empty() {
            None
        } else {
            Some(build::plan(&arguments, self.repository, Some(image), &wanted)?)
        };
        let (packages, versions, installed_bytes, remove) = match plan {
            None => (Vec::new(), Vec::new(), 0, Vec::new()),
            Some(plan) => {
                let pool = build::pool(self.state, &plan)?;
                let bar = progress::reading(Some(plan.download_bytes()));
                let wanted: Vec<_> =
                    plan.packages.iter().map(|package| package.wanted.clone()).collect();
                let fetched = pool.fetch(&wanted, &|progress| bar.set_position(progress.bytes));
                bar.finish_and_clear();
                let versions = plan.packages.iter().map(PlannedPackage::package_version);
                let installed = plan.packages.iter().map(|package| package.installed_size).sum();
                (fetched?.paths, versions.collect(), installed, plan.remove)
            }
        };
        let programs = self.build(planned, None, &PROGRAMS.map(str::to_owned))?;
        let loaded = &planned.loaded;
        let boot = BootPackages::of(&loaded.index, &loaded.policy, &loaded.archives)?;
        let pool = build::pool(self.state, boot.plan())?;
        let initramfs = boot.make_installer(self.state, &pool)?;
        let programs = programs.image;
        Ok(InstallSources { programs, initramfs, packages, versions, installed_bytes, remove })
    }

    fn build(
        &self,
        planned: &ClusterPlan,
        base: Option<StoredImage>,
        packages: &[String],
    ) -> Result<BuiltImage, Failure> {
        let arguments = self.build_arguments(planned);
        build::build_image(&arguments, self.state, self.repository, base, packages)
    }

    fn build_arguments(&self, planned: &ClusterPlan) -> Build {
        Build {
            source: PackageSource::from(&self.arguments.source).for_spec(&planned.spec).into(),
            variant: Variant::Minimal,
            packages: Vec::new(),
            install_recommends: planned.spec.install_recommends,
            base: None,
            generated: None,
            archive: false,
            rebuild: false,
            meta_packages: self.arguments.meta_packages.clone(),
            site: self.arguments.site.clone(),
        }
    }

    fn deploy(
        &mut self,
        planned: &ClusterPlan,
        chosen: &Candidate,
        images: Vec<StoredImage>,
        directory: PathBuf,
        boot: &BootFiles,
        format: Format,
    ) -> Result<Started, Failure> {
        let spec = &planned.spec;
        let backend = Backend::new(spec.deploy.hypervisor, self.state.path())?;
        let cancel = Cancel::new();
        let deployer = Deployer {
            state: self.state,
            repository: self.repository,
            boot,
            backend: &backend,
            site: &self.arguments.site,
            cancel: &cancel,
        };
        let predicted = chosen.phases.iter().map(|part| (part.phase, part.estimate.seconds));
        let order = ClusterOrder {
            spec: spec.clone(),
            directory,
            strategy: chosen.strategy,
            install: match chosen.strategy {
                Strategy::Install => Some(self.sources(planned, &images[0])?),
                Strategy::Layers | Strategy::Clone => None,
            },
            images,
            predicted: predicted.collect(),
            measured: std::mem::take(&mut self.measured),
        };
        let lines = NodeLines::new(format, spec.nodes);
        let started = deployer.up(&order, &|event| lines.report(&event));
        lines.clear();
        Ok(started?)
    }
}

/// Records what was asked for and what the start teaches. A history that cannot be written is no reason
/// to lose the cluster.
fn record(state: &StateDirectory, planned: &ClusterPlan, site: &str, started: &Started) {
    let request = Event::Request(RequestEvent {
        at: started.record.created,
        site: site.to_owned(),
        nodes: planned.spec.nodes,
        packages: planned.spec.request(),
    });
    // a request for machines alone teaches nothing about packages
    let mut events = Vec::new();
    if !planned.spec.request().is_empty() {
        events.push(request);
    }
    events.extend(started.events.iter().cloned());
    let append = || -> Result<(), Failure> {
        let mut history = HistoryDatabase::open(state)?;
        HistoryStore::append(&mut history, &events)?;
        Ok(())
    };
    if let Err(error) = append() {
        tracing::warn!("the start was not recorded: {error}; {}", causes(&error).join("; "));
    }
}

fn show(
    planned: &ClusterPlan,
    chosen: &Candidate,
    record: Option<&ClusterRecord>,
    start: Instant,
    format: Format,
) -> Result<(), Failure> {
    let seconds = start.elapsed().as_secs_f64();
    let spec = &planned.spec;
    let mut out = std::io::BufWriter::new(anstream::stdout().lock());
    match format {
        Format::Json => {
            let answer = Answer {
                spec,
                closure: &planned.closure,
                chosen,
                why: planned.selection.explanation(3),
                cluster: record.map(clusters::ClusterAnswer::of),
                seconds,
            };
            serde_json::to_writer(&mut out, &answer).map_err(std::io::Error::from)?;
            writeln!(out)?;
        }
        Format::Text => {
            let Some(record) = record else {
                plan::print(&mut out, planned)?;
                return Ok(out.flush()?);
            };
            clusters::print_phases(&mut out, record)?;
            writeln!(out)?;
            clusters::print_nodes(&mut out, record)?;
            let bold = anstyle::Style::new().bold();
            writeln!(
                out,
                "\n{bold}{}{bold:#} is ready after {seconds:.2} s: {} by {}; `vclust ssh {}` logs in",
                record.name,
                counted(record.nodes.len(), "node"),
                record.strategy,
                record.name
            )?;
        }
    }
    Ok(out.flush()?)
}
