//! What makes a root an image that nodes can start from.
//!
//! An image is a root in which nothing tells one node from another and nothing tells one build from
//! another: no machine id, no host keys, no logs, no caches that hold times. What the identity is
//! replaced by is made by each node when it starts for the first time.

mod error;
mod finish;
mod variant;

pub use error::ImageError;
pub use finish::{Finished, finish, read_file};
pub use variant::{UnknownVariant, Variant};
