//! Our estimates of transfers: a model of what nodes share, and its blend with past transfers.

mod blended;
mod contention;
mod shape;
#[cfg(test)]
mod tests;

pub use blended::BlendedTransfer;
pub use contention::ContentionTransfer;
