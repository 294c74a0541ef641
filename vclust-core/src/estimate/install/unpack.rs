//! The cost of unpacking: a start, then decoding and writing, which overlap.

use nalgebra::{SMatrix, SVector};

use super::facts::UNPACK;

/// Coefficients of the model, in seconds a unit of each term.
pub(super) type Theta = [f64; UNPACK];

/// Standard deviation of the logarithm of a coefficient about its prior.
const LOOSENESS: f64 = 0.7;
const STEPS: usize = 40;

/// Seconds to unpack one package: `t0 + sqrt(decode^2 + write^2) + t7 preinst`.
pub(super) fn seconds(theta: &Theta, x: &Theta) -> f64 {
    let (decode, write) = parts(theta, x);
    theta[0] * x[0] + decode.hypot(write) + theta[7] * x[7]
}

fn parts(theta: &Theta, x: &Theta) -> (f64, f64) {
    let sum = |range: std::ops::Range<usize>| range.map(|term| theta[term] * x[term]).sum();
    (sum(1..3), sum(3..7))
}

/// One package: its terms, the median of its measured seconds and how many there were.
pub(super) struct Sample {
    pub(super) terms: Theta,
    pub(super) seconds: f64,
    pub(super) count: f64,
}

/// Fits the coefficients in logarithms, so that they stay positive, by Levenberg-Marquardt with
/// pseudo-Huber residuals of `log(measured / model)` and a ridge towards `prior`.
pub(super) fn fit(samples: &[Sample], prior: &Theta) -> Theta {
    let start = SVector::<f64, UNPACK>::from_fn(|term, _| prior[term].ln());
    let mut logs = start;
    let mut damping = 1e-3;
    let (mut misfit, mut normal, mut gradient) = linearise(samples, &logs, &start);
    for _ in 0..STEPS {
        let mut damped = normal;
        for term in 0..UNPACK {
            damped[(term, term)] *= 1.0 + damping;
        }
        let Some(solver) = damped.cholesky() else { break };
        let step = solver.solve(&gradient);
        let tried = logs - step;
        let (new_misfit, new_normal, new_gradient) = linearise(samples, &tried, &start);
        if new_misfit < misfit {
            let done = misfit - new_misfit < 1e-9 * misfit;
            (logs, misfit, normal, gradient) = (tried, new_misfit, new_normal, new_gradient);
            damping = (damping * 0.3).max(1e-9);
            if done {
                break;
            }
        } else {
            damping *= 8.0;
            if damping > 1e9 {
                break;
            }
        }
    }
    std::array::from_fn(|term| logs[term].exp())
}

type Linearised = (f64, SMatrix<f64, UNPACK, UNPACK>, SVector<f64, UNPACK>);

/// Sum of squared residuals, the normal matrix and the gradient at `logs`.
fn linearise(
    samples: &[Sample],
    logs: &SVector<f64, UNPACK>,
    prior: &SVector<f64, UNPACK>,
) -> Linearised {
    let theta: Theta = std::array::from_fn(|term| logs[term].exp());
    let distance = (logs - prior) / LOOSENESS;
    let mut misfit = distance.norm_squared();
    let mut normal = SMatrix::identity() / (LOOSENESS * LOOSENESS);
    let mut gradient = distance / LOOSENESS;
    for Sample { terms, seconds: measured, count } in samples {
        let (decode, write) = parts(&theta, terms);
        let both = decode.hypot(write).max(1e-12);
        let model = seconds(&theta, terms);
        let deviation = (0.12 * 0.12 + 0.08 * 0.08 / count).sqrt();
        let z = (measured / model).ln() / deviation;
        // Pseudo-Huber: quadratic near zero, linear far away.
        let root = (1.0 + z * z).sqrt();
        let residual = z.signum() * (2.0 * (root - 1.0)).sqrt();
        let slope = if residual.abs() < 1e-6 { 1.0 } else { z / (root * residual) };
        let row = SVector::<f64, UNPACK>::from_fn(|term, _| {
            let share = match term {
                0 | 7 => 1.0,
                1 | 2 => decode / both,
                _ => write / both,
            };
            -slope / deviation * share * terms[term] * theta[term] / model
        });
        misfit += residual * residual;
        normal += row * row.transpose();
        gradient += row * residual;
    }
    (misfit, normal, gradient)
}

#[cfg(test)]
mod tests {
    use super::super::shipped::Coefficients;
    use super::*;

    #[test]
    fn coefficients_are_found_again_despite_wild_measurements() {
        let truth: Theta = [0.03, 0.05, 0.004, 4e-4, 2e-4, 2e-3, 3e-4, 5e-3];
        let samples: Vec<Sample> = (0..400)
            .map(|i| {
                let f = |scale: f64, step: usize| scale * ((i * step) % 97) as f64 / 97.0;
                let x =
                    [1.0, f(3.0, 7), f(9.0, 11), f(900.0, 13), f(90.0, 17), f(9.0, 19), 0.0, 0.0];
                let wild = if i % 20 == 0 { 30.0 } else { 1.0 };
                Sample { terms: x, seconds: seconds(&truth, &x) * wild, count: 3.0 }
            })
            .collect();
        let found = fit(&samples, &Coefficients::shipped().theta);
        for term in [0, 1, 3] {
            assert!((found[term] / truth[term] - 1.0).abs() < 0.1, "{term}: {found:?}");
        }
        for sample in samples.iter().skip(1).take(18) {
            let error = seconds(&found, &sample.terms) / sample.seconds - 1.0;
            assert!(error.abs() < 0.05, "{error}");
        }
    }

    #[test]
    fn without_samples_the_prior_stays() {
        let shipped = &Coefficients::shipped().theta;
        let found = fit(&[], shipped);
        assert!(found.iter().zip(shipped).all(|(a, b)| (a / b - 1.0).abs() < 1e-9));
    }
}
