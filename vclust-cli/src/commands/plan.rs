//! `vclust plan`

use std::io::Write;

use serde::Serialize;
use vclust_core::{
    Candidate, Catalogue, ClusterSpec, Conditions, Estimate, Image, ImageSelector, ImageSizes,
    Request, Selection, Target, Universe,
};

use crate::arguments::{Format, Plan, Source};
use crate::commands::cache::known_images;
use crate::failure::Failure;
use crate::load::{self, Installed};
use crate::output::{bytes, counted};
use crate::site::{Learned, Past};

/// The JSON answer, a contract.
#[derive(Serialize)]
struct Answer<'a> {
    spec: &'a ClusterSpec,
    closure: ClosureAnswer,
    candidates: &'a [Candidate],
    considered: usize,
    unusable: usize,
    chosen: &'a Candidate,
    why: Vec<String>,
}

#[derive(Serialize)]
struct ClosureAnswer {
    request: Vec<String>,
    /// What the request adds to the minimal image.
    install: Vec<NewPackage>,
    download_bytes: u64,
    installed_bytes: u64,
}

#[derive(Serialize)]
struct NewPackage {
    package: String,
    version: String,
    architecture: String,
}

/// The name of the image that is made of the minimal root.
pub(crate) const MINIMAL: &str = "minimal";

pub(crate) fn run(arguments: &Plan, format: Format) -> Result<(), Failure> {
    let path = &arguments.spec;
    let text = std::fs::read_to_string(path)
        .map_err(|source| Failure::Read { path: path.clone(), source })?;
    let spec = ClusterSpec::parse(&text)
        .map_err(|source| Failure::Spec { path: path.clone(), source: Box::new(source) })?;
    let source = source_of(&arguments.source, &spec);
    let loaded = load::load(&source, &Installed::Minimal)?;
    let meta_packages = load::meta_packages(&arguments.meta_packages)?;
    let items =
        meta_packages.expand_names(&loaded.index, &spec.request(), spec.install_recommends)?;
    let request = Request::new(items).install_recommends(spec.install_recommends);
    let closure = request.resolve(&loaded.index, &loaded.policy)?;

    let mut universe = Universe::new();
    let installed: Vec<_> = loaded.index.installed().collect();
    let minimal = universe.add_versions(&installed);
    let wanted = universe.add_target(&closure);
    let mut catalogue = Catalogue::new();
    known_images(arguments.images.as_deref(), &loaded.index)?
        .add_to(&mut catalogue, &mut universe, &loaded.index)
        .map_err(|source| Failure::Images { path: images_path(arguments), source })?;
    let minimal = if let Some(id) = catalogue.find(MINIMAL) {
        id
    } else {
        let size = ImageSizes::default().of(&universe, &minimal);
        catalogue.add(Image { id: MINIMAL.to_owned(), packages: minimal, bytes: size })?
    };

    let mut past = Past::of(arguments.history.as_deref())?;
    let learned = Learned::from(&loaded.index, &mut past)?;
    let mut conditions = Conditions::new(&arguments.site, spec.nodes);
    conditions.hypervisor = Some(spec.deploy.hypervisor.name().to_owned());
    conditions.memory_bytes = Some(spec.memory.bytes());
    let allowed = spec.deploy.strategy.allowed();
    let (packages, prices) = learned.prices(&universe, &conditions, allowed, &catalogue);
    let target = Target::new(&universe, wanted);
    let selection = ImageSelector::new(&universe, &packages)
        .exact(spec.exact)
        .minimal(minimal)
        .keep(if format == Format::Json { usize::MAX } else { arguments.candidates })
        .select_or_mend(&catalogue, &target, &prices)?;

    let mut out = std::io::BufWriter::new(anstream::stdout().lock());
    match format {
        Format::Json => {
            let install = closure.install().map(|version| NewPackage {
                package: version.name().into_owned(),
                version: version.version().into_owned(),
                architecture: version.architecture().to_owned(),
            });
            let answer = Answer {
                spec: &spec,
                closure: ClosureAnswer {
                    request: spec.request(),
                    install: install.collect(),
                    download_bytes: closure.download_bytes(),
                    installed_bytes: closure.installed_bytes(),
                },
                candidates: &selection.candidates,
                considered: selection.considered,
                unusable: selection.unusable,
                chosen: selection.best(),
                why: selection.explanation(arguments.candidates),
            };
            serde_json::to_writer(&mut out, &answer).map_err(std::io::Error::from)?;
            writeln!(out)?;
        }
        Format::Text => {
            writeln!(
                out,
                "{}: {} of {}; {} beyond a minimal image, {} to download",
                spec.name,
                counted(spec.nodes as usize, "node"),
                spec.memory,
                counted(closure.len(), "package"),
                bytes(closure.download_bytes())
            )?;
            print(&mut out, &selection)?;
        }
    }
    out.flush()?;
    Ok(())
}

/// What messages about the images are about.
fn images_path(arguments: &Plan) -> std::path::PathBuf {
    arguments.images.clone().unwrap_or_else(|| "the repository".into())
}

/// Where packages come from: what the command line says, else what the spec says.
fn source_of(given: &Source, spec: &ClusterSpec) -> Source {
    let mut source = given.clone();
    if source.packages_file.is_empty() && source.mirror.is_none() {
        source.mirror.clone_from(&spec.debian.mirror);
        source.suite.clone_from(&spec.debian.suite);
    }
    if source.architecture.is_none() {
        source.architecture.clone_from(&spec.debian.architecture);
    }
    source
}

fn print(out: &mut impl Write, selection: &Selection) -> std::io::Result<()> {
    let bold = anstyle::Style::new().bold();
    let width = selection.candidates.iter().map(|one| root(one).len()).fold(24, usize::max);
    writeln!(
        out,
        "\n{bold}{:<width$} {:<9} {:>26} {:>9} {:>8}  phases (seconds){bold:#}",
        "image", "strategy", "seconds (90 % interval)", "size", "missing"
    )?;
    for candidate in &selection.candidates {
        let phases: Vec<String> = candidate
            .phases
            .iter()
            .filter(|part| part.estimate.seconds >= 0.05)
            .map(|part| format!("{} {:.1}", part.phase, part.estimate.seconds))
            .collect();
        let mark = if candidate.overlaps { " ~" } else { "" };
        writeln!(
            out,
            "{:<width$} {:<9} {:>26} {:>9} {:>8}  {}{mark}",
            root(candidate),
            candidate.strategy.name(),
            interval(candidate.total),
            bytes(candidate.bytes),
            candidate.missing,
            phases.join(", ")
        )?;
    }
    let best = selection.best();
    if best.layers.len() > NAMED {
        writeln!(out, "the first: {}", best.root())?;
    }
    if best.gap > 0.0 {
        let most = 100.0 * best.gap;
        writeln!(out, "other layers for its image might be faster, by {most:.1} % at most")?;
    }
    if selection.candidates.iter().any(|candidate| candidate.overlaps) {
        writeln!(out, "~ may turn out the faster: its interval overlaps the first one's")?;
    }
    let left = selection.considered - selection.candidates.len();
    if left > 0 {
        writeln!(out, "{} more, all slower", counted(left, "candidate"))?;
    }
    if selection.unusable > 0 {
        writeln!(out, "{} cannot be used for this request", counted(selection.unusable, "image"))?;
    }
    Ok(())
}

/// Layers that are named in a table; of more their number is told.
const NAMED: usize = 2;

fn root(candidate: &Candidate) -> String {
    if candidate.layers.len() > NAMED {
        format!("{} + {} layers", candidate.image, candidate.layers.len())
    } else {
        candidate.root()
    }
}

fn interval(estimate: Estimate) -> String {
    format!("{:.1} ({:.1} to {:.1})", estimate.seconds, estimate.low, estimate.high)
}
