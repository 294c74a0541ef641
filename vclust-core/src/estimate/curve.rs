//! Fits curves with positive parameters to measured times, with honest uncertainty.
//!
//! Times are modelled as `ln y = ln f(p, x) + effects(x) + noise`. The logarithms of the parameters
//! `p` have a normal prior (the shipped values), the effects a covariance that the caller states:
//! what two situations have in common. The posterior is that of best linear unbiased prediction
//! (Henderson 1975; kriging in geostatistics) around Gauss and Newton's linearisation of `ln f`.
//! Shrinkage, back-off to similar situations and the interval all follow from it.
//!
//! Robustness: a sample whose leave-one-out residual is beyond 2.5 standard deviations gets a
//! larger variance, by the fourth power of the excess, so that the pull of a wild one vanishes
//! (Huber's weights would leave it constant). A single measurement is then taken for noise; many
//! that agree, for an effect of their own situation that says little of others.

use nalgebra::{DMatrix, DVector, SMatrix, SVector};

use super::Estimate;
use super::robust::t_of_90_percent;

/// Standardised residuals beyond this are taken for wild.
const WILD: f64 = 2.5;
const ROUNDS: usize = 25;
/// No parameter moves by more than this factor's logarithm in one round.
const LONGEST_STEP: f64 = 1.0;
/// Imagined residuals of unit size that the scale of the scatter is shrunk towards.
const IMAGINED_RESIDUALS: f64 = 6.0;

/// Normal prior of the logarithms of the parameters.
#[derive(Debug, Clone, Copy)]
pub(super) struct Prior<const P: usize> {
    pub(super) logs: SVector<f64, P>,
    pub(super) spreads: SVector<f64, P>,
}

impl<const P: usize> Prior<P> {
    pub(super) fn new(values: [f64; P], spreads: [f64; P]) -> Self {
        Self { logs: SVector::from(values).map(f64::ln), spreads: SVector::from(spreads) }
    }
}

/// The logarithm of a curve's value, and its derivatives by the parameters' logarithms.
pub(super) type Point<const P: usize> = (f64, SVector<f64, P>);

/// A curve that is a sum of positive terms: the derivatives are the terms' shares.
pub(super) fn sum_of<const P: usize>(terms: SVector<f64, P>) -> Point<P> {
    let sum = terms.sum().max(f64::MIN_POSITIVE);
    (sum.ln(), terms / sum)
}

/// What was measured of one situation.
#[derive(Debug, Clone)]
pub(super) struct Sample<X> {
    pub(super) at: X,
    /// Mean logarithm of the seconds.
    pub(super) mean: f64,
    /// Variance of that mean.
    pub(super) variance: f64,
    /// Number of measurements.
    pub(super) count: f64,
}

/// A curve and how the situations it is fitted to differ from it.
pub(super) trait Model<const P: usize> {
    /// A situation.
    type At: PartialEq;
    fn prior(&self) -> Prior<P>;
    /// The curve at parameters, given as logarithms.
    fn curve(&self, logs: &SVector<f64, P>, at: &Self::At) -> Point<P>;
    /// Covariance of the effects of two situations.
    fn shared(&self, one: &Self::At, other: &Self::At) -> f64;
}

/// A fitted curve.
#[derive(Debug, Clone)]
pub(super) struct Fit<const P: usize> {
    logs: SVector<f64, P>,
    prior: Prior<P>,
    /// One row of derivatives for each sample.
    slopes: DMatrix<f64>,
    inverse: DMatrix<f64>,
    weights: DVector<f64>,
    /// Variance added to each sample.
    extra: Vec<f64>,
    /// How much larger the variance of residuals is than expected.
    scale: f64,
    /// Covariance of the parameters' logarithms.
    covariance: SMatrix<f64, P, P>,
    /// Student's t of a 90 % interval, for as many degrees of freedom as there are measurements.
    t: f64,
}

/// Mean and variance of the logarithm of a time, and Student's t of its 90 % interval.
#[derive(Debug, Clone, Copy)]
pub(super) struct Prediction {
    pub(super) mean: f64,
    pub(super) variance: f64,
    pub(super) t: f64,
}

impl Prediction {
    pub(super) fn estimate(&self) -> Estimate {
        Estimate::from_logarithm(self.mean, self.t * self.variance.sqrt())
    }
}

impl<const P: usize> Fit<P> {
    /// Fits a model to samples; without any, the fit is the prior.
    pub(super) fn new<M: Model<P>>(model: &M, samples: &[Sample<M::At>]) -> Self {
        let prior = model.prior();
        let size = samples.len();
        let mut fit = Self {
            logs: prior.logs,
            prior,
            slopes: DMatrix::zeros(size, P),
            inverse: DMatrix::zeros(size, size),
            weights: DVector::zeros(size),
            extra: vec![0.0; size],
            scale: 1.0,
            covariance: SMatrix::from_diagonal(&prior.spreads.map(|s| s * s)),
            t: t_of_90_percent(
                IMAGINED_RESIDUALS + samples.iter().map(|sample| sample.count).sum::<f64>(),
            ),
        };
        if size == 0 {
            return fit;
        }
        let shared = DMatrix::from_fn(size, size, |row, column| {
            let own = if row == column { samples[row].variance } else { 0.0 };
            model.shared(&samples[row].at, &samples[column].at) + own
        });
        for _ in 0..ROUNDS {
            let moved = fit.step(model, samples, &shared);
            let changed = fit.judge();
            if moved < 1e-4 && changed < 1e-3 {
                break;
            }
        }
        fit.step(model, samples, &shared);
        let before = fit.covariance;
        let links = DMatrix::from_fn(size, P, |row, column| {
            fit.slopes[(row, column)] * before[(column, column)]
        });
        let known = links.transpose() * &fit.inverse * &links;
        fit.covariance -= SMatrix::from_fn(|row, column| known[(row, column)]);
        fit
    }

    /// One step of Gauss and Newton; answers how far the parameters moved.
    fn step<M: Model<P>>(
        &mut self,
        model: &M,
        samples: &[Sample<M::At>],
        shared: &DMatrix<f64>,
    ) -> f64 {
        let mut residuals = DVector::zeros(samples.len());
        for (row, sample) in samples.iter().enumerate() {
            let (value, slope) = model.curve(&self.logs, &sample.at);
            residuals[row] = sample.mean - value + slope.dot(&(self.logs - self.prior.logs));
            self.slopes.set_row(row, &slope.transpose());
        }
        let variances = DVector::from_iterator(P, self.prior.spreads.iter().map(|s| s * s));
        let spread = &self.slopes * DMatrix::from_diagonal(&variances);
        let mut covariance = &spread * self.slopes.transpose() + shared;
        for (row, extra) in self.extra.iter().enumerate() {
            covariance[(row, row)] += extra;
        }
        // Every sample has noise of its own, so the matrix is positive definite.
        let Some(cholesky) = covariance.cholesky() else { return 0.0 };
        self.inverse = cholesky.inverse();
        self.weights = &self.inverse * residuals;
        let target = spread.transpose() * &self.weights;
        let mut longest = 0.0_f64;
        for parameter in 0..P {
            let step = self.prior.logs[parameter] + target[parameter] - self.logs[parameter];
            let step = step.clamp(-LONGEST_STEP, LONGEST_STEP);
            self.logs[parameter] += step;
            longest = longest.max(step.abs());
        }
        longest
    }

    /// Works out the extra variance of wild samples and the scale of the scatter; answers by how
    /// much the extra variances changed.
    fn judge(&mut self) -> f64 {
        let (mut changed, mut squares) = (0.0_f64, IMAGINED_RESIDUALS);
        // What the others predict of a sample, less what was measured, is its weight over its
        // precision, and the variance of that is one over the precision.
        let square = |row: usize| self.weights[row].powi(2) / self.inverse[(row, row)];
        let largest = (0..self.extra.len()).map(square).fold(0.0, f64::max);
        for (row, extra) in self.extra.iter_mut().enumerate() {
            let precision = self.inverse[(row, row)];
            let variance = (1.0 / precision - *extra).max(f64::MIN_POSITIVE);
            let wildness = (self.weights[row] / precision).powi(2) / variance / (WILD * WILD);
            squares += wildness.min(1.0) * WILD * WILD;
            let wanted = variance * (wildness.powi(2) - 1.0).max(0.0);
            // A wild sample makes others look wild, so the wildest are judged first.
            if wanted > *extra && square(row) < 0.25 * largest {
                continue;
            }
            changed = changed.max((wanted - *extra).abs() / (variance + wanted));
            *extra = wanted;
        }
        self.scale = (squares / (IMAGINED_RESIDUALS + self.extra.len() as f64)).clamp(0.5, 4.0);
        changed
    }

    /// The curve alone at a situation; `own` is the variance of what is not the curve's.
    pub(super) fn on_the_curve<M: Model<P>>(&self, model: &M, at: &M::At, own: f64) -> Prediction {
        let (mean, slope) = model.curve(&self.logs, at);
        let along = slope.dot(&(self.covariance * slope)).max(0.0);
        Prediction { mean, variance: self.scale * (along + own), t: self.t }
    }

    /// The curve and what other situations in `samples` tell of the effects of this one; `noise`
    /// is the variance of one measurement.
    pub(super) fn with_effects<M: Model<P>>(
        &self,
        model: &M,
        samples: &[Sample<M::At>],
        at: &M::At,
        noise: f64,
    ) -> Prediction {
        let mut own = model.shared(at, at) + noise;
        let mut common = DVector::zeros(samples.len());
        for (row, sample) in samples.iter().enumerate() {
            common[row] = model.shared(at, &sample.at);
            if sample.at == *at {
                let effect = self.extra[row] * (1.0 - sample.count.powi(-2));
                common[row] += effect;
                own += effect;
            }
        }
        let (value, slope) = model.curve(&self.logs, at);
        let reach = slope.component_mul(&self.prior.spreads);
        let along = slope.component_mul(&self.prior.spreads.map(|s| s * s));
        let mean = value + common.dot(&self.weights);
        let links = &self.slopes * DVector::from_iterator(P, along.iter().copied()) + common;
        let known = links.dot(&(&self.inverse * &links));
        let variance = self.scale * (reach.norm_squared() + own - known).max(1e-6);
        Prediction { mean, variance, t: self.t }
    }

    /// The fitted parameters.
    #[cfg(test)]
    pub(super) fn parameters(&self) -> SVector<f64, P> {
        self.logs.map(f64::exp)
    }
}
