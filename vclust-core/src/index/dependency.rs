//! A version's relations as the resolver wants them: flat, in apt's order, names as ids.
//!
//! They are read the first time somebody asks: a closure looks at a few hundred of the archive's
//! sixty thousand packages.

use super::Index;
use super::builder::span_in;
use super::ids::{ArchitectureId, NameId, PackageId, Span, VersionId};
use super::record::MultiArch;
use super::scan::RelationKind;
use crate::relation::{Operator, relation};

/// What a relation points at.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Target {
    /// A name no package has or provides.
    Missing,
    /// A name, on the architecture of the package that has the relation.
    Plain(NameId),
    /// `name:any`
    Any(NameId),
    /// `name:architecture`
    On(NameId, ArchitectureId),
    /// A name on another architecture than that of the package that has the relation: what a
    /// package conflicts with or breaks without naming an architecture, it does so on all of them.
    Elsewhere(NameId, ArchitectureId),
    /// Exactly this package; only in the implicit relations between architectures.
    Package(PackageId),
}

impl Target {
    pub(crate) fn name(self, index: &Index) -> Option<NameId> {
        match self {
            Self::Missing => None,
            Self::Plain(name) | Self::Any(name) | Self::On(name, _) | Self::Elsewhere(name, _) => {
                Some(name)
            }
            Self::Package(package) => Some(index.package_record(package).name),
        }
    }
}

/// One alternative of one relation.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Dependency {
    pub(crate) kind: RelationKind,
    /// Whether the next dependency of the list is an alternative to this one.
    pub(crate) or_next: bool,
    pub(crate) target: Target,
    pub(crate) constraint: Constraint,
    /// The relation as written, in the version's file; empty for implicit ones.
    pub(crate) text: Span,
}

impl Dependency {
    pub(crate) fn is_implicit(&self) -> bool {
        matches!(self.target, Target::Package(_))
    }
}

/// A version constraint by place.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Constraint {
    None,
    Is(Operator, Span),
    /// Any version but that of the package that has the relation.
    Differs,
}

impl Index {
    /// All relations of a version that a resolver looks at, alternatives adjacent.
    pub(crate) fn dependencies(&self, version: VersionId) -> &[Dependency] {
        self.dependencies[version.index()].get_or_init(|| self.read_dependencies(version))
    }

    fn read_dependencies(&self, id: VersionId) -> Box<[Dependency]> {
        let record = self.version_record(id);
        let mut list = Vec::new();
        for kind in RelationKind::ALL {
            if kind == RelationKind::Provides || kind == RelationKind::Enhances {
                continue;
            }
            let field = record.relations[kind as usize];
            if !field.is_empty() {
                let place = (record.file, self.architecture_of(id));
                self.read_field(place, kind, field, &mut list);
            }
        }
        self.add_implicit(id, &mut list);
        list.into_boxed_slice()
    }

    /// Malformed text becomes a relation that nothing satisfies, so that the package counts as
    /// uninstallable instead of losing a dependency unnoticed; [`Index::malformed_relations`] tells.
    fn read_field(
        &self,
        (file, own): (u16, ArchitectureId),
        kind: RelationKind,
        field: Span,
        list: &mut Vec<Dependency>,
    ) {
        let bytes = &self.tables.files[usize::from(file)].bytes[..];
        let mut rest = field.of(bytes);
        while !rest.is_empty() {
            if let Some(after) = rest.strip_prefix(b",") {
                rest = after.trim_ascii_start();
                continue;
            }
            let Ok((after, read)) = relation(rest) else {
                list.push(Dependency {
                    kind,
                    or_next: false,
                    target: Target::Missing,
                    constraint: Constraint::None,
                    text: span_in(bytes, rest),
                });
                return;
            };
            let text = &rest[..rest.len() - after.len()];
            rest = after.trim_ascii_start();
            let or_next = rest.first() == Some(&b'|') && !kind.is_negative();
            if !rest.is_empty() {
                rest = rest[1..].trim_ascii_start();
            }
            let target = match (self.tables.names.find(read.name), read.qualifier) {
                (None, _) => Target::Missing,
                (Some(name), None) => Target::Plain(name),
                (Some(name), Some(b"any")) => Target::Any(name),
                (Some(name), Some(b"native")) => Target::On(name, ArchitectureId::NATIVE),
                (Some(name), Some(text)) => self
                    .architecture(&String::from_utf8_lossy(text))
                    .map_or(Target::Missing, |architecture| Target::On(name, architecture)),
            };
            let constraint = match read.constraint {
                None => Constraint::None,
                Some((operator, version)) => Constraint::Is(operator, span_in(bytes, version)),
            };
            let text = span_in(bytes, text);
            list.push(Dependency { kind, or_next, target, constraint, text });
            if let (true, Target::Plain(name)) = (kind.is_negative(), target) {
                let elsewhere = self.elsewhere(name, own).map(|target| Dependency {
                    kind,
                    or_next,
                    target,
                    constraint,
                    text,
                });
                list.extend(elsewhere);
            }
        }
        // A bar at the end of the field has no alternative after it.
        if let Some(last) = list.last_mut() {
            last.or_next = false;
        }
    }

    /// The name on all architectures but one where a package has it or provides it.
    fn elsewhere(&self, name: NameId, own: ArchitectureId) -> impl Iterator<Item = Target> {
        let architectures = 0..self.tables.architectures.len() as u16;
        architectures
            .map(ArchitectureId)
            .filter(move |architecture| {
                *architecture != own
                    && (self.package_of(name, *architecture).is_some()
                        || self.is_provided_on(name, *architecture))
            })
            .map(move |architecture| Target::Elsewhere(name, architecture))
    }

    /// Packages of one name on several architectures exclude each other, unless they are
    /// `Multi-Arch: same` and of one version.
    fn add_implicit(&self, id: VersionId, list: &mut Vec<Dependency>) {
        let record = self.version_record(id);
        let name = self.package_record(record.package).name;
        let (kind, constraint) = match record.multi_arch {
            MultiArch::Same => (RelationKind::Breaks, Constraint::Differs),
            _ => (RelationKind::Conflicts, Constraint::None),
        };
        for sibling in self.siblings(name) {
            if sibling != record.package {
                let target = Target::Package(sibling);
                let text = Span::default();
                list.push(Dependency { kind, or_next: false, target, constraint, text });
            }
        }
    }

    /// Whether a version text satisfies the dependency of `owner`; `None` is a provider that names
    /// no version.
    pub(crate) fn accepts(
        &self,
        owner: VersionId,
        dependency: &Dependency,
        version: Option<&[u8]>,
    ) -> bool {
        match dependency.constraint {
            Constraint::None => true,
            Constraint::Is(operator, wanted) => version.is_some_and(|version| {
                let wanted = wanted.of(self.bytes(owner));
                operator.accepts(crate::version::compare_versions(version, wanted))
            }),
            Constraint::Differs => version.is_some_and(|version| {
                crate::version::compare_versions(version, self.version_text(owner)).is_ne()
            }),
        }
    }
}

/// The groups of alternatives in a list of dependencies, in order.
pub(crate) fn groups(list: &[Dependency]) -> impl Iterator<Item = &[Dependency]> {
    list.chunk_by(|left, _| left.or_next)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::index::FileOrigin;

    #[test]
    fn a_name_on_thousands_of_architectures_takes_no_memory_for_each_pair() {
        let stanza = |number| {
            format!(
                "Package: a\nStatus: install ok installed\nVersion: 1\nArchitecture: x{number}\n\n"
            )
        };
        let mut builder = Index::builder("amd64");
        let file: String = (0..5000).map(stanza).collect();
        builder.status(file.into_bytes(), FileOrigin::named("status"));
        let index = builder.build().unwrap();
        let versions = (0..index.version_count()).map(|id| VersionId(id as u32));
        let pairs: usize = versions.map(|version| index.dependencies(version).len()).sum();
        assert_eq!((index.version_count(), pairs), (255, 255 * 254));
    }
}
