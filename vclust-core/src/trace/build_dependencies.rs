//! Requests that Debian itself makes: what each source package needs to be built.
//!
//! Some 34,000 real sets of packages, with real overlaps between them. Each becomes a package of its
//! own that depends on what the source package needs, as `mk-build-deps` and `apt-get build-dep` do
//! it, so that alternatives, versions and conflicts keep their meaning and the closure is apt's.

use crate::relation::{Groups, Relation, RelationError, architecture_matches, parse_relations};
use crate::sources::{BuildRelation, SourcePackage, Sources};
use crate::version::compare_versions;

/// What the package that stands for a source package's needs is called: this, then the name.
const PREFIX: &str = "build-dependencies-of-";

/// Whether a package only stands for what a source package needs.
pub(super) fn stands_for(name: &str) -> bool {
    name.starts_with(PREFIX)
}

/// Packages that stand for what source packages need.
#[derive(Debug, Clone, Default)]
pub struct BuildDependencies {
    /// A `Packages` file with one package for each source package; add it to the index that resolves
    /// the requests.
    pub packages_file: Vec<u8>,
    /// Names of its packages, in the order of the sources' names. Each is a request.
    pub names: Vec<String>,
    /// Source packages that are left out because a relation of theirs cannot be read.
    pub unreadable: Vec<(String, RelationError)>,
}

impl BuildDependencies {
    /// The highest version of each source package that builds something for `architecture`. As
    /// Debian Policy 4.2 has it, `build-essential` is needed by all.
    ///
    /// ```
    /// use vclust_core::{BuildDependencies, Sources};
    /// let file = "Package: a\nVersion: 1\nArchitecture: any\nBuild-Depends: b (>= 2) | c [i386], d\n";
    /// let sources = [Sources::parse(file.as_bytes().into())?];
    /// let needs = BuildDependencies::of(&sources, "amd64");
    /// assert_eq!(needs.names, ["build-dependencies-of-a"]);
    /// let text = String::from_utf8(needs.packages_file)?;
    /// assert!(text.contains("\nDepends: build-essential, b (>= 2), d\n"));
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    #[must_use]
    pub fn of(sources: &[Sources], architecture: &str) -> Self {
        let mut all: Vec<SourcePackage<'_>> = sources.iter().flat_map(Sources::iter).collect();
        all.sort_by(|a, b| {
            let newest_first = || compare_versions(b.version().as_bytes(), a.version().as_bytes());
            a.package().cmp(b.package()).then_with(newest_first)
        });
        all.dedup_by(|later, earlier| later.package() == earlier.package());
        let mut result = Self::default();
        for source in all {
            let wanted = source.architectures().any(|wildcard| {
                wildcard == "all" || architecture_matches(wildcard.as_bytes(), architecture)
            });
            if !wanted {
                continue;
            }
            match stanza(&source, architecture) {
                Ok(text) => {
                    result.packages_file.extend_from_slice(text.as_bytes());
                    result.names.push(format!("{PREFIX}{}", source.package()));
                }
                Err(error) => result.unreadable.push((source.package().to_owned(), error)),
            }
        }
        result
    }
}

fn stanza(source: &SourcePackage<'_>, architecture: &str) -> Result<String, RelationError> {
    let needs = source.build_dependencies(architecture, &[])?;
    let mut conflicts = Groups::new();
    for field in
        [BuildRelation::Conflicts, BuildRelation::ConflictsArch, BuildRelation::ConflictsIndep]
    {
        for mut group in parse_relations(source.relation(field).unwrap_or_default())? {
            group.retain(|relation| relation.applies_to(architecture, &[]));
            if !group.is_empty() {
                conflicts.push(group);
            }
        }
    }
    let mut text = format!(
        "Package: {PREFIX}{}\nVersion: {}\nArchitecture: all\nDepends: build-essential",
        source.package(),
        source.version()
    );
    for group in needs {
        text.push_str(", ");
        text.push_str(&alternatives(group));
    }
    if !conflicts.is_empty() {
        let each: Vec<String> = conflicts.into_iter().map(alternatives).collect();
        text.push_str("\nConflicts: ");
        text.push_str(&each.join(", "));
    }
    text.push_str("\n\n");
    Ok(text)
}

/// A group as binary packages write it: restrictions were applied already, and a native build needs
/// packages of the machine itself.
fn alternatives<'a>(group: impl IntoIterator<Item = Relation<'a>>) -> String {
    let plain = group.into_iter().map(|mut relation| {
        relation.architectures = None;
        relation.profiles.clear();
        relation.qualifier = relation.qualifier.filter(|qualifier| *qualifier != b"native");
        relation.to_string()
    });
    plain.collect::<Vec<_>>().join(" | ")
}
