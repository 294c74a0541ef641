//! What the tests of closures share: a small language for universes of packages, and real apt to
//! compare with.
#![allow(dead_code, reason = "each test binary uses its part")]

pub(crate) mod apt;
pub(crate) mod scenarios;
pub(crate) mod universe;
