//! From a spec to candidates: what `plan` shows and `up` carries out.

use std::path::{Path, PathBuf};
use std::time::Instant;

use serde::Serialize;
use vclust_core::{
    Catalogue, ClusterSpec, Conditions, Image, ImageSelector, ImageSizes, Request, Selection,
    Target, Universe,
};
use vclust_debian::StateDirectory;
use vclust_grid::{ImageRepository, ROOT_STATUS, RepositoryError, StoredImage, TemplateStore};

use crate::arguments::Source;
use crate::commands::cache::known_images;
use crate::failure::Failure;
use crate::load::{self, Installed, Loaded};
use crate::site::{Learned, Past};

/// The name of the image that is made of the minimal root.
pub(crate) const MINIMAL: &str = "minimal";

/// What a plan is made from, besides the spec.
pub(crate) struct Inputs<'a> {
    pub(crate) source: &'a Source,
    pub(crate) meta_packages: &'a [PathBuf],
    /// Images to choose from, instead of the repository's.
    pub(crate) images: Option<&'a Path>,
    /// A history to learn from, instead of the site's.
    pub(crate) history: Option<&'a Path>,
    pub(crate) site: &'a str,
    /// How many candidates are kept.
    pub(crate) kept: usize,
}

/// A plan, with what it was made from.
pub(crate) struct Planned {
    pub(crate) spec: ClusterSpec,
    pub(crate) loaded: Loaded,
    pub(crate) closure: ClosureAnswer,
    pub(crate) selection: Selection,
    /// Seconds that reading and resolving took, and choosing.
    pub(crate) seconds: (f64, f64),
}

/// What the request adds to the minimal image.
#[derive(Serialize)]
pub(crate) struct ClosureAnswer {
    pub(crate) request: Vec<String>,
    pub(crate) install: Vec<NewPackage>,
    pub(crate) download_bytes: u64,
    pub(crate) installed_bytes: u64,
}

#[derive(Serialize)]
pub(crate) struct NewPackage {
    package: String,
    version: String,
    architecture: String,
}

pub(crate) fn read_spec(path: &Path) -> Result<ClusterSpec, Failure> {
    let text = std::fs::read_to_string(path)
        .map_err(|source| Failure::Read { path: path.to_owned(), source })?;
    ClusterSpec::parse(&text)
        .map_err(|source| Failure::Spec { path: path.to_owned(), source: Box::new(source) })
}

pub(crate) fn plan(spec: ClusterSpec, inputs: &Inputs<'_>) -> Result<Planned, Failure> {
    let start = Instant::now();
    let source = source_of(inputs.source, &spec);
    let minimal = if inputs.images.is_none() { stored_minimal()? } else { None };
    let status = minimal.as_ref().map(|(path, _)| path.as_path());
    let installed = status.map_or(Installed::Minimal, Installed::StatusFile);
    let loaded = load::load(&source, &installed)?;
    let meta_packages = load::meta_packages(inputs.meta_packages)?;
    let items =
        meta_packages.expand_names(&loaded.index, &spec.request(), spec.install_recommends)?;
    let request = Request::new(items).install_recommends(spec.install_recommends);
    let closure = request.resolve(&loaded.index, &loaded.policy)?;
    let resolved = start.elapsed().as_secs_f64();

    let start = Instant::now();
    let mut universe = Universe::new();
    let there: Vec<_> = loaded.index.installed().collect();
    let root = universe.add_versions(&there);
    let wanted = universe.add_target(&closure);
    let mut catalogue = Catalogue::new();
    known_images(inputs.images, &loaded.index)?
        .add_to(&mut catalogue, &mut universe, &loaded.index)
        .map_err(|source| Failure::Images { path: images_path(inputs.images), source })?;
    let root = if let Some(id) = catalogue.find(MINIMAL) {
        id
    } else {
        let bytes = ImageSizes::default().of(&universe, &root);
        catalogue.add(Image { id: MINIMAL.to_owned(), packages: root, bytes })?
    };
    let mut past = Past::of(inputs.history)?;
    let learned = Learned::from(&loaded.index, &mut past)?;
    let mut conditions = Conditions::new(inputs.site, spec.nodes);
    conditions.hypervisor = Some(spec.deploy.hypervisor.name().to_owned());
    conditions.memory_bytes = Some(spec.memory.bytes());
    spec.deploy.transfer.name().clone_into(&mut conditions.method);
    if let Some((_, minimal)) = &minimal {
        conditions.booted = booted(&spec, &minimal.id)?;
    }
    let possible = spec.deploy.hypervisor.strategies();
    let allowed = spec.deploy.strategy.allowed().iter().copied();
    let allowed: Vec<_> = allowed.filter(|strategy| possible.contains(strategy)).collect();
    let (packages, prices) = learned.prices(&universe, &conditions, &allowed, &catalogue);
    let selection = ImageSelector::new(&universe, &packages)
        .exact(spec.exact)
        .minimal(root)
        .keep(inputs.kept)
        .select_or_mend(&catalogue, &Target::new(&universe, wanted), &prices)?;
    let install = closure.install().map(|version| NewPackage {
        package: version.name().into_owned(),
        version: version.version().into_owned(),
        architecture: version.architecture().to_owned(),
    });
    let closure = ClosureAnswer {
        request: spec.request(),
        install: install.collect(),
        download_bytes: closure.download_bytes(),
        installed_bytes: closure.installed_bytes(),
    };
    let seconds = (resolved, start.elapsed().as_secs_f64());
    Ok(Planned { spec, loaded, closure, selection, seconds })
}

/// The status file of the repository's minimal image, which says better than any index what is in it.
fn stored_minimal() -> Result<Option<(PathBuf, StoredImage)>, Failure> {
    let Some(repository) = ImageRepository::open_existing(&StateDirectory::locate()?)? else {
        return Ok(None);
    };
    match repository.get(MINIMAL) {
        Ok(image) => Ok(Some((repository.path_of(&image).join(ROOT_STATUS), image))),
        Err(RepositoryError::Unknown { .. }) => Ok(None),
        Err(error) => Err(error.into()),
    }
}

/// Images, by the names that catalogues have, of which there is a template for the spec's machines.
fn booted(spec: &ClusterSpec, minimal: &str) -> Result<Vec<String>, Failure> {
    let store = TemplateStore::open(&StateDirectory::locate()?)?;
    let images = store.images(spec.memory, spec.processors, spec.deploy.hypervisor.name());
    let name = |id: String| if id == minimal { MINIMAL.to_owned() } else { id };
    Ok(images.into_iter().map(name).collect())
}

/// What messages about the images are about.
fn images_path(given: Option<&Path>) -> PathBuf {
    given.map_or_else(|| "the repository".into(), Path::to_owned)
}

/// Where packages come from: what the command line says, else what the spec says.
pub(crate) fn source_of(given: &Source, spec: &ClusterSpec) -> Source {
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
