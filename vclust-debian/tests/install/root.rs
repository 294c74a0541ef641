//! A root of Debian that is made once, and overlays on it for each test.

use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::OnceLock;

use rustix::fs::{FlockOperation, flock};
use tempfile::TempDir;
use vclust_core::{FileOrigin, Index, Policy, Sha256};
use vclust_debian::{
    AptConfiguration, Below, InstallError, Installation, Installed, LayerError, MirrorOptions,
    PackagePool, SourceKind, StateDirectory, Variant, WantedPackage, build_layer, open_index,
};

/// The machine's architecture, as dpkg calls it.
pub(crate) fn architecture() -> String {
    AptConfiguration::load().unwrap().architecture().to_owned()
}

/// The files of the packages of a minbase root, in dpkg's order, and where they are kept.
fn packages(state: &Path) -> Vec<PathBuf> {
    let apt = AptConfiguration::load().unwrap();
    let lists = apt.lists(SourceKind::Binary).unwrap();
    assert!(!lists.is_empty(), "this machine has no package lists; run `apt-get update`");
    let mut builder = Index::builder(apt.architecture());
    for list in &lists {
        let name = list.path.display().to_string();
        let origin = FileOrigin::of_suite(name, list.suite());
        builder.packages(open_index(&list.path).unwrap(), origin).unwrap();
    }
    let index = builder.build().unwrap();
    let request = Variant::Minbase.request(&index, &[]);
    let closure = request.resolve(&index, &Policy::default()).unwrap();
    let wanted: Vec<WantedPackage> = closure
        .install()
        .map(|version| {
            let file = version.files().next().unwrap();
            let list = lists.iter().find(|list| list.path.display().to_string() == file.name);
            let sha256: Sha256 = version.field("SHA256").unwrap().trim().parse().unwrap();
            WantedPackage {
                name: version.name().into_owned(),
                archive: list.unwrap().archive_uri.clone(),
                path: version.field("Filename").unwrap().into_owned(),
                size: version.size(),
                sha256,
            }
        })
        .collect();
    let proxy = apt.proxy_for(&wanted[0].archive);
    let options = MirrorOptions { proxy, ..MirrorOptions::default() };
    let pool = PackagePool::open(&StateDirectory::at(state), options).unwrap();
    pool.fetch(&wanted, &|_| ()).unwrap().paths
}

/// The root: made by whichever test comes first, in whichever process.
pub(crate) fn minbase() -> &'static Path {
    static ROOT: OnceLock<PathBuf> = OnceLock::new();
    ROOT.get_or_init(|| {
        assert!(rustix::process::geteuid().is_root(), "these tests need root");
        let base = Path::new(env!("CARGO_TARGET_TMPDIR")).join("install-tests");
        fs::create_dir_all(&base).unwrap();
        let lock = File::create(base.join("lock")).unwrap();
        flock(&lock, FlockOperation::LockExclusive).unwrap();
        let done = base.join("root");
        if !done.exists() {
            let root = base.join("unfinished");
            let _ = fs::remove_dir_all(&root);
            fs::create_dir(&root).unwrap();
            let packages = packages(&base.join("state"));
            Installation::new(&root, architecture(), packages).run(&|_| ()).unwrap();
            fs::rename(&root, &done).unwrap();
        }
        done
    })
}

/// What a test installs.
pub(crate) struct Package {
    directory: TempDir,
    name: String,
}

impl Package {
    /// A package with further control fields, each with its newline.
    pub(crate) fn new(name: &str, fields: &str) -> Self {
        let directory = tempfile::tempdir().unwrap();
        let package = Self { directory, name: name.to_owned() };
        let version = if fields.contains("Version:") { "" } else { "Version: 1\n" };
        let control = format!(
            "Package: {name}\n{version}Architecture: all\nMaintainer: Nobody <nobody@localhost>\n\
             {fields}Description: made for a test\n"
        );
        package.file("DEBIAN/control", &control, 0o644)
    }

    /// A file of the package.
    pub(crate) fn file(self, path: &str, content: &str, mode: u32) -> Self {
        let path = self.directory.path().join("tree").join(path);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(&path, content).unwrap();
        fs::set_permissions(&path, std::os::unix::fs::PermissionsExt::from_mode(mode)).unwrap();
        self
    }

    /// A directory of the package.
    pub(crate) fn directory(self, path: &str) -> Self {
        fs::create_dir_all(self.directory.path().join("tree").join(path)).unwrap();
        self
    }

    /// Says when a file was modified, in seconds since 1970.
    pub(crate) fn modified(self, path: &str, seconds: u32) -> Self {
        let path = self.directory.path().join("tree").join(path);
        let time = std::time::UNIX_EPOCH + std::time::Duration::from_secs(seconds.into());
        File::options().write(true).open(path).unwrap().set_modified(time).unwrap();
        self
    }

    /// A maintainer script.
    pub(crate) fn script(self, name: &str, body: &str) -> Self {
        self.file(&format!("DEBIAN/{name}"), &format!("#!/bin/sh\nset -e\n{body}\n"), 0o755)
    }

    /// Builds the package.
    pub(crate) fn build(&self) -> PathBuf {
        let target = self.directory.path().join(format!("{}.deb", self.name));
        let status = Command::new("dpkg-deb")
            .args(["--root-owner-group", "-Zgzip", "-b"])
            .arg(self.directory.path().join("tree"))
            .arg(&target)
            .output()
            .unwrap();
        assert!(status.status.success(), "{}", String::from_utf8_lossy(&status.stderr));
        target
    }
}

/// What a test can go wrong with.
#[derive(Debug)]
pub(crate) enum Wrong {
    Install(InstallError),
    Layer(LayerError),
}

impl From<LayerError> for Wrong {
    fn from(error: LayerError) -> Self {
        Self::Layer(error)
    }
}

/// A layer over the root, with the directory that it is in.
pub(crate) struct Layer {
    _scratch: TempDir,
    pub(crate) tree: PathBuf,
    pub(crate) installed: Installed,
}

impl Layer {
    /// The text of a file in the layer.
    pub(crate) fn read(&self, path: &str) -> String {
        let path = self.tree.join(path);
        fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
    }

    pub(crate) fn has(&self, path: &str) -> bool {
        self.tree.join(path).symlink_metadata().is_ok()
    }
}

/// Installs packages over the root; `settings` can change how.
pub(crate) fn install_with(
    packages: &[&Package],
    settings: impl FnOnce(Installation) -> Installation + Send,
) -> Result<Layer, Wrong> {
    let files: Vec<PathBuf> = packages.iter().map(|package| package.build()).collect();
    let scratch = tempfile::tempdir_in(env!("CARGO_TARGET_TMPDIR")).unwrap();
    let below = [Below::Directory(minbase().to_owned())];
    let (installed, tree) = build_layer(&below, scratch.path(), |root| {
        let installation = Installation::new(root, architecture(), files);
        settings(installation).run(&|_| ()).map_err(Wrong::Install)
    })?;
    Ok(Layer { _scratch: scratch, tree, installed })
}

/// Installs packages over the root.
pub(crate) fn install(packages: &[&Package]) -> Result<Layer, Wrong> {
    install_with(packages, |installation| installation)
}

/// The error of an installation that fails.
pub(crate) fn error(result: Result<Layer, Wrong>) -> InstallError {
    match result {
        Ok(_) => panic!("it was installed"),
        Err(Wrong::Install(error)) => error,
        Err(Wrong::Layer(error)) => panic!("{error}"),
    }
}
