//! The machine that QEMU makes of a configuration.

mod arguments;
mod shape;

pub(crate) use arguments::{Start, command};
pub(crate) use shape::{Shape, mebibytes};
