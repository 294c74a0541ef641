//! From the command line's idea of where packages come from to an index.

use std::path::{Path, PathBuf};

use bytes::Bytes;
use vclust_core::{
    FileOrigin, Index, IndexBuilder, MetaPackages, Policy, Release, Request, Suite,
    clearsigned_payload,
};
use vclust_debian::{AptConfiguration, open_index};
use vclust_grid::Archives;

use crate::arguments::{Root, Source};
use crate::failure::Failure;
use crate::lists;

/// An index with the policy that belongs to it.
pub(crate) struct Loaded {
    pub(crate) index: Index,
    pub(crate) policy: Policy,
    /// The archives of the index files, where they are known.
    pub(crate) archives: Archives,
}

/// What the root of a request holds.
pub(crate) enum Installed<'a> {
    Nothing,
    StatusFile(&'a Path),
    Minimal,
}

impl<'a> Installed<'a> {
    pub(crate) fn of(status: Option<&'a Path>, root: Option<Root>) -> Self {
        match (status, root) {
            (Some(path), _) => Self::StatusFile(path),
            (None, Some(Root::Minimal)) => Self::Minimal,
            (None, Some(Root::Empty) | None) => Self::Nothing,
        }
    }
}

/// Loads the indexes and the root.
pub(crate) fn load(source: &Source, installed: &Installed<'_>) -> Result<Loaded, Failure> {
    load_with(source, installed, None)
}

/// Loads the indexes, another `Packages` file that was made up, and the root.
pub(crate) fn load_with(
    source: &Source,
    installed: &Installed<'_>,
    made_up: Option<(Bytes, FileOrigin)>,
) -> Result<Loaded, Failure> {
    let mut plan = Plan::of(source)?;
    plan.files.extend(made_up);
    let mut builder = plan.builder()?;
    if let Installed::StatusFile(path) = installed {
        builder.status(open_index(path)?, FileOrigin::named(path.display().to_string()));
    }
    let index = builder.build()?;
    if !matches!(installed, Installed::Minimal) {
        return Ok(Loaded { index, policy: plan.policy, archives: plan.archives });
    }
    let root = Request::minimal_root(&index).resolve(&index, &plan.policy)?;
    let mut builder = plan.builder()?;
    builder.status(root.status_file(), FileOrigin::named("minimal root"));
    Ok(Loaded { index: builder.build()?, policy: plan.policy, archives: plan.archives })
}

/// What to load, decided once.
struct Plan {
    native: String,
    foreign: Vec<String>,
    files: Vec<(Bytes, FileOrigin)>,
    policy: Policy,
    archives: Archives,
}

impl Plan {
    fn of(source: &Source) -> Result<Self, Failure> {
        if source.packages_file.is_empty() {
            return Self::of_machine(source);
        }
        let mut files = Vec::new();
        for path in &source.packages_file {
            let origin = FileOrigin::of_suite(path.display().to_string(), suite_beside(path));
            files.push((open_index(path)?, origin));
        }
        let native = source
            .architecture
            .clone()
            .or_else(|| files.iter().find_map(|(file, _)| architecture_in(file)))
            .unwrap_or_else(|| machine_architecture().to_owned());
        let foreign = source.foreign_architecture.clone();
        let archives = Archives::default();
        Ok(Self { native, foreign, files, policy: Policy::default(), archives })
    }

    fn of_machine(source: &Source) -> Result<Self, Failure> {
        let configuration = AptConfiguration::load()?;
        let mut files = Vec::new();
        let lists = lists::index_files(source, &configuration)?;
        let archives = lists
            .iter()
            .map(|list| (list.path.display().to_string(), list.archive_uri.clone()))
            .collect();
        for list in lists {
            let name = list.path.display().to_string();
            files.push((open_index(&list.path)?, FileOrigin::of_suite(name, list.suite())));
        }
        if files.is_empty() {
            return Err(Failure::NoIndexes);
        }
        let mut foreign = source.foreign_architecture.clone();
        let native = if let Some(architecture) = &source.architecture {
            architecture.clone()
        } else {
            foreign.extend(configuration.architectures().iter().skip(1).cloned());
            configuration.architecture().to_owned()
        };
        if source.mirror.is_some() {
            // Another archive than the machine's: the machine's preferences are not about it.
            return Ok(Self { native, foreign, files, policy: Policy::default(), archives });
        }
        let mut policy = Policy::with_pins(configuration.pins()?);
        if let Some(release) = configuration.default_release() {
            policy = policy.default_release(release);
        }
        Ok(Self { native, foreign, files, policy, archives })
    }

    fn builder(&self) -> Result<IndexBuilder, Failure> {
        let mut builder = Index::builder(&self.native);
        for architecture in &self.foreign {
            builder.foreign_architecture(architecture);
        }
        for (file, origin) in &self.files {
            builder.packages(file.clone(), origin.clone())?;
        }
        Ok(builder)
    }
}

/// The suite that an `InRelease` or `Release` file beside a Packages file describes. Files in apt's
/// lists are called `..._dists_SUITE_COMPONENT_binary-ARCHITECTURE_Packages`, and their Release
/// file `..._dists_SUITE_InRelease`; a lone Packages file may have a lone `InRelease` beside it.
fn suite_beside(path: &Path) -> Suite {
    let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
    let stem = name.split("_Packages").next().unwrap_or(&name);
    let (prefix, component) = match stem.rsplit_once("_binary-") {
        Some((before, _)) => match before.rsplit_once('_') {
            Some((prefix, component)) => (format!("{prefix}_"), Some(component.to_owned())),
            None => (String::new(), None),
        },
        None => (String::new(), None),
    };
    for file in ["InRelease", "Release"] {
        let beside: PathBuf = path.with_file_name(format!("{prefix}{file}"));
        let Ok(text) = std::fs::read(&beside) else { continue };
        let payload = match clearsigned_payload(&text) {
            Ok(signed) => signed.text.into_owned(),
            Err(_) => text,
        };
        if let Ok(release) = Release::parse(&payload) {
            return Suite {
                archive: release.suite,
                codename: release.codename,
                origin: release.origin,
                label: release.label,
                component,
                version: release.version,
                not_automatic: release.not_automatic,
                but_automatic_upgrades: release.but_automatic_upgrades,
                ..Suite::default()
            };
        }
    }
    Suite::default()
}

/// The first architecture other than `all` that a Packages file names.
fn architecture_in(file: &[u8]) -> Option<String> {
    vclust_core::Stanzas::new(file)
        .filter_map(|stanza| stanza.value("Architecture"))
        .map(|value| String::from_utf8_lossy(value).into_owned())
        .find(|architecture| architecture != "all")
}

/// The architecture of the roots that a source of packages is for.
pub(crate) fn architecture_of(source: &Source) -> Result<String, Failure> {
    if let Some(architecture) = &source.architecture {
        return Ok(architecture.clone());
    }
    if source.packages_file.is_empty() {
        return Ok(AptConfiguration::load()?.architecture().to_owned());
    }
    Ok(machine_architecture().to_owned())
}

/// Debian's name for the architecture this program runs on.
fn machine_architecture() -> &'static str {
    match std::env::consts::ARCH {
        "x86_64" => "amd64",
        "aarch64" => "arm64",
        "x86" => "i386",
        "arm" => "armhf",
        "powerpc64" => "ppc64el",
        other => other,
    }
}

/// vclust's meta-packages with the user's files.
pub(crate) fn meta_packages(files: &[PathBuf]) -> Result<MetaPackages, Failure> {
    let mut all = MetaPackages::shipped();
    for path in files {
        let text = std::fs::read_to_string(path)
            .map_err(|source| Failure::Read { path: path.clone(), source })?;
        all.merge(&text, &path.display().to_string())?;
    }
    Ok(all)
}
