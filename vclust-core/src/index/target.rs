//! Which versions can satisfy a relation: the real package first, then its providers.

use super::Index;
use super::dependency::{Dependency, Target};
use super::ids::{ArchitectureId, NameId, PackageId, VersionId};
use super::record::{MultiArch, Provide, ProvideQualifier};

impl Index {
    /// The package a relation names, if it is a real one.
    pub(crate) fn real_target(&self, owner: VersionId, target: Target) -> Option<PackageId> {
        match target {
            Target::Plain(name) => self.package_of(name, self.architecture_of(owner)),
            Target::Elsewhere(name, architecture) => self.package_of(name, architecture),
            Target::Package(package) => Some(package),
            Target::Missing | Target::Any(_) | Target::On(..) => None,
        }
    }

    /// Whether a negative relation passes over the package it names: nobody conflicts with itself,
    /// and `Multi-Arch: same` packages may name their siblings.
    pub(crate) fn ignores_real(
        &self,
        owner: VersionId,
        dependency: &Dependency,
        package: PackageId,
    ) -> bool {
        if !dependency.kind.is_negative() {
            return false;
        }
        let record = self.version_record(owner);
        let own = self.package_record(record.package);
        if own.name != self.package_record(package).name {
            return false;
        }
        record.package == package
            || record.multi_arch == MultiArch::Same && !dependency.is_implicit()
    }

    /// Whether a negative relation passes over a provider.
    fn ignores_provider(
        &self,
        owner: VersionId,
        dependency: &Dependency,
        provider: VersionId,
    ) -> bool {
        dependency.kind.is_negative()
            && (dependency.is_implicit()
                || self.name_of(self.version_record(owner).package)
                    == self.name_of(self.version_record(provider).package))
    }

    /// Calls `found` with every version that provides what the relation asks for and satisfies its
    /// constraint, until `found` returns true; says whether it did.
    pub(crate) fn any_provider(
        &self,
        owner: VersionId,
        dependency: &Dependency,
        mut found: impl FnMut(VersionId) -> bool,
    ) -> bool {
        let Some(name) = dependency.target.name(self) else { return false };
        let own = self.architecture_of(owner);
        self.any_provide(name, dependency.target, own, |provider, version| {
            !self.ignores_provider(owner, dependency, provider)
                && self.accepts(owner, dependency, version)
                && found(provider)
        })
    }

    /// Calls `found` with every provider of a name and the version it provides, explicit ones and
    /// those that multi-arch implies.
    fn any_provide(
        &self,
        name: NameId,
        target: Target,
        own: ArchitectureId,
        mut found: impl FnMut(VersionId, Option<&[u8]>) -> bool,
    ) -> bool {
        let siblings_provide =
            |found: &mut dyn FnMut(VersionId, Option<&[u8]>) -> bool,
             wanted: &dyn Fn(PackageId, MultiArch) -> bool| {
                self.siblings(name).any(|package| {
                    self.version_ids(package).any(|version| {
                        wanted(package, self.version_record(version).multi_arch)
                            && found(version, Some(self.version_text(version)))
                    })
                })
            };
        // apt puts later providers first.
        let explicit = self.provides_of(name).iter().rev();
        match target {
            Target::Missing => false,
            Target::Package(package) => {
                let own = self.package_record(package).architecture;
                self.any_provide(name, Target::Plain(name), own, found)
            }
            Target::Elsewhere(_, architecture) => {
                self.any_provide(name, Target::Plain(name), architecture, found)
            }
            Target::Plain(_) => {
                for entry in explicit {
                    let serves = match entry.qualifier {
                        ProvideQualifier::None => self.serves(entry.provider, own),
                        ProvideQualifier::Any => false,
                        ProvideQualifier::Architecture(architecture) => architecture == own,
                    };
                    if serves && found(entry.provider, self.provided_version(entry)) {
                        return true;
                    }
                }
                siblings_provide(&mut found, &|package, multi_arch| {
                    let architecture = self.package_record(package).architecture;
                    multi_arch == MultiArch::Foreign
                        && architecture != own
                        && self.is_configured(architecture)
                })
            }
            Target::Any(_) => {
                for entry in explicit {
                    let serves = match entry.qualifier {
                        ProvideQualifier::None => {
                            self.version_record(entry.provider).multi_arch == MultiArch::Allowed
                                && self.is_configured(self.architecture_of(entry.provider))
                        }
                        ProvideQualifier::Any => true,
                        ProvideQualifier::Architecture(_) => false,
                    };
                    if serves && found(entry.provider, self.provided_version(entry)) {
                        return true;
                    }
                }
                siblings_provide(&mut found, &|package, multi_arch| {
                    multi_arch == MultiArch::Allowed
                        && self.is_configured(self.package_record(package).architecture)
                })
            }
            Target::On(_, architecture) => {
                for entry in explicit {
                    let serves = match entry.qualifier {
                        ProvideQualifier::None => {
                            self.architecture_of(entry.provider) == architecture
                        }
                        ProvideQualifier::Any => false,
                        ProvideQualifier::Architecture(of) => of == architecture,
                    };
                    if serves && found(entry.provider, self.provided_version(entry)) {
                        return true;
                    }
                }
                siblings_provide(&mut found, &|package, _| {
                    self.package_record(package).architecture == architecture
                })
            }
        }
    }

    /// Whether some package's `Provides` serves packages on an architecture with a name.
    pub(crate) fn is_provided_on(&self, name: NameId, architecture: ArchitectureId) -> bool {
        self.provides_of(name).iter().any(|entry| match entry.qualifier {
            ProvideQualifier::None => self.serves(entry.provider, architecture),
            ProvideQualifier::Any => false,
            ProvideQualifier::Architecture(of) => of == architecture,
        })
    }

    /// Whether the root takes packages of an architecture from archives. Those of others, which it
    /// holds from earlier days, serve nobody but their own kind.
    fn is_configured(&self, architecture: ArchitectureId) -> bool {
        usize::from(architecture.0) < self.tables.configured_architectures
    }

    /// Whether a provider serves relations of packages on `architecture`.
    fn serves(&self, provider: VersionId, architecture: ArchitectureId) -> bool {
        self.architecture_of(provider) == architecture
            || self.version_record(provider).multi_arch == MultiArch::Foreign
                && self.is_configured(self.architecture_of(provider))
    }

    fn provided_version(&self, entry: &Provide) -> Option<&[u8]> {
        (!entry.version.is_empty()).then(|| entry.version.of(self.bytes(entry.provider)))
    }

    /// Every version, installed or not, that satisfies the relation: those of the package it
    /// names, highest first, then providers.
    pub(crate) fn all_targets(&self, owner: VersionId, dependency: &Dependency) -> Vec<VersionId> {
        let mut list = Vec::new();
        if let Some(package) = self.real_target(owner, dependency.target) {
            if !self.ignores_real(owner, dependency, package) {
                list.extend(self.version_ids(package).filter(|version| {
                    self.accepts(owner, dependency, Some(self.version_text(*version)))
                }));
            }
        }
        self.any_provider(owner, dependency, |provider| {
            list.push(provider);
            false
        });
        list
    }

    /// Providers of a name for native packages, with the version each provides.
    pub(crate) fn native_providers(&self, name: NameId) -> Vec<(VersionId, Option<&[u8]>)> {
        let mut list: Vec<(VersionId, Option<&[u8]>)> = Vec::new();
        for entry in self.provides_of(name).iter().rev() {
            if entry.qualifier == ProvideQualifier::None
                && self.serves(entry.provider, ArchitectureId::NATIVE)
            {
                list.push((entry.provider, self.provided_version(entry)));
            }
        }
        list
    }
}
