//! What a site has learned: from its history, or from a file of events.

use std::ops::ControlFlow;
use std::path::Path;

use vclust_core::{
    BlendedTransfer, Catalogue, Conditions, Estimator, Estimators, Event, EventFilter, History,
    HistoryStore, Index, InstallEstimator, OnError, PackagePrices, PhaseEstimator, Prices, Priors,
    Strategy, Universe,
};
use vclust_debian::StateDirectory;
use vclust_grid::HistoryDatabase;

use crate::commands::accuracy;
use crate::failure::Failure;

/// The events of a file, or of the site's own history, of which there may be none yet.
pub(crate) fn history(file: Option<&Path>) -> Result<History, Failure> {
    if let Some(path) = file {
        return accuracy::read(path, OnError::Stop);
    }
    let mut history = History::default();
    let Some(database) = HistoryDatabase::open_existing(&StateDirectory::locate()?)? else {
        return Ok(history);
    };
    database.for_each(&EventFilter::default(), &mut |_, event: &Event| {
        // What is in a database was checked, and is there once.
        let _ = history.push(event.clone());
        ControlFlow::Continue(())
    })?;
    Ok(history)
}

/// Estimators that have learned from a history.
pub(crate) struct Learned<'a> {
    installs: InstallEstimator<'a>,
    transfers: BlendedTransfer,
    phases: PhaseEstimator,
}

impl<'a> Learned<'a> {
    pub(crate) fn from(index: &'a Index, history: &History) -> Self {
        let mut installs = InstallEstimator::new(index, Priors::shipped());
        installs.learn(&history.installs().collect::<Vec<_>>());
        let mut transfers = BlendedTransfer::default();
        transfers.learn(&history.transfers().collect::<Vec<_>>());
        let mut phases = PhaseEstimator::default();
        phases.learn(&history.phases().collect::<Vec<_>>());
        Self { installs, transfers, phases }
    }

    /// Prices of packages, and of everything else under some conditions.
    pub(crate) fn prices(
        &self,
        universe: &Universe,
        conditions: &Conditions,
        strategies: &[Strategy],
        catalogue: &Catalogue,
    ) -> (PackagePrices, Prices) {
        let estimators = Estimators {
            installs: &self.installs,
            transfers: &self.transfers,
            phases: &self.phases,
        };
        let packages = PackagePrices::of(universe, &self.installs);
        (packages, estimators.prices(conditions, strategies, catalogue))
    }
}
