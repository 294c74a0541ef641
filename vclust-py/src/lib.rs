//! Python bindings of vclust: the native part of the package `vclust`.
//!
//! Classes hold a value of the library and delegate to it; plain records become dataclasses of the
//! module `vclust._values`, and errors the exceptions of `vclust.errors`, with the same fields. Whatever
//! may take more than a millisecond runs without the interpreter's lock, so that other threads go on.

#![expect(
    clippy::needless_pass_by_value,
    reason = "arguments arrive by value: Python's objects are converted into new ones"
)]

mod closure;
mod command;
mod convert;
mod error;
mod estimate;
mod event_table;
mod graph;
mod history;
mod index;
mod meta_package;
mod package;
mod plan;
mod replay;
mod repository;
mod site;
mod source;
mod spec;
mod table;
mod version;

use pyo3::prelude::*;

/// What `vclust` is made of; import `vclust` instead.
#[pymodule(gil_used = false)]
fn _native(module: &Bound<'_, PyModule>) -> PyResult<()> {
    module.add("__version__", env!("CARGO_PKG_VERSION"))?;
    module.add_class::<version::Version>()?;
    module.add_function(wrap_pyfunction!(version::compare_versions, module)?)?;
    module.add_class::<source::PackageSource>()?;
    module.add_class::<index::Index>()?;
    module.add_class::<package::Package>()?;
    module.add_class::<table::Table>()?;
    module.add_class::<closure::Closure>()?;
    module.add_class::<graph::Graph>()?;
    module.add_class::<meta_package::MetaPackages>()?;
    module.add_class::<spec::ClusterSpec>()?;
    module.add_class::<history::History>()?;
    module.add_class::<history::HistoryDatabase>()?;
    module.add_class::<estimate::InstallEstimator>()?;
    module.add_class::<estimate::InstallLine>()?;
    module.add_class::<estimate::TransferEstimator>()?;
    module.add_class::<estimate::PhaseEstimator>()?;
    module.add_function(wrap_pyfunction!(estimate::compare_estimators, module)?)?;
    module.add_class::<plan::Planner>()?;
    module.add_class::<plan::Plan>()?;
    module.add_class::<replay::ResolvedRequests>()?;
    module.add_class::<repository::ImageRepository>()?;
    module.add_class::<site::Site>()?;
    module.add_function(wrap_pyfunction!(command::run, module)?)?;
    Ok(())
}
