//! What a site has learned: from its history, or from a file of events.

use std::path::Path;

use vclust_core::{
    BlendedTransfer, Catalogue, Conditions, Estimator, Estimators, Event, EventKind, History,
    HistoryStore, Index, InstallEstimator, InstallEvent, InstallStatistics, InstallTask, NodeSpeed,
    OnError, PackagePrices, PhaseEstimator, PhaseEvent, Prices, Priors, RequestEvent, Strategy,
    TransferEvent, Universe,
};
use vclust_debian::StateDirectory;
use vclust_grid::{HistoryDatabase, Learner, learned};

use crate::commands::accuracy;
use crate::failure::Failure;

/// Requests of the past that generation looks at.
const REQUESTS: usize = 100_000;

/// Where events come from.
pub(crate) enum Past {
    /// A file, or nothing at all.
    Given(History),
    /// The site's own history.
    Recorded(HistoryDatabase),
}

impl Past {
    /// The events of a file, or the site's own history, of which there may be none yet.
    pub(crate) fn of(file: Option<&Path>) -> Result<Self, Failure> {
        if let Some(path) = file {
            return Ok(Self::Given(accuracy::read(path, OnError::Stop)?));
        }
        let database = HistoryDatabase::open_existing(&StateDirectory::locate()?)?;
        Ok(database.map_or_else(|| Self::Given(History::default()), Self::Recorded))
    }

    /// The latest requests, the oldest first.
    pub(crate) fn requests(&self) -> Result<Vec<RequestEvent>, Failure> {
        Ok(match self {
            Self::Given(history) => history.requests().cloned().collect(),
            Self::Recorded(database) => database.recent_requests(REQUESTS)?,
        })
    }
}

/// Estimators that have learned from the past.
pub(crate) struct Learned<'a> {
    installs: InstallEstimator<'a>,
    nodes: NodeSpeed,
    transfers: BlendedTransfer,
    phases: PhaseEstimator,
}

const INSTALLS: Learner<'_> =
    Learner { name: "installs", version: 2, kind: Some(EventKind::Install) };
const NODES: Learner<'_> = Learner { name: "nodes", version: 1, kind: Some(EventKind::Install) };
const TRANSFERS: Learner<'_> =
    Learner { name: "transfers", version: 1, kind: Some(EventKind::Transfer) };
const PHASES: Learner<'_> = Learner { name: "phases", version: 1, kind: Some(EventKind::Phase) };

impl<'a> Learned<'a> {
    /// From a file all is learned anew; a site's own history has kept what was learned before, and only
    /// newer events are read.
    pub(crate) fn from(index: &'a Index, past: &mut Past) -> Result<Self, Failure> {
        Ok(match past {
            Past::Given(history) => Self::of(index, history)?,
            Past::Recorded(database) => Self::of(index, database)?,
        })
    }

    fn of<H: HistoryStore>(index: &'a Index, store: &mut H) -> Result<Self, H::Error> {
        let statistics = learned(store, INSTALLS, |known: &mut InstallStatistics, events| {
            let before = std::mem::take(known);
            let mut estimator = InstallEstimator::with_statistics(index, Priors::shipped(), before);
            let installs: Vec<&InstallEvent> =
                events.iter().filter_map(Event::as_install).collect();
            let native = installs.into_iter().filter(|event| event.hypervisor.is_none());
            estimator.learn(&native.collect::<Vec<_>>());
            known.clone_from(estimator.statistics());
        })?;
        let installs = InstallEstimator::with_statistics(index, Priors::shipped(), statistics);
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
            nodes: &self.nodes,
            transfers: &self.transfers,
            phases: &self.phases,
        };
        let packages = PackagePrices::of(universe, &self.installs);
        (packages, estimators.prices(conditions, strategies, catalogue))
    }
}
