//! The control archive: what a package says about itself, and its maintainer scripts.

use std::collections::HashSet;
use std::path::PathBuf;

use vclust_core::{Operator, Stanza, Stanzas, parse_relations};

use super::error::Origin;
use super::tar::TarReader;
use super::{DebError, EntryKind};

/// One file of a control archive.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct ControlFile {
    /// Name, such as `control`, `postinst`, `conffiles`.
    pub name: String,
    /// Permission bits.
    pub mode: u32,
    /// The whole content.
    pub content: Vec<u8>,
}

/// A package's control archive, with the files in the order of the archive.
#[derive(Debug, Clone)]
pub struct ControlArchive {
    package: PathBuf,
    files: Vec<ControlFile>,
}

impl ControlArchive {
    pub(super) fn read(mut tar: TarReader) -> Result<Self, DebError> {
        let mut files: Vec<ControlFile> = Vec::new();
        while let Some(entry) = tar.next_entry()? {
            if entry.path.is_empty() {
                continue;
            }
            let refused = |tar: &TarReader, problem: &str| tar.origin().entry(&entry.path, problem);
            if !matches!(entry.kind, EntryKind::File { .. }) {
                return Err(refused(&tar, "is no regular file, as control files must be"));
            }
            let is_name = |byte: u8| byte.is_ascii_graphic() && byte != b'/';
            let name = match String::from_utf8(entry.path.clone()) {
                Ok(name) if name.len() <= 255 && name.bytes().all(is_name) => name,
                _ => return Err(refused(&tar, "is no name of a control file")),
            };
            if files.iter().any(|file| file.name == name) {
                return Err(refused(&tar, "is there twice"));
            }
            let mut content = Vec::new();
            while let chunk @ [_, ..] = tar.chunk()? {
                content.extend_from_slice(chunk);
            }
            files.push(ControlFile { name, mode: entry.mode, content });
        }
        let archive = Self { package: tar.origin().package.clone(), files };
        if archive.file("control").is_none() {
            return Err(archive.problem("it has no file `control`"));
        }
        Ok(archive)
    }

    /// All files.
    pub fn files(&self) -> impl Iterator<Item = &ControlFile> {
        self.files.iter()
    }

    /// The file of that name.
    #[must_use]
    pub fn file(&self, name: &str) -> Option<&ControlFile> {
        self.files.iter().find(|file| file.name == name)
    }

    /// The content of the file of that name.
    #[must_use]
    pub fn content(&self, name: &str) -> Option<&[u8]> {
        self.file(name).map(|file| &file.content[..])
    }

    /// The paragraph that describes the package, as it is in the archive.
    #[must_use]
    pub fn paragraph(&self) -> &[u8] {
        self.content("control").unwrap_or_default()
    }

    /// What the paragraph says, as far as unpacking needs it.
    pub fn description(&self) -> Result<PackageDescription, DebError> {
        let mut stanzas = Stanzas::new(self.paragraph());
        let stanza = stanzas.next().ok_or_else(|| self.problem("`control` is empty"))?;
        if stanzas.next().is_some() {
            return Err(self.problem("`control` holds more than one paragraph"));
        }
        if let Some(error) = stanza.fields().find_map(Result::err) {
            return Err(self.problem(format!("`control`, {error}")));
        }
        let text = |name: &str| -> Result<String, DebError> {
            stanza
                .value(name)
                .filter(|value| !value.is_empty())
                .and_then(|value| String::from_utf8(value.to_vec()).ok())
                .ok_or_else(|| self.problem(format!("`control` has no usable field `{name}`")))
        };
        let name = text("Package")?;
        let is_name = |byte: u8| byte.is_ascii_alphanumeric() || b"+-._".contains(&byte);
        if !name.as_bytes()[0].is_ascii_alphanumeric() || !name.bytes().all(is_name) {
            let name = name.escape_debug();
            return Err(self.problem(format!("`{name}` is no name of a package")));
        }
        Ok(PackageDescription {
            name,
            version: text("Version")?,
            architecture: text("Architecture")?,
            is_multi_arch_same: stanza
                .value("Multi-Arch")
                .is_some_and(|value| value.eq_ignore_ascii_case(b"same")),
            replaces: self.replaces(&stanza)?,
        })
    }

    /// The absolute paths in `conffiles`, each once, without the leading slash; those that are
    /// flagged `remove-on-upgrade`, which the package does not ship, are left out.
    pub fn conffiles(&self) -> Result<Vec<Vec<u8>>, DebError> {
        let (mut paths, mut seen) = (Vec::new(), HashSet::new());
        for line in self.content("conffiles").unwrap_or_default().split(|byte| *byte == b'\n') {
            let line = line.trim_ascii_end();
            if line.is_empty() || line.starts_with(b"remove-on-upgrade ") {
                continue;
            }
            let Some(path) = line.strip_prefix(b"/") else {
                let line = String::from_utf8_lossy(line);
                let problem = format!(
                    "the line `{}` of `conffiles` is no absolute path",
                    line.escape_debug()
                );
                return Err(self.problem(problem));
            };
            let path = super::entry::normalize(path).map_err(|problem| {
                let path = String::from_utf8_lossy(path);
                self.problem(format!("`/{}` in `conffiles` {problem}", path.escape_debug()))
            })?;
            if seen.insert(path.clone()) {
                paths.push(path);
            }
        }
        Ok(paths)
    }

    fn replaces(&self, stanza: &Stanza<'_>) -> Result<Vec<Replaced>, DebError> {
        let field = stanza.value("Replaces").unwrap_or_default();
        let groups = parse_relations(field)
            .map_err(|error| self.problem(format!("its field `Replaces`: {error}")))?;
        let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
        Ok(groups
            .iter()
            .flatten()
            .map(|relation| Replaced {
                package: text(relation.name),
                versions: relation.constraint.map(|(operator, version)| (operator, text(version))),
            })
            .collect())
    }

    fn problem(&self, problem: impl Into<String>) -> DebError {
        Origin { package: self.package.clone(), member: String::new() }.control(problem)
    }
}

/// What a package says of itself, as far as unpacking needs it.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct PackageDescription {
    /// Name.
    pub name: String,
    /// Version.
    pub version: String,
    /// Architecture, or `all`.
    pub architecture: String,
    /// Whether it may be installed beside itself for another architecture.
    pub is_multi_arch_same: bool,
    /// The packages whose files it may overwrite.
    pub replaces: Vec<Replaced>,
}

/// A package whose files another may overwrite.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Replaced {
    /// Its name; a name that packages provide does not count.
    pub package: String,
    /// The versions for which that holds; all of them if there is none.
    pub versions: Option<(Operator, String)>,
}
