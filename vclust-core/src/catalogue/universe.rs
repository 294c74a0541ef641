//! All packages that a site's images and requests have ever named, each with a dense number.

use rustc_hash::FxHashMap;

use super::set::PackageSet;
use crate::closure::Closure;
use crate::history::PackageVersion;
use crate::index::{Dependency, Index, RelationKind, VersionId, VersionView, groups};
use crate::version::compare_versions;

/// The number of a package in one version, on one architecture, within a [`Universe`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct PackageVersionId(pub(crate) u32);

impl PackageVersionId {
    /// Position in tables over the universe.
    #[must_use]
    pub fn index(self) -> usize {
        self.0 as usize
    }
}

#[derive(Debug, Clone)]
struct Record {
    package: PackageVersion,
    deb_bytes: u64,
    installed_bytes: u64,
    /// For each dependency, who has satisfied it so far, in the order in which they were met.
    needs: Vec<Vec<PackageVersionId>>,
    /// What may not be installed beside it, whoever of the two says so.
    conflicts: Vec<PackageVersionId>,
    /// Whether its relations were read.
    linked: bool,
}

/// Packages in versions, numbered as they come. It outlives any index: an image may hold what no
/// index has any longer, of which then only name and version are known.
#[derive(Debug, Clone, Default)]
pub struct Universe {
    records: Vec<Record>,
    by_name: FxHashMap<Box<str>, Vec<PackageVersionId>>,
}

impl Universe {
    /// An empty universe.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Number of packages in versions.
    #[must_use]
    pub fn len(&self) -> usize {
        self.records.len()
    }

    /// Whether it knows none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.records.is_empty()
    }

    /// All numbers.
    pub fn ids(&self) -> impl ExactSizeIterator<Item = PackageVersionId> + use<> {
        (0..self.records.len() as u32).map(PackageVersionId)
    }

    /// Name (with `:architecture` where that is not the native one) and version.
    #[must_use]
    pub fn package(&self, id: PackageVersionId) -> &PackageVersion {
        &self.records[id.index()].package
    }

    /// Size of the .deb in bytes; 0 where no index has it.
    #[must_use]
    pub fn deb_bytes(&self, id: PackageVersionId) -> u64 {
        self.records[id.index()].deb_bytes
    }

    /// Size after installation in bytes; 0 where no index has it.
    #[must_use]
    pub fn installed_bytes(&self, id: PackageVersionId) -> u64 {
        self.records[id.index()].installed_bytes
    }

    /// Sum of [`Universe::deb_bytes`] over a set.
    #[must_use]
    pub fn deb_bytes_of(&self, set: &PackageSet) -> u64 {
        set.iter().map(|id| self.deb_bytes(id)).sum()
    }

    /// What may not be installed beside a package, other versions of it left out.
    #[must_use]
    pub fn conflicts(&self, id: PackageVersionId) -> &[PackageVersionId] {
        &self.records[id.index()].conflicts
    }

    /// For each of a package's dependencies, who has satisfied it so far; one of them suffices. Empty
    /// where nobody in sight did.
    #[must_use]
    pub fn needs(&self, id: PackageVersionId) -> &[Vec<PackageVersionId>] {
        &self.records[id.index()].needs
    }

    /// The other versions of a package that the universe knows.
    pub fn other_versions(
        &self,
        id: PackageVersionId,
    ) -> impl Iterator<Item = PackageVersionId> + '_ {
        let all = self.by_name.get(&*self.package(id).package).map_or(&[][..], Vec::as_slice);
        all.iter().copied().filter(move |other| *other != id)
    }

    /// Whether `a` is a lower version than `b`, as dpkg orders versions.
    #[must_use]
    pub fn is_older(&self, a: PackageVersionId, b: PackageVersionId) -> bool {
        let version = |id| self.package(id).version.as_bytes();
        compare_versions(version(a), version(b)).is_lt()
    }

    /// The number of a package by name and version, if it has one.
    #[must_use]
    pub fn find(&self, package: &str, version: &str) -> Option<PackageVersionId> {
        let all = self.by_name.get(package)?;
        all.iter().copied().find(|id| self.package(*id).version == version)
    }

    /// Numbers a package of which only name and version are known.
    pub fn add(&mut self, package: &PackageVersion) -> PackageVersionId {
        if let Some(id) = self.find(&package.package, &package.version) {
            return id;
        }
        let id = PackageVersionId(self.records.len() as u32);
        self.by_name.entry(package.package.as_str().into()).or_default().push(id);
        self.records.push(Record {
            package: package.clone(),
            deb_bytes: 0,
            installed_bytes: 0,
            needs: Vec::new(),
            conflicts: Vec::new(),
            linked: false,
        });
        id
    }

    /// Numbers packages by name and version, with what the index knows of them.
    pub fn add_all<'p>(
        &mut self,
        packages: impl IntoIterator<Item = &'p PackageVersion>,
        index: &Index,
    ) -> PackageSet {
        let mut set = PackageSet::new();
        let mut known = Vec::new();
        for package in packages {
            match find(index, package) {
                Some(version) => known.push(version),
                None => {
                    set.insert(self.add(package));
                }
            }
        }
        set.union_with(&self.add_versions(&known));
        set
    }

    /// Numbers what a root holds after a closure was installed onto the root of its index.
    pub fn add_target(&mut self, closure: &Closure<'_>) -> PackageSet {
        self.add_target_where(closure, |_| true)
    }

    /// As [`Universe::add_target`], with only those packages that `wanted` takes: a package that only
    /// stands for a request is not installed.
    pub fn add_target_where(
        &mut self,
        closure: &Closure<'_>,
        wanted: impl Fn(&VersionView<'_>) -> bool,
    ) -> PackageSet {
        let root = closure.resulting_root().filter(|version| wanted(version));
        let all: Vec<VersionView<'_>> = root.collect();
        self.add_versions(&all)
    }

    /// Numbers versions that are installed together, all of one index.
    pub fn add_versions(&mut self, versions: &[VersionView<'_>]) -> PackageSet {
        let mut ids: FxHashMap<VersionId, PackageVersionId> = FxHashMap::default();
        let mut set = PackageSet::new();
        for version in versions {
            let id = self.add_version(version);
            ids.insert(version.id(), id);
            set.insert(id);
        }
        for version in versions {
            let record = &self.records[ids[&version.id()].index()];
            if !record.linked {
                self.link(version, &ids);
            } else if record.needs.iter().any(|group| !group.iter().any(|id| set.contains(*id))) {
                self.add_alternatives(version, &ids);
            }
        }
        set
    }

    /// Who of `members` satisfies each of a package's dependencies.
    fn satisfiers(
        version: &VersionView<'_>,
        members: &FxHashMap<VersionId, PackageVersionId>,
    ) -> Vec<Option<PackageVersionId>> {
        let (index, owner) = (version.index(), version.id());
        let positive = |group: &&[Dependency]| {
            let kind = group.first().map(|first| first.kind);
            matches!(kind, Some(RelationKind::Depends | RelationKind::PreDepends))
        };
        groups(index.dependencies(owner))
            .filter(positive)
            .map(|group| {
                let mut targets =
                    group.iter().flat_map(|alternative| index.all_targets(owner, alternative));
                targets.find_map(|target| members.get(&target).copied())
            })
            .collect()
    }

    /// Takes note that other packages than before satisfy a package's dependencies here.
    fn add_alternatives(
        &mut self,
        version: &VersionView<'_>,
        members: &FxHashMap<VersionId, PackageVersionId>,
    ) {
        let satisfiers = Self::satisfiers(version, members);
        let record = &mut self.records[members[&version.id()].index()];
        if satisfiers.len() != record.needs.len() {
            // Another index gives this version other dependencies; those of the first one stay.
            return;
        }
        for (group, satisfier) in record.needs.iter_mut().zip(satisfiers) {
            if let Some(id) = satisfier.filter(|id| !group.contains(id)) {
                group.push(id);
            }
        }
    }

    fn add_version(&mut self, version: &VersionView<'_>) -> PackageVersionId {
        let index = version.index();
        let name = version.name();
        let architecture = version.package().architecture();
        let number = version.version();
        let package = if architecture == index.native_architecture() {
            PackageVersion { package: name.into_owned(), version: number.into_owned() }
        } else {
            PackageVersion {
                package: format!("{name}:{architecture}"),
                version: number.into_owned(),
            }
        };
        let id = self.add(&package);
        let record = &mut self.records[id.index()];
        // A status file knows no size of the .deb; an index does.
        record.deb_bytes = record.deb_bytes.max(version.size());
        record.installed_bytes = record.installed_bytes.max(version.installed_size());
        id
    }

    /// Reads a package's relations: who of `members` satisfies its dependencies, and what may not be
    /// beside it.
    fn link(
        &mut self,
        version: &VersionView<'_>,
        members: &FxHashMap<VersionId, PackageVersionId>,
    ) {
        let (index, owner) = (version.index(), version.id());
        let own = members[&owner];
        for group in groups(index.dependencies(owner)) {
            let Some(first) = group.first() else { continue };
            match first.kind {
                RelationKind::Conflicts | RelationKind::Breaks => {
                    // Those implied by an index, between versions and architectures of one package,
                    // are told from names; see `Target`.
                    let stated = group.iter().filter(|relation| !relation.is_implicit());
                    for target in stated.flat_map(|relation| index.all_targets(owner, relation)) {
                        let other = self.add_version(&index.version(target));
                        if self.package(other).package != self.package(own).package {
                            self.add_conflict(own, other);
                        }
                    }
                }
                _ => {}
            }
        }
        let satisfiers = Self::satisfiers(version, members);
        let record = &mut self.records[own.index()];
        record.needs = satisfiers.into_iter().map(Vec::from_iter).collect();
        record.linked = true;
    }

    fn add_conflict(&mut self, a: PackageVersionId, b: PackageVersionId) {
        for (one, other) in [(a, b), (b, a)] {
            let list = &mut self.records[one.index()].conflicts;
            if !list.contains(&other) {
                list.push(other);
            }
        }
    }

    /// Adds what the packages of a set need, so that it can be installed. A dependency that several
    /// packages satisfy gets the one with which its owner was first met, unless another version of
    /// that package is in the set.
    pub fn close(&self, set: &mut PackageSet) {
        let open = set.iter().collect();
        self.close_from(set, open);
    }

    /// Adds a package with what it needs, as [`Universe::close`] does, to a set that is closed, unless
    /// that would bring together what conflicts, or two versions of a package. Says whether it did.
    pub fn add_closed(&self, set: &mut PackageSet, id: PackageVersionId) -> bool {
        let mut grown = set.clone();
        grown.insert(id);
        self.close_from(&mut grown, vec![id]);
        let fits = grown.difference(set).all(|new| {
            !self.conflicts(new).iter().any(|other| grown.contains(*other))
                && !self.other_versions(new).any(|other| grown.contains(other))
        });
        if fits {
            *set = grown;
        }
        fits
    }

    fn close_from(&self, set: &mut PackageSet, mut open: Vec<PackageVersionId>) {
        while let Some(id) = open.pop() {
            for group in self.needs(id) {
                let there = group.iter().any(|need| {
                    set.contains(*need)
                        || self.other_versions(*need).any(|other| set.contains(other))
                });
                if let Some(first) = group.first().filter(|_| !there) {
                    set.insert(*first);
                    open.push(*first);
                }
            }
        }
    }

    /// Whether one set holds what may not be installed beside a package of the other: what conflicts with
    /// it, or another version of it.
    #[must_use]
    pub fn clash(&self, one: &PackageSet, other: &PackageSet) -> bool {
        let (few, many) = if one.len() <= other.len() { (one, other) } else { (other, one) };
        few.iter().any(|id| {
            self.conflicts(id).iter().any(|in_the_way| many.contains(*in_the_way))
                || self.other_versions(id).any(|version| many.contains(version))
        })
    }

    /// The packages of `set` that need any of `gone`, directly or through others of the set; `gone`
    /// itself is not among them.
    #[must_use]
    pub fn dependants(&self, set: &PackageSet, gone: &PackageSet) -> PackageSet {
        let mut lost = gone.clone();
        loop {
            let more: Vec<PackageVersionId> = set
                .difference(&lost)
                .filter(|id| {
                    // Lost is who had somebody for a dependency, and now has nobody.
                    self.needs(*id).iter().any(|group| {
                        let mut there = group.iter().filter(|need| set.contains(**need)).peekable();
                        there.peek().is_some() && there.all(|need| lost.contains(*need))
                    })
                })
                .collect();
            if more.is_empty() {
                break;
            }
            lost.extend(more);
        }
        lost.difference_with(gone);
        lost.intersect_with(set);
        lost
    }
}

fn find<'a>(index: &'a Index, package: &PackageVersion) -> Option<VersionView<'a>> {
    let found = match package.package.split_once(':') {
        Some((name, architecture)) => index.find_on(name, architecture),
        None => index.find_on(&package.package, index.native_architecture()),
    };
    found?.versions().find(|version| version.version() == package.version)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::closure::Request;
    use crate::index::FileOrigin;
    use crate::policy::Policy;

    const ARCHIVE: &str = "\
Package: base\nVersion: 1\nEssential: yes\nArchitecture: all\n\n\
Package: tool\nVersion: 1\nDepends: library | other, base\nArchitecture: all\nSize: 5\n\n\
Package: library\nVersion: 1\nArchitecture: all\n\n\
Package: other\nVersion: 1\nConflicts: library\nArchitecture: all\n\n\
Package: user\nVersion: 1\nDepends: tool\nArchitecture: all\n";

    fn index() -> Index {
        let mut builder = Index::builder("amd64");
        let status = "Package: base\nStatus: install ok installed\nVersion: 1\nArchitecture: all\n";
        builder.packages(ARCHIVE.as_bytes(), FileOrigin::named("a")).expect("a Packages file");
        builder.status(status.as_bytes(), FileOrigin::named("status"));
        builder.build().expect("an index")
    }

    fn resolved(universe: &mut Universe, index: &Index, name: &str) -> PackageSet {
        let closure = Request::new([name]).resolve(index, &Policy::default());
        universe.add_target(&closure.expect("it can be installed"))
    }

    #[test]
    fn a_target_is_what_the_root_holds_afterwards_and_its_packages_know_what_they_need() {
        let (index, mut universe) = (index(), Universe::new());
        let target = resolved(&mut universe, &index, "user");
        assert_eq!(target.len(), 4, "base stays; tool, library and user are new");
        let id = |name: &str| universe.find(name, "1").expect("it is in the target");
        assert_eq!(universe.needs(id("tool")), [vec![id("library")], vec![id("base")]]);
        assert_eq!(universe.deb_bytes_of(&target), 5);
        let mut alone: PackageSet = [id("user")].into_iter().collect();
        universe.close(&mut alone);
        assert_eq!(alone, target);
        let gone = [id("library")].into_iter().collect();
        let dependants = universe.dependants(&target, &gone);
        assert_eq!(dependants, [id("tool"), id("user")].into_iter().collect());
    }

    #[test]
    fn what_conflicts_is_never_brought_together() {
        let (index, mut universe) = (index(), Universe::new());
        let target = resolved(&mut universe, &index, "tool");
        let other = resolved(&mut universe, &index, "other");
        let new = other.difference(&target).next().expect("the package itself");
        assert_eq!(universe.conflicts(new).len(), 1);
        let mut set = target.clone();
        assert!(!universe.add_closed(&mut set, new));
        assert_eq!(set, target);
        let newer = universe.add(&PackageVersion { package: "tool".into(), version: "2".into() });
        assert!(!universe.add_closed(&mut set, newer), "two versions of a package");
        assert!(universe.is_older(universe.find("tool", "1").expect("known"), newer));
    }
}
