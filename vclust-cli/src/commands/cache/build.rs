//! `vclust cache build`

use std::io::Write;
use std::path::Path;

use serde::Serialize;
use vclust_core::{Closure, HistoryStore, ImageKind, ImageListings, Request};
use vclust_debian::{AptConfiguration, MirrorOptions, PackagePool, StateDirectory};
use vclust_grid::{
    BuildError, BuildEvents, BuiltImage, HistoryDatabase, IfFound, ImageBuilder, ImageOrder,
    ImagePlan, ImageRepository, ManifestPhase, ROOT_STATUS, RootState, StoredImage,
};

use super::answer::ImageAnswer;
use crate::arguments::Format;
use crate::arguments::build::Build;
use crate::failure::{Failure, causes};
use crate::interrupt;
use crate::load::{self, Loaded};
use crate::output::{bytes, counted};
use crate::progress::BuildBars;
use crate::root;

/// The JSON answer, a contract: the image, as all commands have it, and its build.
#[derive(Serialize)]
struct Answer<'a> {
    #[serde(flatten)]
    image: ImageAnswer<'a>,
    /// Whether it was built now; false if it was there already.
    built: bool,
    seconds: f64,
    phases: &'a [ManifestPhase],
}

/// The answer where several images are built.
#[derive(Serialize)]
struct Answers<'a> {
    images: Vec<Answer<'a>>,
}

pub(crate) fn run(arguments: &Build, format: Format) -> Result<(), Failure> {
    root::ensure()?;
    interrupt::supervised(super::clean_up)?;
    let state = StateDirectory::locate()?;
    let repository = ImageRepository::open(&state)?;
    let built = match &arguments.generated {
        None => vec![build_one(arguments, &state, &repository)?],
        Some(path) => build_generated(arguments, &state, &repository, path)?,
    };
    let mut out = std::io::BufWriter::new(anstream::stdout().lock());
    match (format, &arguments.generated) {
        (Format::Text, _) => built.iter().try_for_each(|built| print(&mut out, built))?,
        (Format::Json, None) => write_json(&mut out, &answer(&built[0]))?,
        (Format::Json, Some(_)) => {
            write_json(&mut out, &Answers { images: built.iter().map(answer).collect() })?;
        }
    }
    Ok(out.flush()?)
}

fn write_json(out: &mut impl Write, answer: &impl Serialize) -> Result<(), Failure> {
    serde_json::to_writer(&mut *out, answer).map_err(std::io::Error::from)?;
    Ok(writeln!(out)?)
}

/// Builds every image that generation designed and the repository does not hold.
fn build_generated(
    arguments: &Build,
    state: &StateDirectory,
    repository: &ImageRepository,
    path: &Path,
) -> Result<Vec<BuiltImage>, Failure> {
    let text =
        std::fs::read(path).map_err(|source| Failure::Read { path: path.to_owned(), source })?;
    let listings = ImageListings::parse(&text)
        .map_err(|source| Failure::Images { path: path.to_owned(), source })?;
    let loaded = load::load(&arguments.source, &RootState::Empty)?;
    let minimal = Request::minimal_root(&loaded.index).resolve(&loaded.index, &loaded.policy)?;
    let below: Vec<String> = minimal.install().map(|version| version.name().into()).collect();
    let mut all = Vec::new();
    for listing in &listings.images {
        let added = listing.packages.iter().filter(|package| !below.contains(&package.package));
        let items: Vec<String> =
            added.map(|package| format!("{}={}", package.package, package.version)).collect();
        let base = match listing.kind {
            ImageKind::Image => None,
            // what generation calls the minimal image is a variant of its own here
            ImageKind::Layer => Some(build_image(arguments, state, repository, None, &[])?.image),
        };
        match build_image(arguments, state, repository, base, &items) {
            Ok(built) => all.push(built),
            Err(Failure::Build(BuildError::NothingToAdd { base })) => {
                tracing::warn!("a layer was left out: the image {base} holds all of it");
            }
            Err(failure) => return Err(failure),
        }
    }
    Ok(all)
}

fn build_one(
    arguments: &Build,
    state: &StateDirectory,
    repository: &ImageRepository,
) -> Result<BuiltImage, Failure> {
    let base = match &arguments.base {
        Some(id) => Some(repository.get(id)?),
        None => None,
    };
    build_image(arguments, state, repository, base, &arguments.packages)
}

/// What packages add to a base, or to nothing.
pub(crate) fn plan(
    arguments: &Build,
    repository: &ImageRepository,
    base: Option<&StoredImage>,
    packages: &[String],
) -> Result<ImagePlan, Failure> {
    let root = match base {
        Some(base) => RootState::StatusFile(repository.path_of(base).join(ROOT_STATUS)),
        None => RootState::Empty,
    };
    let loaded = load::load(&arguments.source, &root)?;
    let closure = resolve(arguments, &loaded, packages, base.is_some())?;
    Ok(ImagePlan::of(&closure, &loaded.archives)?)
}

/// Builds an image, or a layer where there is a base.
pub(crate) fn build_image(
    arguments: &Build,
    state: &StateDirectory,
    repository: &ImageRepository,
    base: Option<StoredImage>,
    packages: &[String],
) -> Result<BuiltImage, Failure> {
    let plan = plan(arguments, repository, base.as_ref(), packages)?;
    let pool = pool(state, &plan)?;
    let order = ImageOrder {
        plan,
        variant: match &base {
            Some(base) => base.variant.parse().unwrap_or_default(),
            None => arguments.variant,
        },
        request: packages.to_vec(),
        base,
        archive: arguments.archive,
        source_date_epoch: source_date_epoch()?,
        if_found: if arguments.rebuild { IfFound::Replace } else { IfFound::Use },
    };
    let bars = BuildBars::new(&order.plan);
    let builder = ImageBuilder::new(repository, &pool, &arguments.site);
    let built = builder.build(&order, &|progress| bars.report(progress));
    bars.clear();
    let built = built?;
    record(state, &built.events);
    Ok(built)
}

fn resolve<'a>(
    arguments: &Build,
    loaded: &'a Loaded,
    packages: &[String],
    is_layer: bool,
) -> Result<Closure<'a>, Failure> {
    let meta_packages = load::meta_packages(&arguments.meta_packages)?;
    let packages: Vec<String> =
        packages.iter().filter(|name| !name.trim().is_empty()).cloned().collect();
    let items =
        meta_packages.expand_names(&loaded.index, &packages, arguments.install_recommends)?;
    let request = if is_layer {
        Request::new(items)
    } else {
        arguments.variant.request(&loaded.index, &items)
    };
    let request = request.install_recommends(arguments.install_recommends);
    Ok(request.resolve(&loaded.index, &loaded.policy)?)
}

/// The pool of packages, reached as apt reaches the archives.
pub(crate) fn pool(state: &StateDirectory, plan: &ImagePlan) -> Result<PackagePool, Failure> {
    let proxy = match plan.packages.first() {
        Some(package) => AptConfiguration::load()?.proxy_for(&package.wanted.archive),
        None => None,
    };
    Ok(PackagePool::open(state, MirrorOptions { proxy, ..MirrorOptions::default() })?)
}

/// The time of the build that the environment asks for.
fn source_date_epoch() -> Result<Option<i64>, Failure> {
    let Some(value) = std::env::var_os("SOURCE_DATE_EPOCH") else { return Ok(None) };
    if value.is_empty() {
        return Ok(None);
    }
    let text = value.to_string_lossy().into_owned();
    match text.parse() {
        Ok(epoch) if epoch >= 0 => Ok(Some(epoch)),
        _ => Err(Failure::SourceDateEpoch { text }),
    }
}

/// Records what a build teaches. A history that cannot be written is no reason to lose the image.
pub(crate) fn record(state: &StateDirectory, events: &BuildEvents) {
    let append = || -> Result<(), Failure> {
        let events: Vec<_> = events.iter().collect();
        if events.is_empty() {
            return Ok(());
        }
        let mut history = HistoryDatabase::open(state)?;
        HistoryStore::append(&mut history, &events)?;
        Ok(())
    };
    if let Err(error) = append() {
        tracing::warn!("the build was not recorded: {error}; {}", causes(&error).join("; "));
    }
}

fn answer(built: &BuiltImage) -> Answer<'_> {
    Answer {
        image: ImageAnswer::of(&built.image),
        built: !built.was_there,
        seconds: built.seconds,
        phases: &built.phases,
    }
}

fn print(out: &mut impl Write, built: &BuiltImage) -> std::io::Result<()> {
    let bold = anstyle::Style::new().bold();
    let faint = anstyle::Style::new().dimmed();
    let image = &built.image;
    let what = match &image.base {
        Some(base) => format!("layer over {base}"),
        None => format!("{} image", image.variant),
    };
    let how = if built.was_there {
        "was there already".to_owned()
    } else {
        format!("built in {:.1} s", built.seconds)
    };
    writeln!(
        out,
        "{bold}{}{bold:#} {what}, {}, {} in {}: {how}",
        image.id,
        counted(image.packages.len(), "package"),
        bytes(image.content_bytes),
        counted(usize::try_from(image.files).unwrap_or(usize::MAX), "file"),
    )?;
    for phase in &built.phases {
        writeln!(out, "  {:<10} {:>7.2} s", phase.phase, phase.seconds)?;
    }
    for (name, size) in &image.products {
        writeln!(out, "{faint}  {name:<16} {:>10}{faint:#}", bytes(*size))?;
    }
    Ok(())
}
