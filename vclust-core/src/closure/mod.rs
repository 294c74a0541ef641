//! Closures: what a request adds to a root, exactly as `apt-get install` of apt 2.6 would.
//!
//! The classic solver works in two halves. Marking (`mark`) installs each requested package and,
//! recursively, the first alternative that works of everything it needs. If something is broken
//! afterwards, the problem resolver (`repair`) gives way to the higher score until nothing is.
//! What was marked on the way and is not needed in the end is dropped (`garbage`).

mod error;
mod explain;
mod garbage;
mod mark;
mod order;
mod release;
mod repair;
mod request;
mod root;
mod solutions;
mod state;

use crate::index::{Index, PackageId, VersionId, VersionView};
use crate::policy::Policy;

pub use error::ResolveError;
pub use request::{Action, RequestItem, Selector};

use mark::{By, Dependencies};
use repair::Repair;
use state::{Mode, States};

/// A request for packages.
///
/// ```
/// use vclust_core::{FileOrigin, Index, Policy, Request};
/// let packages = "Package: a\nVersion: 1\nDepends: b\nArchitecture: all\n\n\
///     Package: b\nVersion: 2\nArchitecture: all\n";
/// let mut builder = Index::builder("amd64");
/// builder.packages(packages.as_bytes(), FileOrigin::named("Packages"))?;
/// let index = builder.build()?;
/// let closure = Request::new(["a"]).resolve(&index, &Policy::default())?;
/// let names: Vec<_> = closure.install().map(|version| version.name()).collect();
/// assert_eq!(names, ["b", "a"]);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Request {
    items: Vec<String>,
    install_recommends: bool,
}

impl Request {
    /// A request for items as apt's command line takes them, see [`RequestItem`].
    #[must_use]
    pub fn new(items: impl IntoIterator<Item = impl Into<String>>) -> Self {
        Self { items: items.into_iter().map(Into::into).collect(), install_recommends: false }
    }

    /// Whether recommended packages are installed, too; without this call they are not.
    #[must_use]
    pub fn install_recommends(mut self, install: bool) -> Self {
        self.install_recommends = install;
        self
    }

    /// The items, as given.
    #[must_use]
    pub fn items(&self) -> &[String] {
        &self.items
    }

    /// What the request adds to the index's root.
    pub fn resolve<'a>(
        &self,
        index: &'a Index,
        policy: &'a Policy,
    ) -> Result<Closure<'a>, ResolveError> {
        let states = States::new(index, policy, self.install_recommends);
        let mut to_install: Vec<VersionId> = Vec::new();
        let mut to_remove: Vec<PackageId> = Vec::new();
        let mut by_suite: Vec<(VersionId, String)> = Vec::new();
        for text in &self.items {
            let item = RequestItem::parse(index, text);
            if item.action == Action::Remove && !item.exists(index) {
                return Err(item.unknown(index));
            }
            let version = match item.select(index, policy) {
                // Removing what is not there, or is virtual, asks for nothing.
                Err(_) if item.action == Action::Remove => continue,
                other => other?,
            };
            let package = index.version_record(version).package;
            if item.action == Action::Remove {
                to_remove.push(package);
            } else if !to_install.contains(&version) {
                to_install.push(version);
                match &item.selector {
                    Selector::Suite(name) => by_suite.push((version, name.clone())),
                    Selector::Version(text) if **text != *index.version(version).version() => {
                        by_suite.push((version, text.clone()));
                    }
                    _ => {}
                }
            }
        }
        let broken = states.broken_now();
        if !broken.is_empty() {
            return Err(ResolveError::BrokenRoot { explanation: broken });
        }
        states.carry_out(&to_install, &to_remove, &by_suite)?;
        Ok(Closure::of(&states, self.items.clone()))
    }
}

impl States<'_> {
    fn carry_out(
        &self,
        to_install: &[VersionId],
        to_remove: &[PackageId],
        by_suite: &[(VersionId, String)],
    ) -> Result<(), ResolveError> {
        let mut requested = Vec::new();
        for package in to_remove {
            requested.push(*package);
            self.mark_protected(*package);
            if self.is_installed(*package) {
                self.mark_delete(*package, By::User, 0);
            } else {
                self.with(*package, |state| state.held = true);
            }
        }
        let mut follow = Vec::new();
        for version in to_install {
            let package = self.package_of(*version);
            self.set_candidate(*version);
            requested.push(package);
            self.mark_protected(package);
            self.mark_install(package, Dependencies::Leave, 0, By::User);
            if !follow.contains(&package) {
                follow.push(package);
            }
        }
        self.follow_suites(by_suite);
        for package in follow {
            self.mark_install(package, Dependencies::Follow, 0, By::User);
        }
        if !Repair::new(self, requested, to_remove).run() {
            return Err(ResolveError::Unsatisfiable { explanation: self.explain(to_install) });
        }
        self.sweep();
        Ok(())
    }
}

/// What a request adds to a root.
#[derive(Debug, Clone)]
pub struct Closure<'a> {
    index: &'a Index,
    request: Vec<String>,
    batches: Vec<Vec<VersionId>>,
    remove: Vec<VersionId>,
}

impl<'a> Closure<'a> {
    fn of(states: &States<'a>, request: Vec<String>) -> Self {
        let index = states.index;
        let mut install = Vec::new();
        let mut remove = Vec::new();
        for package in states.active() {
            let state = states.get(package);
            match (state.mode, states.current(package)) {
                (Mode::Install, _) => install.extend(state.install.some()),
                (Mode::Delete, Some(current)) => remove.push(current),
                _ => {}
            }
        }
        Self { index, request, batches: order::batches(index, &install), remove }
    }

    /// The index the closure was made from.
    #[must_use]
    pub fn index(&self) -> &'a Index {
        self.index
    }

    /// The request's items.
    #[must_use]
    pub fn request(&self) -> &[String] {
        &self.request
    }

    /// New and upgraded packages, in install order.
    pub fn install(&self) -> impl Iterator<Item = VersionView<'a>> + '_ {
        self.batches.iter().flatten().map(|id| self.index.version(*id))
    }

    /// The same in batches: dpkg can unpack and then configure each batch as a whole, and what a
    /// batch pre-depends on is in the root or in a batch before it.
    pub fn batches(&self) -> impl Iterator<Item = Vec<VersionView<'a>>> + '_ {
        self.batches.iter().map(|batch| batch.iter().map(|id| self.index.version(*id)).collect())
    }

    /// Installed packages that have to go.
    pub fn remove(&self) -> impl Iterator<Item = VersionView<'a>> + '_ {
        self.remove.iter().map(|id| self.index.version(*id))
    }

    /// Number of new and upgraded packages.
    #[must_use]
    pub fn len(&self) -> usize {
        self.batches.iter().map(Vec::len).sum()
    }

    /// Whether nothing is to be installed.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Bytes to download: the sizes of all .debs.
    #[must_use]
    pub fn download_bytes(&self) -> u64 {
        self.install().map(|version| version.size()).sum()
    }

    /// Bytes that the packages state to take once installed.
    #[must_use]
    pub fn installed_bytes(&self) -> u64 {
        self.install().map(|version| version.installed_size()).sum()
    }
}
