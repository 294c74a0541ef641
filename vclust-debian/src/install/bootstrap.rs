//! A root with nothing in it: what has to be there before any program of it can run.

use std::collections::{HashMap, HashSet};
use std::fs::{self, Permissions};
use std::io;
use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::Path;

use vclust_core::{Stanza, parse_relations};

/// Which packages are essential, or needed by one that is: their files are all unpacked before any
/// of their scripts runs, as otherwise nothing could run the first.
///
/// `paragraphs` are the packages' control paragraphs; so is the answer, by position. Where a need
/// names alternatives, each one that is among the packages counts.
pub(super) fn essential(paragraphs: &[&[u8]]) -> Vec<bool> {
    let stanzas: Vec<Stanza<'_>> =
        paragraphs.iter().map(|bytes| Stanza::from_bytes(bytes)).collect();
    let mut by_name: HashMap<&[u8], Vec<usize>> = HashMap::new();
    for (number, stanza) in stanzas.iter().enumerate() {
        if let Some(name) = stanza.value("Package") {
            by_name.entry(name).or_default().push(number);
        }
        let provided = stanza.value("Provides").unwrap_or_default();
        for relation in parse_relations(provided).unwrap_or_default().into_iter().flatten() {
            by_name.entry(relation.name).or_default().push(number);
        }
    }
    let mut found = vec![false; paragraphs.len()];
    let mut to_do: Vec<usize> = (0..stanzas.len())
        .filter(|number| stanzas[*number].value("Essential") == Some(b"yes"))
        .collect();
    while let Some(number) = to_do.pop() {
        if std::mem::replace(&mut found[number], true) {
            continue;
        }
        for field in ["Pre-Depends", "Depends"] {
            let needs = stanzas[number].value(field).unwrap_or_default();
            for relation in parse_relations(needs).unwrap_or_default().into_iter().flatten() {
                to_do.extend(by_name.get(relation.name).into_iter().flatten());
            }
        }
    }
    found
}

/// Makes the links by which `/bin`, `/sbin` and `/lib*` are those of `/usr`, as every release since
/// Debian 12 requires, in an empty root.
pub(super) fn merge_usr(root: &Path, architecture: &str) -> io::Result<()> {
    let mut names = vec!["bin", "sbin", "lib"];
    match architecture {
        "amd64" | "loong64" | "mips64el" | "ppc64" | "ppc64el" | "s390x" | "x32" => {
            names.push("lib64");
        }
        _ => {}
    }
    fs::create_dir(root.join("usr"))?;
    for name in names {
        let directory = root.join("usr").join(name);
        fs::create_dir(&directory)?;
        fs::set_permissions(&directory, Permissions::from_mode(0o755))?;
        symlink(format!("usr/{name}"), root.join(name))?;
    }
    fs::set_permissions(root.join("usr"), Permissions::from_mode(0o755))
}

/// Names that appear among `names` more than once.
pub(super) fn twice<'a>(names: impl Iterator<Item = &'a str>) -> Option<&'a str> {
    let mut seen = HashSet::new();
    names.into_iter().find(|name| !seen.insert(*name))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_essential_packages_need_is_found() {
        let paragraphs: [&[u8]; 5] = [
            b"Package: a\nEssential: yes\nPre-Depends: b (>= 1) | none\nDepends: virtual\n",
            b"Package: b\nDepends: missing | c\n",
            b"Package: c\n",
            b"Package: d\nProvides: virtual (= 1), other\n",
            b"Package: e\nDepends: a\n",
        ];
        assert_eq!(essential(&paragraphs), [true, true, true, true, false]);
    }
}
