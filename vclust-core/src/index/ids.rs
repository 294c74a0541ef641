//! Typed ids into the index's dense tables.

macro_rules! id {
    ($(#[$meta:meta])* $name:ident) => {
        $(#[$meta])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub struct $name(pub(crate) u32);

        impl $name {
            /// Position in the index's table of this kind.
            #[must_use]
            pub fn index(self) -> usize {
                self.0 as usize
            }

        }
    };
}

/// Ids that tables hold also where there is nothing to point at.
macro_rules! optional {
    ($name:ident) => {
        impl $name {
            /// The id that stands for none.
            pub(crate) const NONE: Self = Self(u32::MAX);

            pub(crate) fn some(self) -> Option<Self> {
                (self != Self::NONE).then_some(self)
            }
        }
    };
}

id! {
    /// A name that some package has or provides.
    NameId
}
id! {
    /// A package: a name on one architecture, in any number of versions.
    PackageId
}
id! {
    /// One version of one package.
    VersionId
}
optional!(PackageId);
optional!(VersionId);

/// An architecture that the index knows; 0 is the native one.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ArchitectureId(pub(crate) u16);

impl ArchitectureId {
    /// The architecture the root is built for.
    pub const NATIVE: Self = Self(0);
}

/// A piece of one index file: where it starts and how long it is, in bytes.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Span {
    pub(crate) start: u32,
    pub(crate) length: u32,
}

impl Span {
    pub(crate) fn is_empty(self) -> bool {
        self.length == 0
    }

    pub(crate) fn of(self, file: &[u8]) -> &[u8] {
        &file[self.start as usize..(self.start + self.length) as usize]
    }
}
