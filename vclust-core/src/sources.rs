//! `Sources` files: the source packages of a suite (deb-src-control(5), dsc(5)).
//!
//! The file stays as it is in memory; the index over it holds one range for each stanza and an order
//! by name. Fields are read when they are asked for. Relations keep the text they are written in,
//! with their architecture restrictions `[..]` and build profiles `<..>`, for the relation parser.

use bytes::Bytes;
use thiserror::Error;

use crate::deb822::{Field, Stanza, Stanzas, SyntaxError};
use crate::relation::{Groups, RelationError, parse_relations};

/// Why a text is no `Sources` file.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum SourcesError {
    /// A line is no field.
    #[error(transparent)]
    Syntax(#[from] SyntaxError),
    /// A stanza lacks what makes it a source package.
    #[error("line {line}: this stanza has no `{field}`, so it is no source package")]
    Missing {
        /// Line the stanza starts on.
        line: usize,
        /// `Package` or `Version`.
        field: &'static str,
    },
    /// A name that is not UTF-8.
    #[error("line {line}: the package's name or version is not UTF-8")]
    NotUtf8 {
        /// Line the stanza starts on.
        line: usize,
    },
}

/// The relations that a source package has for being built.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum BuildRelation {
    /// `Build-Depends`: needed for every build.
    Depends,
    /// `Build-Depends-Arch`: needed to build packages for one architecture.
    DependsArch,
    /// `Build-Depends-Indep`: needed to build packages for all architectures.
    DependsIndep,
    /// `Build-Conflicts`: must be absent in every build.
    Conflicts,
    /// `Build-Conflicts-Arch`: must be absent to build packages for one architecture.
    ConflictsArch,
    /// `Build-Conflicts-Indep`: must be absent to build packages for all architectures.
    ConflictsIndep,
}

impl BuildRelation {
    /// All six, in the order above.
    pub const ALL: [Self; 6] = [
        Self::Depends,
        Self::DependsArch,
        Self::DependsIndep,
        Self::Conflicts,
        Self::ConflictsArch,
        Self::ConflictsIndep,
    ];

    /// Name of the field.
    #[must_use]
    pub fn field(self) -> &'static str {
        match self {
            Self::Depends => "Build-Depends",
            Self::DependsArch => "Build-Depends-Arch",
            Self::DependsIndep => "Build-Depends-Indep",
            Self::Conflicts => "Build-Conflicts",
            Self::ConflictsArch => "Build-Conflicts-Arch",
            Self::ConflictsIndep => "Build-Conflicts-Indep",
        }
    }
}

#[derive(Debug, Clone, Copy)]
struct Entry {
    start: usize,
    end: usize,
    package: (usize, usize),
}

/// The source packages of one `Sources` file.
///
/// ```
/// use vclust_core::{BuildRelation, Sources};
/// let text = "Package: hello\nVersion: 2.10-3\nBinary: hello\nBuild-Depends: debhelper (>= 9)\n";
/// let sources = Sources::parse(text.into())?;
/// let hello = sources.find("hello").next().expect("it is in the file");
/// assert_eq!(hello.relation(BuildRelation::Depends), Some(&b"debhelper (>= 9)"[..]));
/// # Ok::<(), vclust_core::SourcesError>(())
/// ```
#[derive(Debug, Clone)]
pub struct Sources {
    bytes: Bytes,
    entries: Vec<Entry>,
    by_name: Vec<usize>,
}

impl Sources {
    /// Indexes a `Sources` file. Each stanza must be well-formed and have a name and a version.
    pub fn parse(bytes: Bytes) -> Result<Self, SourcesError> {
        let mut entries = Vec::new();
        for stanza in Stanzas::new(&bytes) {
            let start = stanza.offset();
            let mut package = None;
            let mut version = None;
            for field in stanza.fields() {
                let field = field?;
                if field.is("Package") {
                    package = Some(field);
                } else if field.is("Version") {
                    version = Some(field);
                }
            }
            let line = stanza.line();
            let package = package.ok_or(SourcesError::Missing { line, field: "Package" })?;
            let version = version.ok_or(SourcesError::Missing { line, field: "Version" })?;
            let utf8 = |field: Field<'_>| std::str::from_utf8(field.value).is_ok();
            if !utf8(package) || !utf8(version) {
                return Err(SourcesError::NotUtf8 { line });
            }
            let name = offset_in(&bytes, package.value);
            entries.push(Entry {
                start,
                end: start + stanza.as_bytes().len(),
                package: (name, name + package.value.len()),
            });
        }
        let mut by_name: Vec<usize> = (0..entries.len()).collect();
        let name = |entry: &Entry| &bytes[entry.package.0..entry.package.1];
        by_name.sort_by(|a, b| name(&entries[*a]).cmp(name(&entries[*b])));
        Ok(Self { bytes, entries, by_name })
    }

    /// How many stanzas the file has.
    #[must_use]
    pub fn len(&self) -> usize {
        self.entries.len()
    }

    /// Whether the file has no stanza.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }

    /// The source packages in the file's order.
    pub fn iter(&self) -> impl ExactSizeIterator<Item = SourcePackage<'_>> {
        self.entries.iter().map(|entry| self.source(*entry))
    }

    /// The versions of the source package called `name`, in the file's order.
    pub fn find<'s>(&'s self, name: &str) -> impl Iterator<Item = SourcePackage<'s>> + use<'s> {
        let key = |position: &usize| {
            let (start, end) = self.entries[*position].package;
            &self.bytes[start..end]
        };
        let start = self.by_name.partition_point(|position| key(position) < name.as_bytes());
        let end = self.by_name.partition_point(|position| key(position) <= name.as_bytes());
        self.by_name[start..end].iter().map(|position| self.source(self.entries[*position]))
    }

    fn source(&self, entry: Entry) -> SourcePackage<'_> {
        let (start, end) = entry.package;
        SourcePackage {
            stanza: Stanza::from_bytes(&self.bytes[entry.start..entry.end]),
            package: std::str::from_utf8(&self.bytes[start..end]).unwrap_or_default(),
        }
    }
}

/// Where a slice of `whole` starts in it.
fn offset_in(whole: &[u8], part: &[u8]) -> usize {
    (part.as_ptr() as usize).saturating_sub(whole.as_ptr() as usize)
}

/// One source package, borrowed from its file.
#[derive(Debug, Clone, Copy)]
pub struct SourcePackage<'a> {
    stanza: Stanza<'a>,
    package: &'a str,
}

impl<'a> SourcePackage<'a> {
    /// Name of the source package.
    #[must_use]
    pub fn package(&self) -> &'a str {
        self.package
    }

    /// Its version, as written.
    #[must_use]
    pub fn version(&self) -> &'a str {
        self.text("Version").unwrap_or_default()
    }

    /// Names of the binary packages it builds.
    pub fn binaries(&self) -> impl Iterator<Item = &'a str> + use<'a> {
        let value = self.text("Binary").unwrap_or_default();
        value.split(',').map(str::trim).filter(|name| !name.is_empty())
    }

    /// Architectures and wildcards it builds for, such as `any`, `all`, `linux-any`.
    pub fn architectures(&self) -> impl Iterator<Item = &'a str> + use<'a> {
        self.text("Architecture").unwrap_or_default().split_ascii_whitespace()
    }

    /// The text of a build relation, with its restrictions; `None` where the package has none.
    #[must_use]
    pub fn relation(&self, relation: BuildRelation) -> Option<&'a [u8]> {
        self.stanza.value(relation.field())
    }

    /// What has to be there to build the package for `architecture` under build `profiles`: the
    /// groups of all three build-dependency fields, alternatives that do not apply left out.
    ///
    /// ```
    /// use vclust_core::Sources;
    /// let file = "Package: a\nVersion: 1\nBuild-Depends: b [amd64] | c, d <!nocheck>, e [i386]\n";
    /// let sources = Sources::parse(file.as_bytes().into())?;
    /// let source = sources.find("a").next().expect("it is there");
    /// let names: Vec<String> = source
    ///     .build_dependencies("amd64", &["nocheck"])?
    ///     .iter()
    ///     .map(|group| group[0].to_string())
    ///     .collect();
    /// assert_eq!(names, ["b [amd64]"]);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn build_dependencies(
        &self,
        architecture: &str,
        profiles: &[&str],
    ) -> Result<Groups<'a>, RelationError> {
        let mut groups = Groups::new();
        for field in
            [BuildRelation::Depends, BuildRelation::DependsArch, BuildRelation::DependsIndep]
        {
            for mut group in parse_relations(self.relation(field).unwrap_or_default())? {
                group.retain(|relation| relation.applies_to(architecture, profiles));
                if !group.is_empty() {
                    groups.push(group);
                }
            }
        }
        Ok(groups)
    }

    /// Directory of its files, below the root of the archive.
    #[must_use]
    pub fn directory(&self) -> Option<&'a str> {
        self.text("Directory")
    }

    /// Section, such as `devel`.
    #[must_use]
    pub fn section(&self) -> Option<&'a str> {
        self.text("Section")
    }

    /// Whether the entry only serves as the source of binaries still in the archive
    /// (`Extra-Source-Only: yes`), and is not to be chosen for a build.
    #[must_use]
    pub fn is_extra(&self) -> bool {
        self.stanza.value("Extra-Source-Only").is_some_and(|v| v.eq_ignore_ascii_case(b"yes"))
    }

    /// Any field, by its name.
    #[must_use]
    pub fn field(&self, name: &str) -> Option<&'a [u8]> {
        self.stanza.value(name)
    }

    /// The stanza itself.
    #[must_use]
    pub fn stanza(&self) -> Stanza<'a> {
        self.stanza
    }

    fn text(&self, name: &str) -> Option<&'a str> {
        std::str::from_utf8(self.stanza.value(name)?).ok()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const TEXT: &str = "\
Package: zlib
Binary: zlib1g, zlib1g-dev,
 zlib1g-udeb
Version: 1:1.2.13-1
Architecture: any all
Build-Depends: debhelper-compat (= 13), gcc-multilib [amd64 i386] <!nocheck>,
 dpkg-dev
Build-Conflicts-Indep: nothing
Directory: pool/main/z/zlib

Package: hello
Version: 2.10-3

Package: zlib
Version: 1:1.2.11-1
Extra-Source-Only: yes
";

    #[test]
    fn packages_are_found_by_name_in_the_files_order() {
        let sources = Sources::parse(TEXT.into()).unwrap();
        assert_eq!(sources.len(), 3);
        let versions: Vec<_> = sources.find("zlib").map(|source| source.version()).collect();
        assert_eq!(versions, ["1:1.2.13-1", "1:1.2.11-1"]);
        assert_eq!(sources.find("hell").count(), 0);
        assert_eq!(
            sources.iter().map(|s| s.package()).collect::<Vec<_>>(),
            ["zlib", "hello", "zlib"]
        );
    }

    #[test]
    fn fields_keep_their_restrictions_and_profiles() {
        let sources = Sources::parse(TEXT.into()).unwrap();
        let zlib = sources.find("zlib").next().unwrap();
        let depends = zlib.relation(BuildRelation::Depends).unwrap();
        assert!(depends.ends_with(b"gcc-multilib [amd64 i386] <!nocheck>,\n dpkg-dev"));
        assert_eq!(zlib.relation(BuildRelation::ConflictsIndep), Some(&b"nothing"[..]));
        assert_eq!(zlib.relation(BuildRelation::DependsArch), None);
        assert_eq!(zlib.binaries().collect::<Vec<_>>(), ["zlib1g", "zlib1g-dev", "zlib1g-udeb"]);
        assert_eq!(zlib.architectures().collect::<Vec<_>>(), ["any", "all"]);
        assert_eq!(zlib.directory(), Some("pool/main/z/zlib"));
        assert!(!zlib.is_extra());
        assert!(sources.find("zlib").nth(1).unwrap().is_extra());
    }

    #[test]
    fn a_stanza_without_a_name_is_an_error_with_its_line() {
        let error = Sources::parse("Package: a\nVersion: 1\n\nVersion: 2\n".into()).unwrap_err();
        assert_eq!(error, SourcesError::Missing { line: 4, field: "Package" });
    }

    proptest! {
        #[test]
        fn any_bytes_are_parsed_or_refused(bytes in proptest::collection::vec(any::<u8>(), 0..300)) {
            if let Ok(sources) = Sources::parse(bytes.into()) {
                for source in sources.iter() {
                    prop_assert!(sources.find(source.package()).count() >= 1);
                    let _ = (source.version(), source.binaries().count());
                }
            }
        }
    }
}
