//! From a spec to a plan: the closure, and every image and strategy with what it would take.
//!
//! The steps are functions of `vclust-core` over plain data. Here they are applied to what a site has:
//! its package indexes, its repository of images, its saved machines and its history. `vclust plan`
//! shows the outcome, and `vclust up` carries it out.

mod error;
mod inputs;
mod stacks;

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Instant;

use serde::Serialize;
use vclust_core::{
    Candidate, Catalogue, Closure, ClusterSpec, Conditions, Image, ImageListings, ImageSelector,
    ImageSizes, Index, MetaPackages, Request, Selection, Target, Universe,
};
use vclust_debian::{OnProgress, StateDirectory, StateDirectoryError};

pub use error::ClusterPlanError;
pub use inputs::{KnownEvents, KnownImages, read_spec};
use stacks::KnownStacks;

use crate::packages::{LoadedIndex, PackageSource, RootState};
use crate::repository::{MINIMAL, Stack};
use crate::{ImageRepository, ROOT_STATUS, RepositoryError, StoredImage, TemplateStore};

/// Plans clusters for a site.
///
/// ```no_run
/// use vclust_core::ClusterSpec;
/// use vclust_grid::ClusterPlanner;
/// let spec = ClusterSpec::parse("name = \"mpi\"\nnodes = 4\npackages = [\"openmpi-bin\"]\n")?;
/// let plan = ClusterPlanner::default().plan(spec, &|_| ())?;
/// println!("{} by {}", plan.selection.best().image, plan.selection.best().strategy);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug, Clone)]
pub struct ClusterPlanner {
    /// Where images, history and saved machines are; by default where [`StateDirectory::locate`] says.
    pub state: Option<StateDirectory>,
    /// Where packages come from; what is not said here, the spec says.
    pub source: PackageSource,
    /// The meta-packages that requests may name.
    pub meta_packages: MetaPackages,
    /// Images and layers to choose from; by default the site's repository.
    pub images: KnownImages,
    /// Events to learn from; by default the site's history.
    pub events: KnownEvents,
    /// The site whose measurements count; `here` by default.
    pub site: String,
    /// How many candidates a plan keeps, the cheapest first; by default all.
    pub kept: usize,
}

impl Default for ClusterPlanner {
    fn default() -> Self {
        Self {
            state: None,
            source: PackageSource::of_machine(),
            meta_packages: MetaPackages::shipped(),
            images: KnownImages::Repository,
            events: KnownEvents::Site,
            site: "here".to_owned(),
            kept: usize::MAX,
        }
    }
}

/// A plan, with what it was made from.
#[derive(Debug)]
#[non_exhaustive]
pub struct ClusterPlan {
    /// What was asked for.
    pub spec: ClusterSpec,
    /// The packages that it was resolved against.
    pub loaded: Arc<LoadedIndex>,
    /// What the request adds to the minimal image.
    pub closure: PlannedClosure,
    /// The candidates.
    pub selection: Selection,
    /// Seconds that reading packages and resolving the request took.
    pub resolve_seconds: f64,
    /// Seconds that learning and choosing took.
    pub select_seconds: f64,
}

/// What a request adds to the minimal image.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct PlannedClosure {
    /// The request's items.
    pub request: Vec<String>,
    /// New and upgraded packages, in install order.
    pub install: Vec<AddedPackage>,
    /// Bytes of all .debs.
    pub download_bytes: u64,
    /// Bytes that the packages state to take once installed.
    pub installed_bytes: u64,
}

/// A package that a request adds.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize)]
#[non_exhaustive]
pub struct AddedPackage {
    /// Its name.
    pub package: String,
    /// Its version.
    pub version: String,
    /// Its architecture.
    pub architecture: String,
}

impl ClusterPlan {
    /// The best of what can be carried out: layers that were built apart from each other would have to be
    /// merged before nodes can have several.
    #[must_use]
    pub fn feasible(&self) -> &Candidate {
        let mut possible = self.selection.candidates.iter().filter(|one| one.layers.len() <= 1);
        possible.next().unwrap_or_else(|| self.selection.best())
    }
}

impl ClusterPlanner {
    /// Plans a cluster. Nothing is built; indexes that the spec names and the machine lacks are fetched,
    /// which is told to `on_progress`.
    pub fn plan(
        &self,
        spec: ClusterSpec,
        on_progress: OnProgress<'_>,
    ) -> Result<ClusterPlan, ClusterPlanError> {
        let start = Instant::now();
        let source = self.source.for_spec(&spec);
        let stored = self.stored()?;
        let loaded = Arc::new(source.load(&root_of(stored.as_ref()), on_progress)?);
        self.plan_since(start, spec, loaded, stored.as_ref())
    }

    /// As [`ClusterPlanner::plan`], on an index that is loaded already, which saves most of the time where
    /// many clusters are planned. Its root must be [`ClusterPlanner::root`], and where it came from must be
    /// what the spec asks for: neither is checked.
    pub fn plan_on(
        &self,
        spec: ClusterSpec,
        loaded: Arc<LoadedIndex>,
    ) -> Result<ClusterPlan, ClusterPlanError> {
        let stored = self.stored()?;
        self.plan_since(Instant::now(), spec, loaded, stored.as_ref())
    }

    /// What the root holds that every cluster starts from: the repository's minimal image, where there is
    /// one, or what would be in it.
    pub fn root(&self) -> Result<RootState, ClusterPlanError> {
        Ok(root_of(self.stored()?.as_ref()))
    }

    fn plan_since(
        &self,
        start: Instant,
        spec: ClusterSpec,
        loaded: Arc<LoadedIndex>,
        stored: Option<&StoredImages>,
    ) -> Result<ClusterPlan, ClusterPlanError> {
        let items = self.meta_packages.expand_names(
            &loaded.index,
            &spec.request(),
            spec.install_recommends,
        )?;
        let request = Request::new(items).install_recommends(spec.install_recommends);
        let closure = request.resolve(&loaded.index, &loaded.policy)?;
        let resolve_seconds = start.elapsed().as_secs_f64();

        let start = Instant::now();
        let selection = self.select(&spec, &loaded.index, &closure, stored)?;
        let closure = PlannedClosure::of(&closure, spec.request());
        let select_seconds = start.elapsed().as_secs_f64();
        Ok(ClusterPlan { spec, loaded, closure, selection, resolve_seconds, select_seconds })
    }

    /// Every usable image with every strategy that the spec allows, the cheapest first.
    fn select(
        &self,
        spec: &ClusterSpec,
        index: &Index,
        closure: &Closure<'_>,
        stored: Option<&StoredImages>,
    ) -> Result<Selection, ClusterPlanError> {
        let mut universe = Universe::new();
        let there: Vec<_> = index.installed().collect();
        let root = universe.add_versions(&there);
        let wanted = universe.add_target(closure);
        let mut catalogue = Catalogue::new();
        let stacks = KnownStacks::of(stored.map(|stored| &stored.repository), index)?;
        let mut listings = self.listings(index, stored)?;
        listings.images.extend(stacks.stacks.iter().map(Stack::listing));
        listings
            .add_to(&mut catalogue, &mut universe, index)
            .map_err(|source| ClusterPlanError::Images { path: self.images.path(), source })?;
        let root = if let Some(id) = catalogue.find(MINIMAL) {
            id
        } else {
            let bytes = ImageSizes::default().of(&universe, &root);
            catalogue.add(Image { id: MINIMAL.to_owned(), packages: root, bytes })?
        };
        let mut past = self.events.past(|| self.state())?;
        let learned = past.learn(index)?;
        let mut conditions = Conditions::new(&self.site, spec.nodes);
        conditions.hypervisor = Some(spec.deploy.hypervisor.name().to_owned());
        conditions.memory_bytes = Some(spec.memory.bytes());
        conditions.unpacks_apart = true;
        spec.deploy.transfer.name().clone_into(&mut conditions.method);
        if let Some(minimal) = stored.and_then(|stored| stored.minimal.as_ref()) {
            conditions.booted = self.booted(spec, &minimal.id, &stacks.stacks)?;
        }
        let possible = spec.deploy.hypervisor.strategies();
        let allowed = spec.deploy.strategy.allowed().iter().copied();
        let allowed: Vec<_> = allowed.filter(|strategy| possible.contains(strategy)).collect();
        let (packages, prices) = learned.prices(&universe, &conditions, &allowed, &catalogue);
        let selection = ImageSelector::new(&universe, &packages)
            .exact(spec.exact)
            .minimal(root)
            .keep(if stacks.stacks.is_empty() { self.kept } else { usize::MAX })
            .select_or_mend(&catalogue, &Target::new(&universe, wanted), &prices)?;
        Ok(stacks.only_usable(selection, closure, self.kept))
    }

    fn state(&self) -> Result<StateDirectory, StateDirectoryError> {
        self.state.clone().map_or_else(StateDirectory::locate, Ok)
    }

    /// The repository, where images come from there and there is one.
    fn stored(&self) -> Result<Option<StoredImages>, ClusterPlanError> {
        if self.images != KnownImages::Repository {
            return Ok(None);
        }
        let Some(repository) = ImageRepository::open_existing(&self.state()?)? else {
            return Ok(None);
        };
        let minimal = match repository.get(MINIMAL) {
            Ok(image) => Some(image),
            Err(RepositoryError::Unknown { .. }) => None,
            Err(error) => return Err(error.into()),
        };
        Ok(Some(StoredImages { repository, minimal }))
    }

    /// The images to choose from.
    fn listings(
        &self,
        index: &Index,
        stored: Option<&StoredImages>,
    ) -> Result<ImageListings, ClusterPlanError> {
        match &self.images {
            KnownImages::Given(listings) => Ok(listings.clone()),
            KnownImages::File(path) => inputs::read_images(path),
            KnownImages::Repository => match stored {
                Some(stored) => {
                    Ok(stored.repository.listings_for_nodes(index.native_architecture())?)
                }
                None => Ok(ImageListings::default()),
            },
        }
    }

    /// Images, by the names that catalogues have, of which there is a template for the spec's machines.
    /// A template is of an image, and serves all layers over it.
    fn booted(
        &self,
        spec: &ClusterSpec,
        minimal: &str,
        stacks: &[Stack],
    ) -> Result<Vec<String>, ClusterPlanError> {
        let store = TemplateStore::open(&self.state()?)?;
        let images = store.images(spec.memory, spec.processors, spec.deploy.hypervisor.name());
        let over = stacks.iter().filter(|stack| images.contains(&stack.base().id));
        let over: Vec<String> = over.map(|stack| stack.top().id.clone()).collect();
        let name = |id: String| if id == minimal { MINIMAL.to_owned() } else { id };
        Ok(images.into_iter().map(name).chain(over).collect())
    }
}

/// The repository, opened once for a plan.
struct StoredImages {
    repository: ImageRepository,
    minimal: Option<StoredImage>,
}

/// The minimal image's dpkg status file says better than any index what is in it.
fn root_of(stored: Option<&StoredImages>) -> RootState {
    let status = |stored: &StoredImages| {
        let minimal = stored.minimal.as_ref()?;
        Some(RootState::StatusFile(stored.repository.path_of(minimal).join(ROOT_STATUS)))
    };
    stored.and_then(status).unwrap_or(RootState::Minimal)
}

impl PlannedClosure {
    fn of(closure: &Closure<'_>, request: Vec<String>) -> Self {
        let install = closure.install().map(|version| AddedPackage {
            package: version.name().into_owned(),
            version: version.version().into_owned(),
            architecture: version.architecture().to_owned(),
        });
        Self {
            request,
            install: install.collect(),
            download_bytes: closure.download_bytes(),
            installed_bytes: closure.installed_bytes(),
        }
    }
}

impl KnownImages {
    /// What messages about the images are about.
    fn path(&self) -> PathBuf {
        match self {
            Self::Repository => "the repository".into(),
            Self::Given(_) => "the given images".into(),
            Self::File(path) => path.clone(),
        }
    }
}
