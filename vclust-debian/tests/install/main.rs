//! Installing packages into a real root of Debian: what dpkg leaves there, and every way to fail.
//!
//! These tests need root (chroots, mounts, device nodes) and the machine's package archives.

mod failures;
mod good;
mod root;
