//! The package lists of the machine that benchmarks run on.

use bytes::Bytes;
use vclust_core::{FileOrigin, Index, Policy, Request};
use vclust_debian::{AptConfiguration, SourceKind, open_index};

/// The machine's package lists, unpacked and in memory.
#[derive(Debug, Clone)]
pub struct Lists {
    architecture: String,
    files: Vec<(Bytes, FileOrigin)>,
}

impl Lists {
    /// The lists that apt has downloaded; where there are none the program ends and says how to
    /// get them.
    #[must_use]
    pub fn of_machine() -> Self {
        let lists = Self::read().unwrap_or_else(|error| fail(&*error));
        if lists.files.is_empty() {
            fail("apt has no package lists on this machine: run `apt-get update` as root");
        }
        lists
    }

    fn read() -> Result<Self, Box<dyn std::error::Error>> {
        let configuration = AptConfiguration::load()?;
        let architecture = configuration.architecture().to_owned();
        let mut files = Vec::new();
        for list in configuration.lists(SourceKind::Binary)? {
            let name = list.path.display().to_string();
            files.push((open_index(&list.path)?, FileOrigin::of_suite(name, list.suite())));
        }
        Ok(Self { architecture, files })
    }

    /// The largest list alone: a release's `main`.
    #[must_use]
    pub fn largest(&self) -> Self {
        let largest = self.files.iter().max_by_key(|(bytes, _)| bytes.len()).cloned();
        Self { architecture: self.architecture.clone(), files: largest.into_iter().collect() }
    }

    /// The content of the first list.
    #[must_use]
    pub fn first(&self) -> &Bytes {
        &self.files[0].0
    }

    /// An index of all lists onto an empty root.
    #[must_use]
    pub fn load(&self) -> Index {
        self.load_onto(None)
    }

    /// An index of all lists onto the root of a status file.
    #[must_use]
    pub fn load_onto(&self, status: Option<&Bytes>) -> Index {
        let mut builder = Index::builder(&self.architecture);
        for (bytes, origin) in &self.files {
            if let Err(error) = builder.packages(bytes.clone(), origin.clone()) {
                fail(error);
            }
        }
        if let Some(status) = status {
            builder.status(status.clone(), FileOrigin::named("status"));
        }
        builder.build().unwrap_or_else(|error| fail(error))
    }

    /// The status file of a minimal root: the essential packages and apt.
    #[must_use]
    pub fn minimal_status(&self) -> Bytes {
        let index = self.load();
        match Request::minimal_root(&index).resolve(&index, &Policy::default()) {
            Ok(closure) => closure.status_file().into(),
            Err(error) => fail(error),
        }
    }
}

/// Number of packages that a request adds; `None` if it cannot be fulfilled.
#[must_use]
pub fn closure_size(index: &Index, names: &[String], recommends: bool) -> Option<usize> {
    let policy = Policy::default();
    let request = Request::new(names).install_recommends(recommends);
    request.resolve(index, &policy).ok().map(|closure| closure.len())
}

/// A request, without Recommends, whose closure has `size` packages or at most a twentieth more or
/// less: one package if the suite has one of that size among some hundreds that are tried, else
/// several.
#[must_use]
pub fn request_of_size(index: &Index, size: usize) -> Vec<String> {
    const TRIED: usize = 400;
    let margin = size / 20;
    let step = (index.package_count() / TRIED).max(1);
    let names: Vec<String> = index
        .packages()
        .step_by(step)
        .filter(|package| package.architecture() == index.native_architecture())
        .map(|package| package.name().into_owned())
        .collect();
    let mut request: Vec<String> = Vec::new();
    for name in &names {
        let alone = [name.clone()];
        if closure_size(index, &alone, false).is_some_and(|found| found.abs_diff(size) <= margin) {
            return alone.into();
        }
    }
    for name in names {
        request.push(name);
        match closure_size(index, &request, false) {
            Some(found) if found.abs_diff(size) <= margin => break,
            Some(found) if found < size => {}
            _ => {
                request.pop();
            }
        }
    }
    request
}

fn fail(reason: impl std::fmt::Display) -> ! {
    eprintln!("bench: {reason}");
    std::process::exit(1);
}
