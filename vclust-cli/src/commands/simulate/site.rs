//! What builds cost at the site that is simulated.

use vclust_core::{
    BlendedTransfer, Catalogue, Conditions, Estimator, Estimators, History, InstallEstimator,
    OnError, PackagePrices, PhaseEstimator, Prices, Priors, Strategy,
};

use super::workload::Drawn;
use crate::arguments::Simulate;
use crate::commands::accuracy;
use crate::failure::Failure;

/// What the estimators learn from.
pub(super) struct Site {
    name: String,
    history: History,
}

impl Site {
    pub(super) fn of(arguments: &Simulate, _: &Drawn) -> Result<Self, Failure> {
        let history = match &arguments.history {
            Some(path) => accuracy::read(path, OnError::Stop)?,
            None => History::default(),
        };
        Ok(Self { name: arguments.site.clone(), history })
    }

    /// Prices of packages, and of everything else for clusters of so many nodes, each on a host of its
    /// own.
    pub(super) fn prices(
        &self,
        drawn: &Drawn,
        nodes: u32,
        strategies: &[Strategy],
    ) -> (PackagePrices, Prices) {
        let mut installs = InstallEstimator::new(&drawn.loaded.index, Priors::shipped());
        installs.learn(&self.history.installs().collect::<Vec<_>>());
        let mut transfers = BlendedTransfer::default();
        transfers.learn(&self.history.transfers().collect::<Vec<_>>());
        let mut phases = PhaseEstimator::default();
        phases.learn(&self.history.phases().collect::<Vec<_>>());
        let packages = PackagePrices::of(&drawn.workload.universe, &installs);
        let estimators = Estimators { installs: &installs, transfers: &transfers, phases: &phases };
        let mut conditions = Conditions::new(&self.name, nodes);
        conditions.started_together = 1;
        let prices = estimators.prices(&conditions, strategies, &Catalogue::new());
        (packages, prices)
    }
}
