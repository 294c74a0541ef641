//! Building images and layers: from a plan to the repository.

use std::fs;
use std::path::Path;
use std::thread;
use std::time::Instant;

use vclust_core::{Event, InstallEvent, PackageVersion, Phase, PhaseEvent, Timestamp};
use vclust_debian::{
    Below, Compression, Epoch, InstallProgress, Installation, Installed, LayerError, PackagePool,
    PoolProgress, ProductFile, Tree, Variant, begin_erofs, build_layer, file_digest, finish_image,
    in_private_memory, read_file_of_root,
};

use super::error::BuildError;
use super::memory;
use super::plan::ImagePlan;
use crate::repository::{
    Begun, BuildKey, Building, IfFound, ImageKind, ImageRepository, InputDigest, Lease,
    ManifestPackage, ManifestPhase, NewImage, Product, StoredImage, root_archive, root_erofs,
};

/// Name, among the products, of dpkg's status file in the image, or in the layer's root: what packages
/// are resolved against that are to go on top of it.
pub const ROOT_STATUS: &str = "dpkg-status";

/// An image or a layer to be built.
#[derive(Debug, Clone)]
pub struct ImageOrder {
    /// Its packages.
    pub plan: ImagePlan,
    /// What it is before any package was asked for.
    pub variant: Variant,
    /// What was asked for, as the history records it.
    pub request: Vec<String>,
    /// The image that a layer is built over; none for an image.
    pub base: Option<StoredImage>,
    /// Whether there is to be a compressed archive beside the erofs image.
    pub archive: bool,
    /// The time of the build; by default that of the newest file of its packages.
    pub source_date_epoch: Option<i64>,
    /// What happens if it is there already.
    pub if_found: IfFound,
}

impl ImageOrder {
    /// Packages, as an image or as a layer over one: of the variant `minimal` or the base's, without an archive,
    /// the same bytes on any day, and what is there already is taken.
    #[must_use]
    pub fn new(plan: ImagePlan, base: Option<StoredImage>) -> Self {
        let variant = base.as_ref().map(|base| base.variant.parse().unwrap_or_default());
        Self {
            plan,
            variant: variant.unwrap_or_default(),
            request: Vec::new(),
            base,
            archive: false,
            source_date_epoch: None,
            if_found: IfFound::Use,
        }
    }

    /// What the build is found by: everything that its result depends on.
    #[must_use]
    pub fn key(&self) -> BuildKey {
        let epoch = self.source_date_epoch.map_or("packages".to_owned(), |epoch| epoch.to_string());
        let base = self.base.as_ref().map_or("", |base| base.id.as_str());
        let archive = if self.archive { "archive" } else { "" };
        let settings = [
            ("builder", env!("CARGO_PKG_VERSION")),
            ("variant", self.variant.name()),
            ("base", base),
            ("archive", archive),
            ("epoch", &epoch),
        ];
        BuildKey(self.plan.key(&settings))
    }

    /// Refuses a layer that would be the same as none.
    fn adds_something(&self) -> Result<(), BuildError> {
        match &self.base {
            Some(base) if self.plan.packages.is_empty() && self.plan.remove.is_empty() => {
                Err(BuildError::NothingToAdd { base: base.id.clone() })
            }
            _ => Ok(()),
        }
    }
}

/// How far a build has come.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum BuildProgress {
    /// Another process builds the same, and is waited for.
    Waiting,
    /// Packages are fetched.
    Fetching(PoolProgress),
    /// Packages are installed.
    Installing(InstallProgress),
    /// The products are written.
    Writing {
        /// Bytes of content read so far, once for each product and once for the digest.
        bytes: u64,
        /// Bytes to be read in all.
        total: u64,
    },
}

/// Called as a build proceeds.
pub type OnBuild<'a> = &'a (dyn Fn(BuildProgress) + Sync);

/// What came of an order.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub struct BuiltImage {
    /// The image.
    pub image: StoredImage,
    /// Whether it was there already.
    pub was_there: bool,
    /// Seconds that it took to have it.
    pub seconds: f64,
    /// The parts of the build; none if it was there already.
    pub phases: Vec<ManifestPhase>,
    /// What the build teaches, for the history: the installation, and the phase.
    pub events: BuildEvents,
}

/// What a build teaches.
#[derive(Debug, Clone, Default, PartialEq)]
#[non_exhaustive]
pub struct BuildEvents {
    /// The installation of its packages.
    pub install: Option<InstallEvent>,
    /// The build as a whole.
    pub phase: Option<PhaseEvent>,
}

impl BuildEvents {
    /// The events, in their order.
    pub fn iter(&self) -> impl Iterator<Item = Event> + '_ {
        let install = self.install.clone().map(Event::Install);
        install.into_iter().chain(self.phase.clone().map(Event::Phase))
    }
}

/// Builds images into a repository.
#[derive(Debug)]
pub struct ImageBuilder<'a> {
    repository: &'a ImageRepository,
    pool: &'a PackagePool,
    site: &'a str,
    inputs: Vec<InputDigest>,
}

impl<'a> ImageBuilder<'a> {
    /// A builder that fetches into a pool and builds into a repository, for a site.
    #[must_use]
    pub fn new(repository: &'a ImageRepository, pool: &'a PackagePool, site: &'a str) -> Self {
        Self { repository, pool, site, inputs: Vec::new() }
    }

    /// What else the build was decided by, such as the digests of package indexes, for the manifest.
    #[must_use]
    pub fn inputs(mut self, inputs: Vec<InputDigest>) -> Self {
        self.inputs = inputs;
        self
    }

    /// Builds what is ordered, unless it is there.
    ///
    /// A layer that would hold nothing is an error: the image below it serves as well.
    /// After an error, or if this process ends on the way, the repository is as it was.
    pub fn build(
        &self,
        order: &ImageOrder,
        on_progress: OnBuild<'_>,
    ) -> Result<BuiltImage, BuildError> {
        let start = Instant::now();
        order.adds_something()?;
        let key = order.key();
        let wait = &mut || on_progress(BuildProgress::Waiting);
        match self.repository.begin(key, order.if_found, wait)? {
            Begun::Found(image) => {
                self.repository.record_use(&image)?;
                Ok(BuiltImage {
                    image: *image,
                    was_there: true,
                    seconds: start.elapsed().as_secs_f64(),
                    phases: Vec::new(),
                    events: BuildEvents::default(),
                })
            }
            Begun::Building(building) => self.build_new(order, building, start, on_progress),
        }
    }

    fn build_new(
        &self,
        order: &ImageOrder,
        building: Building,
        start: Instant,
        on_progress: OnBuild<'_>,
    ) -> Result<BuiltImage, BuildError> {
        let mut phases = Phases { start: Instant::now(), phases: Vec::new() };
        let wanted: Vec<_> =
            order.plan.packages.iter().map(|package| package.wanted.clone()).collect();
        let base = order.base.as_ref().map(|base| self.stack(base)).transpose()?;
        let fetching = |progress| on_progress(BuildProgress::Fetching(progress));
        let fetched = self.pool.fetch(&wanted, &fetching)?;
        phases.done("fetch");

        let installing = |progress| on_progress(BuildProgress::Installing(progress));
        let install = |root: &Path, since: i64| -> Result<Installed, BuildError> {
            let epoch = match order.source_date_epoch {
                Some(epoch) => Epoch::Fixed(epoch),
                None => Epoch::NewestSince(since),
            };
            let installed = Installation::new(root, &order.plan.architecture, &fetched.paths)
                .remove(&order.plan.remove)
                .without_host_keys()
                .epoch(epoch)
                .run(&installing)?;
            finish_image(root, order.variant, installed.source_date_epoch)?;
            Ok(installed)
        };
        let scratch = building.directory().join("scratch");
        make_directory(&scratch, PRIVATE)?;
        let products = building.products();
        let make = |scratch: &Path| -> Result<(Installed, Written, Phases), BuildError> {
            let (installed, tree) = match &base {
                None => {
                    let root = scratch.join("root");
                    make_directory(&root, 0o755)?;
                    (install(&root, 0)?, root)
                }
                Some(base) => build_layer(&base.below, scratch, |root| install(root, base.epoch))?,
            };
            phases.add("unpack", installed.unpack_seconds);
            phases.add("configure", installed.configure_seconds);
            phases.done("finish");
            let written = write_products(order, &products, &installed, &tree, on_progress)?;
            Ok((installed, written, phases))
        };
        let estimated = order.plan.packages.iter().map(|package| package.installed_size).sum();
        let (installed, written, mut phases) = match memory::for_root(estimated) {
            Some(bytes) => in_private_memory(&scratch, bytes, || make(&scratch))
                .map_err(LayerError::from)??,
            None => make(&scratch)?,
        };
        // before the products are synced, so that the disk never gets to see the tree
        fs::remove_dir_all(&scratch)
            .map_err(|source| BuildError::Access { path: scratch.clone(), source })?;
        phases.done("write");

        let seconds = start.elapsed().as_secs_f64();
        let packages = order.plan.packages.iter().map(|package| ManifestPackage {
            package: package.name.clone(),
            version: package.version.clone(),
            architecture: package.architecture.clone(),
            size: package.wanted.size,
            sha256: package.wanted.sha256,
        });
        let created = crate::repository::now();
        let image = NewImage {
            kind: if base.is_some() { ImageKind::Layer } else { ImageKind::Image },
            content: written.content,
            base: order.base.as_ref().map(|base| base.id.clone()),
            variant: order.variant.name().to_owned(),
            request: order.request.clone(),
            architecture: order.plan.architecture.clone(),
            packages: packages.collect(),
            files: written.files,
            bytes: written.bytes,
            source_date_epoch: u64::try_from(installed.source_date_epoch).unwrap_or(0),
            builder: concat!("vclust ", env!("CARGO_PKG_VERSION")).to_owned(),
            inputs: self.inputs.clone(),
            created,
            build_seconds: seconds,
            phases: phases.phases.clone(),
            products: written.products,
        };
        let stored = building.commit(self.repository, image)?;
        phases.done("store");
        let seconds = start.elapsed().as_secs_f64();
        let events = self.events(order, &stored, installed, created, seconds);
        Ok(BuiltImage { image: stored, was_there: false, seconds, phases: phases.phases, events })
    }

    /// Installs what is ordered over its base, to see how long that takes, and keeps nothing of it.
    ///
    /// Fetching the packages is not part of what is measured.
    pub fn measure(
        &self,
        order: &ImageOrder,
        on_progress: OnBuild<'_>,
    ) -> Result<InstallEvent, BuildError> {
        order.adds_something()?;
        let wanted: Vec<_> =
            order.plan.packages.iter().map(|package| package.wanted.clone()).collect();
        let fetching = |progress| on_progress(BuildProgress::Fetching(progress));
        let fetched = self.pool.fetch(&wanted, &fetching)?;
        let base = order.base.as_ref().ok_or(LayerError::NothingBelow)?;
        let stack = self.stack(base)?;
        // nothing is found under this key, as nothing is ever committed under it
        let process = std::process::id().to_string();
        let key = BuildKey::of(["measurement", process.as_str(), &order.key().to_string()]);
        let Begun::Building(building) = self.repository.begin(key, IfFound::Replace, &mut || ())?
        else {
            return Err(LayerError::NothingBelow.into());
        };
        let scratch = building.directory().join("layer");
        make_directory(&scratch, PRIVATE)?;
        let installing = |progress| on_progress(BuildProgress::Installing(progress));
        let install = |root: &Path| -> Result<Installed, BuildError> {
            let installation = Installation::new(root, &order.plan.architecture, &fetched.paths);
            Ok(installation.remove(&order.plan.remove).run(&installing)?)
        };
        let (installed, _) = build_layer(&stack.below, &scratch, install)?;
        drop(building);
        Ok(install_event(self.site, order, installed, crate::repository::now()))
    }

    /// The images that a layer is built over, from the bottom up.
    fn stack(&self, top: &StoredImage) -> Result<Stack, BuildError> {
        let mut below = Vec::new();
        let mut leases = Vec::new();
        let mut next = Some(top.clone());
        let mut epoch = 0;
        while let Some(image) = next {
            leases.push(self.repository.lease(&image)?);
            let manifest = self.repository.manifest(&image)?;
            epoch = epoch.max(i64::try_from(manifest.image.source_date_epoch).unwrap_or(0));
            let path = self.repository.path_of(&image).join(root_erofs());
            if !path.exists() {
                return Err(BuildError::NoErofs { id: image.id });
            }
            below.push(Below::Erofs(path));
            next = match &image.base {
                Some(base) => Some(self.repository.get(base)?),
                None => None,
            };
        }
        below.reverse();
        Ok(Stack { below, epoch, _leases: leases })
    }

    fn events(
        &self,
        order: &ImageOrder,
        image: &StoredImage,
        installed: Installed,
        at: Timestamp,
        seconds: f64,
    ) -> BuildEvents {
        let install = install_event(self.site, order, installed, at);
        let (strategy, phase) = match image.kind {
            ImageKind::Image => ("install", Phase::Image),
            ImageKind::Layer => ("layers", Phase::Layer),
        };
        let phase = PhaseEvent {
            at,
            site: self.site.to_owned(),
            cluster: format!("image-{}", image.id),
            strategy: strategy.to_owned(),
            phase,
            nodes: 1,
            seconds,
            hypervisor: None,
            memory_bytes: None,
            bytes: None,
        };
        BuildEvents { install: Some(install), phase: Some(phase) }
    }
}

/// An installation as the history has it.
fn install_event(
    site: &str,
    order: &ImageOrder,
    installed: Installed,
    at: Timestamp,
) -> InstallEvent {
    let packages = installed
        .packages
        .iter()
        .map(|package| PackageVersion {
            package: package.name.clone(),
            version: package.version.clone(),
        })
        .collect();
    InstallEvent {
        at,
        site: site.to_owned(),
        nodes: 1,
        packages,
        seconds: installed.unpack_seconds + installed.configure_seconds,
        hypervisor: None,
        request: order.request.clone(),
        unpack_seconds: Some(installed.unpack_seconds),
        configure_seconds: Some(installed.configure_seconds),
        steps: installed.steps,
    }
}

/// Mode of the directory that a root is made in: programs of it that are setuid are nobody else's.
const PRIVATE: u32 = 0o700;

/// What a layer is built over.
struct Stack {
    below: Vec<Below>,
    /// The latest time of the build of any of them.
    epoch: i64,
    /// Keep them from being removed meanwhile.
    _leases: Vec<Lease>,
}

struct Phases {
    start: Instant,
    phases: Vec<ManifestPhase>,
}

impl Phases {
    /// Enters a phase that was measured elsewhere.
    fn add(&mut self, phase: &str, seconds: f64) {
        self.phases.push(ManifestPhase { phase: phase.to_owned(), seconds });
    }

    /// Enters a phase that ends now and began with the end of the one before, less what was measured
    /// elsewhere since.
    fn done(&mut self, phase: &str) {
        let total = self.start.elapsed().as_secs_f64();
        let before: f64 = self.phases.iter().map(|phase| phase.seconds).sum();
        self.add(phase, (total - before).max(0.0));
    }
}

struct Written {
    content: vclust_core::Sha256,
    files: u64,
    bytes: u64,
    products: Vec<Product>,
}

fn write_products(
    order: &ImageOrder,
    target: &Path,
    installed: &Installed,
    root: &Path,
    on_progress: OnBuild<'_>,
) -> Result<Written, BuildError> {
    let epoch = u64::try_from(installed.source_date_epoch).unwrap_or(0);
    let tree = Tree::read(root, epoch)?;
    // once for the digest or the archive, once for the file system
    let total = tree.content_bytes() * 2;
    let done = std::sync::atomic::AtomicU64::new(0);
    let on_bytes = |bytes: u64| {
        let bytes = done.fetch_add(bytes, std::sync::atomic::Ordering::Relaxed) + bytes;
        on_progress(BuildProgress::Writing { bytes: bytes.min(total), total });
    };
    let mut products = Vec::new();
    let erofs = target.join(root_erofs());
    let digest = || -> Result<_, BuildError> {
        if !order.archive {
            return Ok((tree.digest(&on_bytes)?, None));
        }
        let path = target.join(root_archive());
        let archive = tree.write_tar_zst(&path, Compression::default(), &on_bytes)?;
        Ok((archive.content, Some(archive.file)))
    };
    // both read all of the tree, and neither needs the other before its end
    let (begun, digested) = thread::scope(|scope| {
        let digested = scope.spawn(digest);
        let begun = begin_erofs(&tree, &erofs, &on_bytes);
        (begun, digested.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic)))
    });
    let (content, archive) = digested?;
    if let Some(ProductFile { bytes, sha256 }) = archive {
        products.push(Product { name: root_archive().to_owned(), bytes, sha256 });
    }
    let status = read_file_of_root(root, Path::new("/var/lib/dpkg/status"))?;
    products.push(write_file(target, ROOT_STATUS, &status)?);
    let file = begun?.finish(content)?;
    products.push(Product {
        name: root_erofs().to_owned(),
        bytes: file.bytes,
        sha256: file.sha256,
    });
    Ok(Written { content, files: tree.entries() as u64, bytes: tree.content_bytes(), products })
}

fn write_file(directory: &Path, name: &str, content: &[u8]) -> Result<Product, BuildError> {
    let path = directory.join(name);
    fs::write(&path, content)
        .map_err(|source| BuildError::Access { path: path.clone(), source })?;
    let ProductFile { bytes, sha256 } = file_digest(&path, &|_| ())?;
    Ok(Product { name: name.to_owned(), bytes, sha256 })
}

/// Makes a directory that is root's, whatever the directory above it hands down.
fn make_directory(path: &Path, mode: u32) -> Result<(), BuildError> {
    use std::os::unix::fs::PermissionsExt;
    let failed = |source| BuildError::Access { path: path.to_owned(), source };
    fs::create_dir(path).map_err(failed)?;
    std::os::unix::fs::chown(path, Some(0), Some(0)).map_err(failed)?;
    fs::set_permissions(path, fs::Permissions::from_mode(mode)).map_err(failed)
}
