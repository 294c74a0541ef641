//! The estimators that a site plans with, brought up to date from its events.

use vclust_core::{
    BlendedTransfer, Catalogue, Conditions, Estimator, Estimators, Event, EventKind, HistoryStore,
    Index, InstallEstimator, InstallEvent, InstallStatistics, PackagePrices, PhaseEstimator,
    PhaseEvent, Prices, Priors, Strategy, TransferEvent, Universe,
};

use crate::learned::{Learner, learned};

/// Estimators of every phase of a build.
#[derive(Debug)]
#[non_exhaustive]
pub struct SiteEstimators<'a> {
    /// Of installs.
    pub installs: InstallEstimator<'a>,
    /// Of transfers.
    pub transfers: BlendedTransfer,
    /// Of booting and all other phases.
    pub phases: PhaseEstimator,
}

const INSTALLS: Learner<'_> =
    Learner { name: "installs", version: 1, kind: Some(EventKind::Install) };
const TRANSFERS: Learner<'_> =
    Learner { name: "transfers", version: 1, kind: Some(EventKind::Transfer) };
const PHASES: Learner<'_> = Learner { name: "phases", version: 1, kind: Some(EventKind::Phase) };

impl<'a> SiteEstimators<'a> {
    /// Estimators that have learned from all events of a store, and from vclust's shipped priors. `index`
    /// says what is in packages.
    pub fn of<H: HistoryStore>(index: &'a Index, store: &mut H) -> Result<Self, H::Error> {
        let statistics = learned(store, INSTALLS, |known: &mut InstallStatistics, events| {
            let before = std::mem::take(known);
            let mut estimator = InstallEstimator::with_statistics(index, Priors::shipped(), before);
            let installs: Vec<&InstallEvent> =
                events.iter().filter_map(Event::as_install).collect();
            estimator.learn(&installs);
            known.clone_from(estimator.statistics());
        })?;
        let transfers = learned(store, TRANSFERS, |known: &mut BlendedTransfer, events| {
            let transfers: Vec<&TransferEvent> =
                events.iter().filter_map(Event::as_transfer).collect();
            known.learn(&transfers);
        })?;
        let phases = learned(store, PHASES, |known: &mut PhaseEstimator, events| {
            let phases: Vec<&PhaseEvent> = events.iter().filter_map(Event::as_phase).collect();
            known.learn(&phases);
        })?;
        let installs = InstallEstimator::with_statistics(index, Priors::shipped(), statistics);
        Ok(Self { installs, transfers, phases })
    }

    /// As selection takes them.
    #[must_use]
    pub fn as_estimators(&self) -> Estimators<'_> {
        Estimators { installs: &self.installs, transfers: &self.transfers, phases: &self.phases }
    }

    /// Prices of packages, and of everything else under some conditions.
    #[must_use]
    pub fn prices(
        &self,
        universe: &Universe,
        conditions: &Conditions,
        strategies: &[Strategy],
        catalogue: &Catalogue,
    ) -> (PackagePrices, Prices) {
        let packages = PackagePrices::of(universe, &self.installs);
        (packages, self.as_estimators().prices(conditions, strategies, catalogue))
    }
}
