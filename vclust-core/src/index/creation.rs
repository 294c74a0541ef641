//! The order in which apt would have created packages while reading the same files.
//!
//! apt breaks ties by it, between providers that nothing else tells apart. A package comes into being where its name is
//! first met, in a stanza of its own or in a relation of somebody else's, whichever is earlier.

use std::sync::atomic::{AtomicU64, Ordering};

use memchr::memmem::Finder;

use super::Index;
use super::ids::{PackageId, VersionId};
use super::scan::RelationKind;
use crate::relation::relation;

impl Index {
    /// A number that grows with the place where the package is first mentioned.
    pub(crate) fn creation(&self, package: PackageId) -> u64 {
        let table = self.creations.get_or_init(|| {
            (0..self.tables.packages.len()).map(|_| AtomicU64::new(u64::MAX)).collect()
        });
        let slot = &table[package.index()];
        let known = slot.load(Ordering::Relaxed);
        if known != u64::MAX {
            return known;
        }
        let found = self.find_creation(package);
        slot.store(found, Ordering::Relaxed);
        found
    }

    fn find_creation(&self, package: PackageId) -> u64 {
        let record = self.package_record(package);
        let own = self
            .version_ids(package)
            .map(VersionId::index)
            .min()
            .unwrap_or(self.tables.versions.len());
        let name = self.tables.names.text(record.name);
        let finder = Finder::new(name);
        for (position, version) in self.tables.versions[..own].iter().enumerate() {
            let version_id = VersionId(position as u32);
            let same_architecture = self.architecture_of(version_id) == record.architecture;
            let bytes = &self.tables.files[usize::from(version.file)].bytes[..];
            for (kind, span) in RelationKind::ALL.iter().zip(&version.relations) {
                if span.length as usize >= name.len() {
                    let field = span.of(bytes);
                    let found = mention(&finder, name, field, same_architecture, || {
                        self.architecture_name(record.architecture)
                    });
                    if let Some(offset) = found {
                        let within = (*kind as u64 + 1) << 24 | (offset as u64).min((1 << 24) - 1);
                        return (position as u64) << 28 | within;
                    }
                }
            }
        }
        (own as u64) << 28
    }
}

/// Where in a relation field the name is mentioned in a way that brings its package into being.
fn mention<'a>(
    finder: &Finder<'_>,
    name: &[u8],
    field: &[u8],
    same_architecture: bool,
    architecture: impl Fn() -> &'a str,
) -> Option<usize> {
    let boundary = |byte: Option<&u8>| {
        byte.is_none_or(|byte| byte.is_ascii_whitespace() || b",|([:".contains(byte))
    };
    let mut from = 0;
    while let Some(found) = finder.find(&field[from..]) {
        let at = from + found;
        from = at + 1;
        let before = field[..at].last();
        let starts = before.is_none_or(|byte| byte.is_ascii_whitespace() || b",|".contains(byte));
        if !starts || !boundary(field.get(at + name.len())) {
            continue;
        }
        // A version in parentheses can look like a name: only a relation's start counts.
        let in_parentheses =
            memchr::memrchr(b'(', &field[..at]) > memchr::memrchr(b')', &field[..at]);
        if in_parentheses {
            continue;
        }
        let Ok((_, read)) = relation(&field[at..]) else { continue };
        let counts = match read.qualifier {
            None => same_architecture,
            Some(b"any") => false,
            Some(text) => text == architecture().as_bytes() || text == b"native",
        };
        if counts {
            return Some(at);
        }
    }
    None
}
