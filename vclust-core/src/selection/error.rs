//! Why nothing can be selected.

use thiserror::Error;

/// Why nothing can be selected.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum SelectionError {
    /// A cluster of no nodes.
    #[error("a cluster of zero nodes needs no image; ask for one node or more")]
    NoNodes,
    /// No strategy was allowed.
    #[error("no strategy may be taken; allow install, layers or clone")]
    NoStrategy,
    /// No image, or none that goes with the target.
    #[error(
        "no image can be used: {unusable} conflict with the request or hold more than it allows; \
         leave out `exact`, or add an image that holds nothing else"
    )]
    NoImage {
        /// How many images there are that cannot be used.
        unusable: usize,
    },
}
