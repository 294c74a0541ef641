//! Package names as dense ids: every name that a package has or provides, once.

use std::hash::Hasher;

use hashbrown::HashTable;
use rustc_hash::FxHasher;

use super::ids::NameId;

/// Interned names; lookup by text, text by id.
#[derive(Debug, Default)]
pub(crate) struct Names {
    text: Vec<u8>,
    ends: Vec<u32>,
    table: HashTable<NameId>,
}

fn hash(name: &[u8]) -> u64 {
    let mut hasher = FxHasher::default();
    hasher.write(name);
    hasher.finish()
}

impl Names {
    pub(crate) fn reserve(&mut self, names: usize) {
        self.text.reserve(names * 20);
        self.ends.reserve(names);
        let Self { text, ends, table } = self;
        table.reserve(names, |id| hash(slice(text, ends, *id)));
    }

    pub(crate) fn intern(&mut self, name: &[u8]) -> NameId {
        let Self { text, ends, table } = self;
        let hashed = hash(name);
        if let Some(id) = table.find(hashed, |id| slice(text, ends, *id) == name) {
            return *id;
        }
        let id = NameId(ends.len() as u32);
        text.extend_from_slice(name);
        ends.push(text.len() as u32);
        table.insert_unique(hashed, id, |id| hash(slice(text, ends, *id)));
        id
    }

    pub(crate) fn find(&self, name: &[u8]) -> Option<NameId> {
        self.table.find(hash(name), |id| slice(&self.text, &self.ends, *id) == name).copied()
    }

    pub(crate) fn text(&self, id: NameId) -> &[u8] {
        slice(&self.text, &self.ends, id)
    }

    pub(crate) fn len(&self) -> usize {
        self.ends.len()
    }
}

fn slice<'a>(text: &'a [u8], ends: &[u32], id: NameId) -> &'a [u8] {
    let start = if id.0 == 0 { 0 } else { ends[id.index() - 1] as usize };
    &text[start..ends[id.index()] as usize]
}
