//! Images from the archives that this machine's apt knows.

use std::path::{Path, PathBuf};

use vclust_core::{FileOrigin, Index, Policy, Request};
use vclust_debian::{
    AptConfiguration, MirrorOptions, PackagePool, SourceKind, StateDirectory, Variant, open_index,
};
use vclust_grid::{
    Archives, BootFiles, BootPackages, IfFound, ImageBuilder, ImageOrder, ImagePlan,
    ImageRepository, ROOT_STATUS, StoredArchive, StoredImage, programs_order, root_erofs,
};

/// A state directory, and where its packages come from.
pub(crate) struct Site {
    state: StateDirectory,
    apt: AptConfiguration,
    repository: ImageRepository,
    archives: Archives,
    /// What happens with images that an earlier test has built.
    if_found: IfFound,
}

impl Site {
    /// A site in a directory, which a later test finds as this one leaves it. Packages are fetched
    /// once; whether images are built anew is for the caller to say.
    pub(crate) fn at(path: &Path, if_found: IfFound) -> Self {
        let state = StateDirectory::at(path);
        let apt = AptConfiguration::load().expect("an apt configuration");
        let lists = apt.lists(SourceKind::Binary).expect("lists");
        assert!(!lists.is_empty(), "apt has no package lists: run `apt-get update`");
        let archives = lists
            .iter()
            .map(|list| (list.path.display().to_string(), list.archive_uri.clone()))
            .collect();
        let repository = ImageRepository::open(&state).expect("a repository");
        Self { state, apt, repository, archives, if_found }
    }

    /// The kernel and the initramfs.
    pub(crate) fn boot_files(&self) -> BootFiles {
        let (index, policy) = self.index(None);
        let packages = BootPackages::of(&index, &policy, &self.archives).expect("packages");
        let pool = self.pool(packages.plan());
        packages.make(&self.state, &pool, &|_| ()).expect("a kernel and an initramfs")
    }

    /// A minimal image.
    pub(crate) fn minimal(&self) -> StoredImage {
        self.build(None, &[])
    }

    /// A layer with packages over an image.
    pub(crate) fn layer(&self, base: &StoredImage, packages: &[&str]) -> StoredImage {
        self.build(Some(base.clone()), packages)
    }

    /// The file system of an image or a layer.
    pub(crate) fn erofs(&self, image: &StoredImage) -> PathBuf {
        self.repository.path_of(image).join(root_erofs())
    }

    /// The initramfs of nodes that install.
    pub(crate) fn installer(&self) -> PathBuf {
        let (index, policy) = self.index(None);
        let packages = BootPackages::of(&index, &policy, &self.archives).expect("packages");
        let pool = self.pool(packages.plan());
        packages.make_installer(&self.state, &pool).expect("an initramfs")
    }

    /// The root that nodes install from, as a directory.
    pub(crate) fn programs(&self) -> PathBuf {
        let (index, policy) = self.index(None);
        let order = programs_order(&index, &policy, &self.archives).expect("an order");
        let pool = self.pool(&order.plan);
        let builder = ImageBuilder::new(&self.repository, &pool, "test");
        let image = builder.build(&order, &|_| ()).expect("an image").image;
        self.repository.directory(&image).expect("a directory")
    }

    /// The archive of an image.
    pub(crate) fn archive(&self, image: &StoredImage) -> StoredArchive {
        self.repository.archive(image).expect("an archive")
    }

    /// The files of what packages add to an image.
    pub(crate) fn differential(&self, image: &StoredImage, packages: &[&str]) -> Vec<PathBuf> {
        let packages: Vec<String> = packages.iter().map(|&name| name.to_owned()).collect();
        let status = self.repository.path_of(image).join(ROOT_STATUS);
        let (index, policy) = self.index(Some(&status));
        let closure = Request::new(packages).resolve(&index, &policy).expect("a closure");
        let plan = ImagePlan::of(&closure, &self.archives).expect("a plan");
        let wanted: Vec<_> = plan.packages.iter().map(|package| package.wanted.clone()).collect();
        self.pool(&plan).fetch(&wanted, &|_| ()).expect("packages").paths
    }

    fn build(&self, base: Option<StoredImage>, packages: &[&str]) -> StoredImage {
        let packages: Vec<String> = packages.iter().map(|&name| name.to_owned()).collect();
        let status = base.as_ref().map(|base| self.repository.path_of(base).join(ROOT_STATUS));
        let (index, policy) = self.index(status.as_deref());
        let variant = Variant::Minimal;
        let request = match base {
            Some(_) => Request::new(packages.clone()),
            None => variant.request(&index, &packages),
        };
        let closure = request.resolve(&index, &policy).expect("a closure");
        let plan = ImagePlan::of(&closure, &self.archives).expect("a plan");
        let pool = self.pool(&plan);
        let order = ImageOrder {
            plan,
            variant,
            request: packages,
            base,
            archive: false,
            source_date_epoch: None,
            if_found: self.if_found,
        };
        let builder = ImageBuilder::new(&self.repository, &pool, "test");
        builder.build(&order, &|_| ()).expect("an image").image
    }

    fn pool(&self, plan: &ImagePlan) -> PackagePool {
        let proxy =
            plan.packages.first().and_then(|package| self.apt.proxy_for(&package.wanted.archive));
        let options = MirrorOptions { proxy, ..MirrorOptions::default() };
        PackagePool::open(&self.state, options).expect("a pool")
    }

    /// The index of the machine's archives, with what a root holds.
    fn index(&self, status: Option<&Path>) -> (Index, Policy) {
        let mut builder = Index::builder(self.apt.architecture());
        for list in self.apt.lists(SourceKind::Binary).expect("lists") {
            let name = list.path.display().to_string();
            let file = open_index(&list.path).expect("an index file");
            builder
                .packages(file, FileOrigin::of_suite(name, list.suite()))
                .expect("an index file");
        }
        if let Some(path) = status {
            let file = open_index(path).expect("a status file");
            builder.status(file, FileOrigin::named(path.display().to_string()));
        }
        let mut policy = Policy::with_pins(self.apt.pins().expect("pins"));
        if let Some(release) = self.apt.default_release() {
            policy = policy.default_release(release);
        }
        (builder.build().expect("an index"), policy)
    }
}
