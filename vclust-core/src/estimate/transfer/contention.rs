//! Our model of transfers: what a node does on its own, and what nodes share.

use std::sync::OnceLock;

use serde::{Deserialize, Serialize};

use super::shape::{self, PARAMETERS};
use crate::estimate::curve::{Fit, Model, Point, Prediction, Prior};
use crate::estimate::mean_transfer::TransferTask;
use crate::estimate::recent::Recent;
use crate::estimate::series::{Series, SharedScatter};
use crate::estimate::{Estimate, Estimator};
use crate::history::TransferEvent;
use crate::site::TransferMethod;

/// Situations (bytes, nodes) that a fit looks at, the latest ones.
const SITUATIONS: usize = 64;
/// Pairs of a site and a method that are remembered.
const LINKS: usize = 256;
/// How repeats of one situation scatter.
const SCATTER: SharedScatter = SharedScatter { repeats: 0.05, imagined: 3.0, most: 0.1 };
/// How far the model is off beside that: images differ in more than their size.
const MISFIT: f64 = 0.08;

/// Seconds of a transfer as `latency + overhead + bytes × (a node's own work and the network's, at
/// the same time)`, with a growth over nodes that depends on the method: a shared server, a
/// pipelined chain, or a tree.
///
/// Its four parameters are fitted to each site and method, robustly and drawn towards shipped
/// values, so it answers for sizes and numbers of nodes never seen, and with no history at all.
/// Learned state is bounded and can be stored with serde. `docs/src/estimators-transfers.md` has
/// the formulas.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub struct ContentionTransfer {
    links: Recent<LinkKey, Link, LINKS>,
}

/// How images get to nodes at one site.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
struct LinkKey {
    site: String,
    method: String,
}

type Situation = (u64, u32);

/// What was measured of one way, and the fit to it, which is not stored.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(from = "Measured", into = "Measured")]
struct Link {
    measured: Measured,
    fit: Fit<PARAMETERS>,
    /// Variance of one measurement of an image.
    scatter: f64,
}

#[derive(Debug, Clone, Serialize, Deserialize)]
struct Measured {
    method: TransferMethod,
    situations: Recent<Situation, Series, SITUATIONS>,
}

impl Model<PARAMETERS> for TransferMethod {
    type At = Situation;

    fn prior(&self) -> Prior<PARAMETERS> {
        shape::prior(*self)
    }

    fn curve(
        &self,
        logs: &nalgebra::SVector<f64, PARAMETERS>,
        at: &Situation,
    ) -> Point<PARAMETERS> {
        shape::curve(*self, logs, at.0, at.1)
    }

    fn shared(&self, one: &Situation, other: &Situation) -> f64 {
        if one == other { MISFIT * MISFIT } else { 0.0 }
    }
}

impl From<Measured> for Link {
    fn from(measured: Measured) -> Self {
        let summaries: Vec<_> = measured
            .situations
            .in_order()
            .into_iter()
            .filter_map(|(at, series)| Some((*at, series.summary()?)))
            .collect();
        let (scatter, samples) = SCATTER.samples(summaries);
        let fit = Fit::new(&measured.method, &samples);
        Self { measured, fit, scatter }
    }
}

impl From<Link> for Measured {
    fn from(link: Link) -> Self {
        link.measured
    }
}

impl ContentionTransfer {
    /// What the model says of a task, and the variance of one measurement around what it predicts.
    pub(super) fn predict(&self, task: &TransferTask) -> (Prediction, f64) {
        let key = LinkKey { site: task.site.clone(), method: task.method.clone() };
        let link = self.links.get(&key).unwrap_or_else(|| Link::unmeasured(&task.method));
        let at = (task.bytes, task.nodes);
        let model = &link.measured.method;
        (link.fit.on_the_curve(model, &at, MISFIT * MISFIT), link.scatter)
    }

    /// The fitted parameters, in the order of [`shape::prior`].
    #[cfg(test)]
    pub(super) fn parameters(&self, site: &str, method: &str) -> Option<[f64; PARAMETERS]> {
        let key = LinkKey { site: site.to_owned(), method: method.to_owned() };
        self.links.get(&key).map(|link| link.fit.parameters().into())
    }
}

impl Measured {
    fn new(method: TransferMethod) -> Self {
        Self { method, situations: Recent::default() }
    }
}

impl Link {
    /// What is believed of a method where nothing was measured.
    fn unmeasured(method: &str) -> &'static Self {
        static SHIPPED: OnceLock<[Link; 3]> = OnceLock::new();
        let shipped =
            SHIPPED.get_or_init(|| TransferMethod::ALL.map(|method| Measured::new(method).into()));
        &shipped[TransferMethod::of_history(method) as usize]
    }
}

impl Estimator for ContentionTransfer {
    type Task = TransferTask;
    type Event = TransferEvent;

    fn name(&self) -> &'static str {
        "vclust: contention model"
    }

    fn learn(&mut self, events: &[&TransferEvent]) {
        let mut touched = rustc_hash::FxHashMap::default();
        for event in events {
            let key = LinkKey { site: event.site.clone(), method: event.method.clone() };
            let measured: &mut Measured = touched.entry(key).or_insert_with_key(|key| {
                let known = self.links.get(key).map(|link| link.measured.clone());
                known.unwrap_or_else(|| Measured::new(TransferMethod::of_history(&key.method)))
            });
            measured
                .situations
                .entry(&(event.bytes, event.nodes), Series::default)
                .add(event.seconds);
        }
        let mut touched: Vec<_> = touched.into_iter().collect();
        touched.sort_unstable_by(|(one, _), (other, _)| {
            (&one.site, &one.method).cmp(&(&other.site, &other.method))
        });
        for (key, measured) in touched {
            self.links.set(key, Link::from(measured));
        }
    }

    fn estimate(&self, task: &TransferTask) -> Option<Estimate> {
        if task.nodes == 0 {
            return None;
        }
        let (mut prediction, scatter) = self.predict(task);
        prediction.variance += scatter;
        Some(prediction.estimate())
    }
}
