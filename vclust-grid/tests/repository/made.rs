//! Small images, built as a builder builds them.

use std::fs;
use std::path::Path;

use tempfile::TempDir;
use vclust_core::{Sha256, Timestamp};
use vclust_debian::{Compression, StateDirectory, Tree, write_erofs};
use vclust_grid::{
    Begun, BuildKey, Building, IfFound, ImageKind, ImageRepository, InputDigest, ManifestPackage,
    ManifestPhase, NewImage, Product, StoredImage, root_archive, root_erofs,
};

pub(crate) const EPOCH: u64 = 1_700_000_000;

/// A state directory with a repository.
pub(crate) struct Site {
    pub(crate) directory: TempDir,
    pub(crate) repository: ImageRepository,
}

impl Site {
    pub(crate) fn new() -> Self {
        let directory = tempfile::tempdir().expect("a directory");
        let repository = open(directory.path());
        Self { directory, repository }
    }

    pub(crate) fn path(&self) -> &Path {
        self.directory.path()
    }

    /// Builds an image with a file that holds `content`.
    pub(crate) fn image(&self, content: &str) -> StoredImage {
        let building = begin(&self.repository, key(content));
        let image = fill(&building, content, None);
        building.commit(&self.repository, image).expect("an image")
    }

    /// Builds a layer on an image.
    pub(crate) fn layer(&self, content: &str, base: &StoredImage) -> StoredImage {
        let building = begin(&self.repository, key(&format!("{content} on {}", base.id)));
        let layer = fill(&building, content, Some(base.id.clone()));
        building.commit(&self.repository, layer).expect("a layer")
    }

    /// Names of what lies in a directory of the repository, but for locks.
    pub(crate) fn names(&self, directory: &str) -> Vec<String> {
        names(&self.path().join(directory))
    }
}

pub(crate) fn names(directory: &Path) -> Vec<String> {
    let mut names: Vec<String> = fs::read_dir(directory)
        .expect("a directory")
        .map(|entry| entry.expect("an entry").file_name().to_string_lossy().into_owned())
        .filter(|name| name != ".lock")
        .collect();
    names.sort();
    names
}

pub(crate) fn open(state: &Path) -> ImageRepository {
    ImageRepository::open(&StateDirectory::at(state)).expect("a repository")
}

pub(crate) fn key(what: &str) -> BuildKey {
    BuildKey::of(["test", what])
}

/// Begins a build of what is not there.
pub(crate) fn begin(repository: &ImageRepository, key: BuildKey) -> Building {
    match repository.begin(key, IfFound::Use, &mut || panic!("nobody else builds")) {
        Ok(Begun::Building(building)) => building,
        Ok(Begun::Found(image)) => panic!("{} is there", image.id),
        Err(error) => panic!("{error}"),
    }
}

/// Makes the products of a root with one file, and what a builder says of them.
pub(crate) fn fill(building: &Building, content: &str, base: Option<String>) -> NewImage {
    let root = building.directory().join("root");
    fs::create_dir_all(root.join("etc")).expect("a directory");
    fs::write(root.join("etc/content"), content).expect("a file");
    let tree = Tree::read(&root, EPOCH).expect("a tree");
    let at = |name: &str| building.products().join(name);
    let archive = tree
        .write_tar_zst(&at(root_archive()), Compression::default(), &|_| ())
        .expect("an archive");
    let erofs = write_erofs(&tree, &at(root_erofs()), archive.content, &|_| ()).expect("an image");
    let product = |name: &str, file: vclust_debian::ProductFile| Product {
        name: name.to_owned(),
        bytes: file.bytes,
        sha256: file.sha256,
    };
    NewImage {
        kind: if base.is_some() { ImageKind::Layer } else { ImageKind::Image },
        content: archive.content,
        base,
        variant: "minimal".to_owned(),
        request: if content == "minimal" { vec![] } else { vec![content.to_owned()] },
        architecture: "amd64".to_owned(),
        packages: vec![
            package("base-files", "12", "amd64"),
            package("libc6", "2.36-9", "amd64"),
            package("libc6", "2.36-9", "i386"),
        ],
        files: tree.entries() as u64,
        bytes: tree.content_bytes(),
        source_date_epoch: EPOCH,
        builder: "a test 1".to_owned(),
        inputs: vec![InputDigest { name: "InRelease".to_owned(), sha256: Sha256([1; 32]) }],
        created: Timestamp::from_unix_microseconds(1_700_000_000_000_000).expect("a moment"),
        build_seconds: 1.5,
        phases: vec![ManifestPhase { phase: "unpack".to_owned(), seconds: 0.5 }],
        products: vec![product(root_archive(), archive.file), product(root_erofs(), erofs)],
    }
}

fn package(package: &str, version: &str, architecture: &str) -> ManifestPackage {
    let (package, version) = (package.to_owned(), version.to_owned());
    let architecture = architecture.to_owned();
    ManifestPackage { package, version, architecture, size: 100, sha256: Sha256([2; 32]) }
}
