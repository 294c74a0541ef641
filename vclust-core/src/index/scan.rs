//! The fast path over `Packages` and `status` files: one pass that notes where each stanza's
//! interesting fields are and leaves their values in the file.
//!
//! [`Stanza`](crate::Stanza) reads the same syntax at leisure; a test holds the two together.

use memchr::{Memchr, memchr_iter};

use super::ids::Span;

/// Relation fields, in the order in which apt links a version's dependencies.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[repr(u8)]
pub enum RelationKind {
    /// `Pre-Depends`
    PreDepends,
    /// `Depends`
    Depends,
    /// `Conflicts`
    Conflicts,
    /// `Breaks`
    Breaks,
    /// `Recommends`
    Recommends,
    /// `Suggests`
    Suggests,
    /// `Replaces`
    Replaces,
    /// `Enhances`
    Enhances,
    /// `Provides`
    Provides,
}

impl RelationKind {
    /// All kinds, in apt's order.
    pub const ALL: [Self; 9] = [
        Self::PreDepends,
        Self::Depends,
        Self::Conflicts,
        Self::Breaks,
        Self::Recommends,
        Self::Suggests,
        Self::Replaces,
        Self::Enhances,
        Self::Provides,
    ];

    /// The field's name.
    #[must_use]
    pub fn field(self) -> &'static str {
        match self {
            Self::PreDepends => "Pre-Depends",
            Self::Depends => "Depends",
            Self::Conflicts => "Conflicts",
            Self::Breaks => "Breaks",
            Self::Recommends => "Recommends",
            Self::Suggests => "Suggests",
            Self::Replaces => "Replaces",
            Self::Enhances => "Enhances",
            Self::Provides => "Provides",
        }
    }

    /// Whether a match makes the relation fail: `Conflicts` and `Breaks`.
    #[must_use]
    pub fn is_negative(self) -> bool {
        matches!(self, Self::Conflicts | Self::Breaks)
    }

    /// Whether a package with this relation unfulfilled is broken.
    #[must_use]
    pub fn is_critical(self) -> bool {
        matches!(self, Self::PreDepends | Self::Depends | Self::Conflicts | Self::Breaks)
    }
}

/// Where one stanza's fields are; a field that is missing has an empty span.
#[derive(Debug, Clone, Default)]
pub(crate) struct RawStanza {
    pub(crate) all: Span,
    pub(crate) package: Span,
    pub(crate) version: Span,
    pub(crate) architecture: Span,
    pub(crate) multi_arch: Span,
    pub(crate) priority: Span,
    pub(crate) essential: Span,
    pub(crate) important: Span,
    pub(crate) status: Span,
    pub(crate) size: Span,
    pub(crate) installed_size: Span,
    pub(crate) relations: [Span; 9],
}

#[derive(Clone, Copy)]
enum Slot {
    Package,
    Version,
    Architecture,
    MultiArch,
    Priority,
    Essential,
    Important,
    Status,
    Size,
    InstalledSize,
    Relation(RelationKind),
}

/// The slot of a field whose `Name:` starts the line, and that prefix's length.
///
/// Names are tried by first letter: few enough that comparing them in turn beats hashing. Their
/// lengths are constants, so that a comparison is an instruction or two.
fn slot(line: &[u8]) -> Option<(Slot, usize)> {
    use RelationKind as Kind;
    macro_rules! first_of {
        ($($name:literal => $slot:expr),+ $(,)?) => {{
            $(
                if is_named(line, $name) {
                    return Some(($slot, $name.len()));
                }
            )+
            None
        }};
    }
    match line.first()? | 0x20 {
        b'a' => first_of!(b"Architecture:" => Slot::Architecture),
        b'b' => first_of!(b"Breaks:" => Slot::Relation(Kind::Breaks)),
        b'c' => first_of!(b"Conflicts:" => Slot::Relation(Kind::Conflicts)),
        b'd' => first_of!(b"Depends:" => Slot::Relation(Kind::Depends)),
        b'e' => first_of!(
            b"Enhances:" => Slot::Relation(Kind::Enhances),
            b"Essential:" => Slot::Essential,
        ),
        b'i' => first_of!(
            b"Installed-Size:" => Slot::InstalledSize,
            b"Important:" => Slot::Important,
        ),
        b'm' => first_of!(b"Multi-Arch:" => Slot::MultiArch),
        b'p' => first_of!(
            b"Package:" => Slot::Package,
            b"Priority:" => Slot::Priority,
            b"Provides:" => Slot::Relation(Kind::Provides),
            b"Pre-Depends:" => Slot::Relation(Kind::PreDepends),
            b"Protected:" => Slot::Important,
        ),
        b'r' => first_of!(
            b"Recommends:" => Slot::Relation(Kind::Recommends),
            b"Replaces:" => Slot::Relation(Kind::Replaces),
        ),
        b's' => first_of!(
            b"Size:" => Slot::Size,
            b"Suggests:" => Slot::Relation(Kind::Suggests),
            b"Status:" => Slot::Status,
        ),
        b'v' => first_of!(b"Version:" => Slot::Version),
        _ => None,
    }
}

/// Whether the line starts with the name, without regard to letter case.
#[inline]
fn is_named<const LENGTH: usize>(line: &[u8], name: &[u8; LENGTH]) -> bool {
    line.first_chunk::<LENGTH>().is_some_and(|start| {
        start[LENGTH - 1] == b':' && (start == name || start.eq_ignore_ascii_case(name))
    })
}

/// Iterator over the stanzas of a file of at most `u32::MAX` bytes.
pub(crate) struct Scanner<'a> {
    file: &'a [u8],
    position: usize,
    /// One search over the whole file: a search for each line would start anew two million times.
    line_ends: Memchr<'a>,
}

impl<'a> Scanner<'a> {
    pub(crate) fn new(file: &'a [u8]) -> Self {
        debug_assert!(u32::try_from(file.len()).is_ok());
        Self { file, position: 0, line_ends: memchr_iter(b'\n', file) }
    }
}

impl Iterator for Scanner<'_> {
    type Item = RawStanza;

    fn next(&mut self) -> Option<RawStanza> {
        let file = self.file;
        let mut stanza = RawStanza::default();
        let mut begun = false;
        let mut open: Option<Slot> = None;
        while self.position < file.len() {
            let start = self.position;
            let end = self.line_ends.next().unwrap_or(file.len());
            self.position = (end + 1).min(file.len());
            let line = &file[start..end];
            match line.first() {
                None => {
                    if begun {
                        return Some(stanza);
                    }
                    continue;
                }
                Some(b' ' | b'\t' | b'\r') => {
                    if line.trim_ascii().is_empty() {
                        if begun {
                            return Some(stanza);
                        }
                    } else if let Some(slot) = open {
                        let span = target(&mut stanza, slot);
                        let from = if span.is_empty() { start as u32 } else { span.start };
                        *span = trimmed(file, from as usize, end);
                    }
                }
                Some(_) => {
                    if !begun {
                        begun = true;
                        stanza.all.start = start as u32;
                    }
                    open = None;
                    if let Some((slot, name)) = slot(line) {
                        let span = target(&mut stanza, slot);
                        if span.is_empty() {
                            *span = trimmed(file, start + name, end);
                            open = Some(slot);
                        }
                    }
                }
            }
            if begun {
                stanza.all.length = end as u32 - stanza.all.start;
            }
        }
        begun.then_some(stanza)
    }
}

fn target(stanza: &mut RawStanza, slot: Slot) -> &mut Span {
    match slot {
        Slot::Package => &mut stanza.package,
        Slot::Version => &mut stanza.version,
        Slot::Architecture => &mut stanza.architecture,
        Slot::MultiArch => &mut stanza.multi_arch,
        Slot::Priority => &mut stanza.priority,
        Slot::Essential => &mut stanza.essential,
        Slot::Important => &mut stanza.important,
        Slot::Status => &mut stanza.status,
        Slot::Size => &mut stanza.size,
        Slot::InstalledSize => &mut stanza.installed_size,
        Slot::Relation(kind) => &mut stanza.relations[kind as usize],
    }
}

fn trimmed(file: &[u8], mut start: usize, mut end: usize) -> Span {
    while start < end && file[start].is_ascii_whitespace() {
        start += 1;
    }
    while start < end && file[end - 1].is_ascii_whitespace() {
        end -= 1;
    }
    Span { start: start as u32, length: (end - start) as u32 }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Stanzas;

    #[test]
    fn the_scanner_agrees_with_the_plain_reader() {
        let file =
            b"\npackage: a\nDEPENDS: b,\n c (>= 1),\n\td\nVersion:1\n \nPackage: e\nVersion: 2\n\
            Description: x\n Depends: not a field\n\n\nPackage:\n f\nVersion: 3\nVersion: 4";
        let scanned: Vec<_> = Scanner::new(file).collect();
        let plain: Vec<_> = Stanzas::new(file).collect();
        assert_eq!(scanned.len(), plain.len());
        for (scanned, plain) in scanned.iter().zip(&plain) {
            let value = |name| plain.value(name).unwrap_or_default();
            assert_eq!(scanned.package.of(file), value("Package"));
            assert_eq!(scanned.version.of(file), value("Version"));
            let depends = scanned.relations[RelationKind::Depends as usize];
            assert_eq!(depends.of(file), value("Depends"));
            assert_eq!(scanned.all.start as usize, plain.offset());
        }
    }
}
