//! The estimators that a site plans with, brought up to date from its events.

use vclust_core::{
    BlendedTransfer, Catalogue, Conditions, Estimator, Estimators, Event, EventKind, HistoryStore,
    Index, InstallEstimator, InstallEvent, InstallStatistics, InstallTask, NodeSpeed,
    PackagePrices, PhaseEstimator, PhaseEvent, Prices, Priors, Strategy, TransferEvent, Universe,
};

use crate::learned::{Learner, learned};

/// Estimators of every phase of a build.
#[derive(Debug)]
#[non_exhaustive]
pub struct SiteEstimators<'a> {
    /// Of installs on the head node.
    pub installs: InstallEstimator<'a>,
    /// Of how much longer they take in nodes.
    pub nodes: NodeSpeed,
    /// Of transfers.
    pub transfers: BlendedTransfer,
    /// Of booting and all other phases.
    pub phases: PhaseEstimator,
}

/// While runs are few, each has the coefficients fitted anew, which takes 2 ms.
const INSTALLS: Learner<'_> = Learner { worth_writing: 2, ..of("installs", 2, EventKind::Install) };
const NODES: Learner<'_> = of("nodes", 1, EventKind::Install);
const TRANSFERS: Learner<'_> = of("transfers", 1, EventKind::Transfer);
const PHASES: Learner<'_> = of("phases", 1, EventKind::Phase);

const fn of(name: &str, version: u32, kind: EventKind) -> Learner<'_> {
    let worth_writing = Learner::USUALLY_WORTH_WRITING;
    Learner { name, version, kind: Some(kind), worth_writing }
}

impl<'a> SiteEstimators<'a> {
    /// Estimators that have learned from all events of a store, and from vclust's shipped priors. `index`
    /// says what is in packages.
    pub fn of<H: HistoryStore>(index: &'a Index, store: &mut H) -> Result<Self, H::Error> {
        // what the last events left is the estimator of all: it need not be made again
        let mut last = None;
        let statistics = learned(store, INSTALLS, |known: &mut InstallStatistics, events| {
            let installs: Vec<&InstallEvent> =
                events.iter().filter_map(Event::as_install).collect();
            let native = installs.into_iter().filter(|event| event.hypervisor.is_none());
            let native: Vec<_> = native.collect();
            if native.is_empty() {
                return;
            }
            let before = std::mem::take(known);
            let mut estimator = last.take().unwrap_or_else(|| {
                InstallEstimator::with_statistics(index, Priors::shipped(), before)
            });
            estimator.learn(&native);
            known.clone_from(estimator.statistics());
            last = Some(estimator);
        })?;
        let installs = match last {
            Some(mut estimator) => {
                estimator.refit();
                estimator
            }
            None => InstallEstimator::with_statistics(index, Priors::shipped(), statistics),
        };
        let nodes = learned(store, NODES, |known: &mut NodeSpeed, events| {
            for event in events.iter().filter_map(Event::as_install) {
                let Some(hypervisor) = &event.hypervisor else { continue };
                if let Some(native) = installs.estimate(&InstallTask::from(event)) {
                    known.learn(hypervisor, event.seconds, native.seconds);
                }
            }
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
        Ok(Self { installs, nodes, transfers, phases })
    }

    /// As selection takes them.
    #[must_use]
    pub fn as_estimators(&self) -> Estimators<'_> {
        Estimators {
            installs: &self.installs,
            nodes: &self.nodes,
            transfers: &self.transfers,
            phases: &self.phases,
        }
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
