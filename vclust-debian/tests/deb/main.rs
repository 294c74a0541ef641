//! Packages as files: read as dpkg-deb made them, and refused where they lie.

mod archive;
mod container;
mod good;
mod maker;
mod unpack;
