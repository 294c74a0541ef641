//! Cache policies, replayed on requests.

use std::sync::Arc;

use pyo3::prelude::*;
use vclust_core::RequestEvent;
use vclust_grid::{KnownEvents, LoadedIndex, PastEvents, ReplayOrder};

use crate::convert::{self, Bytes};
use crate::error::Failure;
use crate::history::History;
use crate::index::Index;
use crate::meta_package;
use crate::plan::known_events;

/// The requests of a history, resolved against an index: what cache policies are replayed on.
#[pyclass(frozen, module = "vclust")]
pub(crate) struct ResolvedRequests {
    loaded: Arc<LoadedIndex>,
    inner: vclust_grid::ResolvedRequests,
}

#[pymethods]
impl ResolvedRequests {
    /// Resolves requests on all cores; meta-packages are expanded as they are today. The index's root has
    /// to be the minimal one.
    #[new]
    fn new(py: Python<'_>, index: &Index, requests: &History) -> Self {
        let events: Vec<RequestEvent> = requests.lock().requests().cloned().collect();
        let loaded = Arc::clone(&index.loaded);
        let inner = py.detach(|| {
            type Resolved = vclust_grid::ResolvedRequests;
            let units = meta_package::shipped();
            let (distinct, order) = Resolved::distinct(&loaded.index, units, &events);
            Resolved::resolve(&loaded, &distinct, &order, &|| ())
        });
        Self { loaded, inner }
    }

    /// Number of requests that can be fulfilled.
    fn __len__(&self) -> usize {
        self.inner.order.len()
    }

    /// Number of different ones among them.
    #[getter]
    fn distinct(&self) -> usize {
        self.inner.workload.targets.len()
    }

    /// Number of requests that are left out because they cannot be fulfilled.
    #[getter]
    fn failed(&self) -> usize {
        self.inner.failed
    }

    /// Replays the requests through a policy such as `paper:100,50`, from an empty cache, with the estimators
    /// as the clock. `history` is what these learn from, as for `Planner`; by default nothing, so
    /// that vclust's shipped priors are all they know.
    ///
    /// Gives how the policy served them, and the images and layers that it would keep for the requests to come.
    #[pyo3(signature = (
        policy, *, nodes, budget, strategies=None, history=None, site="here", started_together=None
    ))]
    #[expect(clippy::too_many_arguments, reason = "each is a keyword of its own in Python")]
    fn replay<'py>(
        &self,
        py: Python<'py>,
        policy: String,
        nodes: u32,
        budget: Bytes,
        strategies: Option<Vec<String>>,
        history: Option<&Bound<'py, PyAny>>,
        site: &str,
        started_together: Option<u32>,
    ) -> Result<(Bound<'py, PyAny>, Vec<Bound<'py, PyAny>>), Failure> {
        let order = ReplayOrder {
            policy,
            nodes,
            budget: budget.parse()?.bytes(),
            strategies: convert::strategies(strategies)?,
            site: site.to_owned(),
            started_together: started_together.unwrap_or(nodes),
        };
        let mut past = match history.map(|given| known_events(Some(given))).transpose()? {
            Some(KnownEvents::Given(history)) => PastEvents::Given(history),
            Some(KnownEvents::File(path)) => PastEvents::of_file(&path)?,
            Some(KnownEvents::Site) | None => PastEvents::Given(vclust_core::History::default()),
        };
        let replayed = py.detach(|| -> Result<_, Failure> {
            let estimators = past.learn(&self.loaded.index)?;
            Ok(self.inner.replay(&estimators, &order)?)
        })?;
        let outcome = convert::value(py, "Outcome", &replayed.outcome)?;
        Ok((outcome, convert::values(py, "ImageListing", &replayed.kept.images)?))
    }

    fn __repr__(&self) -> String {
        let (all, distinct) = (self.__len__(), self.distinct());
        format!("<ResolvedRequests: {all}, {distinct} of them different>")
    }
}
