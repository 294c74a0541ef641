//! An index, with the policy and the root that belong to it.

use std::path::{Path, PathBuf};

use bytes::Bytes;
use vclust_core::{
    FileOrigin, Index, IndexBuilder, Policy, Release, Request, Suite, VersionView,
    clearsigned_payload,
};
use vclust_debian::{AptConfiguration, OnProgress, UnpackedIndexes, open_index};

use super::error::PackagesError;
use super::source::{PackageSource, RootState, machine_architecture};
use crate::Archives;

/// An index with the policy that belongs to it.
#[derive(Debug)]
#[non_exhaustive]
pub struct LoadedIndex {
    /// The index. It holds what the root holds, too.
    pub index: Index,
    /// Which versions are candidates.
    pub policy: Policy,
    /// The archives of the index files, where they are known.
    pub archives: Archives,
}

impl LoadedIndex {
    /// The candidate of every package that has one, in the order in which packages were read.
    pub fn candidates(&self) -> impl Iterator<Item = VersionView<'_>> {
        let Self { index, policy, .. } = self;
        index
            .packages()
            .filter_map(|package| policy.candidate(index, package.id()))
            .map(|id| index.version(id))
    }
}

impl PackageSource {
    /// Loads the indexes and the root.
    pub fn load(
        &self,
        root: &RootState,
        on_progress: OnProgress<'_>,
    ) -> Result<LoadedIndex, PackagesError> {
        self.load_with(root, None, on_progress)
    }

    /// Loads the indexes, another `Packages` file that was made up, and the root.
    pub fn load_with(
        &self,
        root: &RootState,
        made_up: Option<(Bytes, FileOrigin)>,
        on_progress: OnProgress<'_>,
    ) -> Result<LoadedIndex, PackagesError> {
        let mut plan = Plan::of(self, on_progress)?;
        plan.files.extend(made_up);
        let mut builder = plan.builder()?;
        if let RootState::StatusFile(path) = root {
            builder.status(open_index(path)?, FileOrigin::named(path.display().to_string()));
        }
        let index = builder.build()?;
        if *root != RootState::Minimal {
            return Ok(LoadedIndex { index, policy: plan.policy, archives: plan.archives });
        }
        let minimal = Request::minimal_root(&index).resolve(&index, &plan.policy)?;
        let mut builder = plan.builder()?;
        builder.status(minimal.status_file(), FileOrigin::named("minimal root"));
        let index = builder.build()?;
        Ok(LoadedIndex { index, policy: plan.policy, archives: plan.archives })
    }
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
    fn of(source: &PackageSource, on_progress: OnProgress<'_>) -> Result<Self, PackagesError> {
        if source.packages_files.is_empty() {
            return Self::of_lists(source, on_progress);
        }
        let mut files = Vec::new();
        for path in &source.packages_files {
            let origin = FileOrigin::of_suite(path.display().to_string(), suite_beside(path));
            files.push((open_index(path)?, origin));
        }
        let native = source
            .architecture
            .clone()
            .or_else(|| files.iter().find_map(|(file, _)| architecture_in(file)))
            .unwrap_or_else(|| machine_architecture().to_owned());
        let foreign = source.foreign_architectures.clone();
        let archives = Archives::default();
        Ok(Self { native, foreign, files, policy: Policy::default(), archives })
    }

    fn of_lists(
        source: &PackageSource,
        on_progress: OnProgress<'_>,
    ) -> Result<Self, PackagesError> {
        let configuration = AptConfiguration::load()?;
        let mut files = Vec::new();
        let lists = source.index_files(&configuration, on_progress)?;
        let archives = lists
            .iter()
            .map(|list| (list.path.display().to_string(), list.archive_uri.clone()))
            .collect();
        let unpacked = source.state().ok().and_then(|state| UnpackedIndexes::of(&state));
        for list in lists {
            let name = list.path.display().to_string();
            let content = match &unpacked {
                Some(unpacked) => unpacked.open(&list.path)?,
                None => open_index(&list.path)?,
            };
            files.push((content, FileOrigin::of_suite(name, list.suite())));
        }
        if files.is_empty() {
            return Err(PackagesError::NoIndexes);
        }
        let mut foreign = source.foreign_architectures.clone();
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

    fn builder(&self) -> Result<IndexBuilder, PackagesError> {
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
