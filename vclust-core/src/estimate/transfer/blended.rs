//! What vclust uses for transfers: measurements where there are any, the model for the rest.

use serde::{Deserialize, Serialize};

use super::contention::ContentionTransfer;
use crate::estimate::curve::Prediction;
use crate::estimate::mean_transfer::TransferTask;
use crate::estimate::recent::Recent;
use crate::estimate::series::{Series, Summary};
use crate::estimate::{Estimate, Estimator};
use crate::history::TransferEvent;

/// Tasks whose own measurements are remembered, the latest ones.
const TASKS: usize = 8192;
/// Measurements this many standard deviations off what was expected must agree to be believed.
const WILD: f64 = 2.5;
const IMAGINED: f64 = 3.0;

/// The mean of an image's past transfers to so many nodes by the same method, where there are many;
/// the contention model, where there are none; between the two, each by its precision.
///
/// Measurements far from anything the model expects count the less, the farther they are, and the
/// more, the more of them agree: a single wild one moves nothing, ten of them the answer.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub struct BlendedTransfer {
    model: ContentionTransfer,
    seen: Recent<TransferTask, Series, TASKS>,
}

impl BlendedTransfer {
    /// Whether this very image was brought to so many nodes by this method before.
    #[must_use]
    pub fn has_measured(&self, task: &TransferTask) -> bool {
        self.seen.get(task).is_some()
    }
}

impl Estimator for BlendedTransfer {
    type Task = TransferTask;
    type Event = TransferEvent;

    fn name(&self) -> &'static str {
        "vclust: transfers"
    }

    fn learn(&mut self, events: &[&TransferEvent]) {
        self.model.learn(events);
        for event in events {
            self.seen.entry(&TransferTask::from(*event), Series::default).add(event.seconds);
        }
    }

    fn estimate(&self, task: &TransferTask) -> Option<Estimate> {
        if task.nodes == 0 {
            return None;
        }
        let (model, scatter) = self.model.predict(task);
        let summary = self.seen.get(task).and_then(Series::summary);
        Some(blend(model, summary, scatter).estimate())
    }
}

/// A prediction, `scatter` included, from the model's and from own measurements.
fn blend(model: Prediction, own: Option<Summary>, scatter: f64) -> Prediction {
    let Some(own) = own else {
        return Prediction { variance: model.variance + scatter, ..model };
    };
    let scatter = own.scatter(scatter, IMAGINED);
    let apart = own.mean - model.mean;
    let square = apart * apart / (model.variance + scatter / own.count);
    let wildness = (square / (WILD * WILD)).max(f64::MIN_POSITIVE);
    let believed = (own.count.powi(3) / wildness.powi(2)).min(1.0);
    let count = own.count * believed;
    let (own_precision, model_precision) = (count / scatter, model.variance.recip());
    let precision = own_precision + model_precision;
    let share = own_precision / precision;
    // Where the two disagree, either may be right.
    let disagreement = share * (1.0 - share) * apart * apart;
    Prediction {
        mean: model.mean + share * apart,
        variance: precision.recip() + scatter + disagreement,
        t: model.t,
    }
}
