//! The cost of configuring: a sum over what the maintainer scripts do, with no negative costs.

use super::facts::{BY_INDEX, Configure, SCRIPTS};

/// Coefficients in seconds a unit, for packages whose scripts are known and for the others.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Beta {
    pub(super) scripts: [f64; SCRIPTS],
    pub(super) by_index: [f64; BY_INDEX],
}

/// How strongly coefficients are drawn to the prior, in units of a package.
const RIDGE: f64 = 0.5;
const REWEIGHTINGS: usize = 20;
const SWEEPS: usize = 60;

impl Beta {
    /// Seconds to configure one package.
    pub(super) fn seconds(&self, facts: &Configure) -> f64 {
        match facts {
            Configure::Scripts(terms) => dot(&self.scripts, terms),
            Configure::ByIndex(terms) => dot(&self.by_index, terms),
        }
        .max(1e-3)
    }

    /// Fits to the seconds of packages, from `self` as the prior.
    pub(super) fn fit(&self, samples: &[(&Configure, f64)]) -> Self {
        let mut scripts = Vec::new();
        let mut by_index = Vec::new();
        for (facts, seconds) in samples {
            match facts {
                Configure::Scripts(terms) => scripts.push(Sample::of(terms, *seconds)),
                Configure::ByIndex(terms) => by_index.push(Sample::of(terms, *seconds)),
            }
        }
        Self { scripts: fit(&scripts, &self.scripts), by_index: fit(&by_index, &self.by_index) }
    }
}

fn dot<const N: usize>(a: &[f64; N], b: &[f64; N]) -> f64 {
    a.iter().zip(b).map(|(a, b)| a * b).sum()
}

/// One package: its terms that are not zero, which most are, and its seconds.
struct Sample<const N: usize> {
    terms: [(usize, f64); N],
    count: usize,
    seconds: f64,
}

impl<const N: usize> Sample<N> {
    fn of(all: &[f64; N], seconds: f64) -> Self {
        let mut terms = [(0, 0.0); N];
        let mut count = 0;
        for (term, value) in all.iter().enumerate().filter(|(_, value)| **value > 0.0) {
            terms[count] = (term, *value);
            count += 1;
        }
        Self { terms, count, seconds }
    }

    fn terms(&self) -> &[(usize, f64)] {
        &self.terms[..self.count]
    }
}

/// Non-negative least squares, reweighted: errors grow with the prediction, and far ones count
/// as Huber counts them.
fn fit<const N: usize>(samples: &[Sample<N>], prior: &[f64; N]) -> [f64; N] {
    let mut beta = *prior;
    if samples.is_empty() {
        return beta;
    }
    for _ in 0..REWEIGHTINGS {
        let mut normal = [[0.0; N]; N];
        let mut right = [0.0; N];
        for term in 0..N {
            let pull = (RIDGE / prior[term]).powi(2);
            normal[term][term] = pull;
            right[term] = pull * prior[term];
        }
        for sample in samples {
            let terms = sample.terms();
            let predicted = terms.iter().map(|(term, value)| beta[*term] * value).sum::<f64>();
            let predicted = predicted.max(1e-3);
            let variance = 0.0005_f64.powi(2) + (0.3 * predicted).powi(2);
            let z = (sample.seconds - predicted).abs() / variance.sqrt();
            let weight = (2.5 / z.max(1e-9)).min(1.0) / variance;
            for (term, value) in terms {
                right[*term] += weight * value * sample.seconds;
                for (other, other_value) in terms {
                    normal[*term][*other] += weight * value * other_value;
                }
            }
        }
        let best = non_negative(&normal, &right, &beta);
        for term in 0..N {
            beta[term] = 0.5 * beta[term] + 0.5 * best[term].max(1e-6);
        }
    }
    beta
}

/// Minimises `x'Ax / 2 - b'x` over x >= 0 by cyclic coordinate descent, from `start`.
fn non_negative<const N: usize>(
    normal: &[[f64; N]; N],
    right: &[f64; N],
    start: &[f64; N],
) -> [f64; N] {
    let mut x = *start;
    for _ in 0..SWEEPS {
        let mut is_settled = true;
        for term in 0..N {
            let sum: f64 = (0..N).map(|other| normal[term][other] * x[other]).sum();
            let rest = right[term] - sum + normal[term][term] * x[term];
            let better = (rest / normal[term][term]).max(0.0);
            is_settled &= better.to_bits() == x[term].to_bits();
            x[term] = better;
        }
        if is_settled {
            break;
        }
    }
    x
}

#[cfg(test)]
mod tests {
    use super::super::shipped::Coefficients;
    use super::*;

    #[test]
    fn costs_never_become_negative_and_wild_ones_do_not_count() {
        let samples: Vec<Sample<3>> = (0..200)
            .map(|i| {
                let terms = [1.0, f64::from(i % 3), f64::from(i % 5)];
                let seconds = 0.003 + 0.02 * terms[1];
                Sample::of(&terms, if i % 25 == 0 { 5.0 } else { seconds })
            })
            .collect();
        let found = fit(&samples, &[0.002, 0.05, 0.01]);
        assert!((found[0] - 0.003).abs() < 5e-4, "{found:?}");
        assert!((found[1] - 0.02).abs() < 2e-3, "{found:?}");
        assert!((0.0..1e-3).contains(&found[2]), "{found:?}");
    }

    #[test]
    fn without_samples_the_prior_stays() {
        let shipped = &Coefficients::shipped().beta;
        assert_eq!(&shipped.fit(&[]), shipped);
    }
}
