//! Repeated measurements of one thing, kept as logarithms, so that errors are relative.

use serde::{Deserialize, Serialize};

use super::curve::Sample;
use super::robust::median;

/// Measurements kept: enough for a mean, few enough to follow a site that changes.
const KEPT: usize = 32;
/// Times below this are noise of the clock.
const SHORTEST_SECONDS: f64 = 1e-3;
/// Values this many spreads off the median are left out of the mean.
const WILD: f64 = 3.0;
/// The clock and the schedule of any machine scatter by this much.
const LEAST_SPREAD: f64 = 0.03;

/// The latest measurements of one thing.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub(super) struct Series {
    count: u64,
    /// Natural logarithms of seconds.
    latest: Vec<f64>,
}

/// What a series says.
#[derive(Debug, Clone, Copy)]
pub(super) struct Summary {
    /// Mean logarithm of the seconds.
    pub(super) mean: f64,
    /// Number of measurements in it; wild ones do not count.
    pub(super) count: f64,
    /// Sum of their squared deviations.
    pub(super) squares: f64,
}

impl Series {
    pub(super) fn add(&mut self, seconds: f64) {
        let value = seconds.max(SHORTEST_SECONDS).ln();
        if self.latest.len() < KEPT {
            self.latest.push(value);
        } else {
            self.latest[(self.count % KEPT as u64) as usize] = value;
        }
        self.count += 1;
    }

    /// The mean of the kept measurements without the wild ones, once there are enough to tell.
    /// `None` of an empty series.
    pub(super) fn summary(&self) -> Option<Summary> {
        if self.latest.is_empty() {
            return None;
        }
        let middle = median(&mut self.latest.clone());
        let mut distances: Vec<f64> =
            self.latest.iter().map(|value| (value - middle).abs()).collect();
        // 1.4826 makes the median distance of normal values their standard deviation.
        let spread = (1.4826 * median(&mut distances)).max(LEAST_SPREAD);
        let kept = || self.latest.iter().filter(|value| (**value - middle).abs() <= WILD * spread);
        let count = kept().count() as f64;
        if count < 1.0 {
            // Two values far apart: neither is known to be the wild one.
            return Some(Summary { mean: middle, count: 1.0, squares: spread * spread });
        }
        let mean = kept().sum::<f64>() / count;
        let squares = kept().map(|value| (value - mean).powi(2)).sum();
        Some(Summary { mean, count, squares })
    }
}

impl Summary {
    /// Variance of a single measurement, joined by `imagined` ones of variance `usual`.
    pub(super) fn scatter(&self, usual: f64, imagined: f64) -> f64 {
        (imagined * usual + self.squares) / (imagined + self.count - 1.0)
    }
}

/// The scatter of repeats that situations of one model share, before and after they were measured.
#[derive(Debug, Clone, Copy)]
pub(super) struct SharedScatter {
    /// Standard deviation, in logarithms, that is believed before anything was measured.
    pub(super) repeats: f64,
    /// Measurements that this belief is worth.
    pub(super) imagined: f64,
    /// The most variance that one situation may show, so that one which jumps about does not widen all.
    pub(super) most: f64,
}

impl SharedScatter {
    /// The variance of one measurement, and each situation as a fit takes it.
    pub(super) fn samples<A>(&self, summaries: Vec<(A, Summary)>) -> (f64, Vec<Sample<A>>) {
        let (mut squares, mut freedom) = (self.imagined * self.repeats.powi(2), self.imagined);
        for (_, summary) in &summaries {
            squares += summary.squares.min(summary.count * self.most);
            freedom += summary.count - 1.0;
        }
        let scatter = squares / freedom;
        let sample = |(at, summary): (A, Summary)| Sample {
            at,
            mean: summary.mean,
            variance: summary.scatter(scatter, self.imagined) / summary.count,
            count: summary.count,
        };
        (scatter, summaries.into_iter().map(sample).collect())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(values: &[f64]) -> Summary {
        let mut series = Series::default();
        for value in values {
            series.add(*value);
        }
        series.summary().expect("values")
    }

    #[test]
    fn a_wild_value_is_left_out_and_two_that_disagree_scatter() {
        assert!((of(&[5.0, 5.1, 4.9, 500.0]).mean.exp() - 5.0).abs() < 0.01);
        assert!(of(&[5.0, 500.0]).scatter(0.01, 3.0) > 1.0);
        assert!(of(&[0.0]).mean.is_finite());
        assert!(Series::default().summary().is_none());
        assert!((of(&[9.0; 100]).count - 32.0).abs() < 1e-12);
    }
}
