//! The command line.

use std::ffi::OsString;

use pyo3::prelude::*;

/// Runs the command line with these arguments, the first of which is the program's own name, and gives the
/// code to exit with. Only for a process that was started with these arguments and that ends then.
#[pyfunction]
pub(crate) fn run(py: Python<'_>, arguments: Vec<OsString>) -> i32 {
    py.detach(|| i32::from(vclust_cli::run(arguments)))
}
