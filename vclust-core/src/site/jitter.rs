//! How nodes differ from each other: the same for the same seed.

use statrs::distribution::{ContinuousCDF, Normal};

/// Factors of so many nodes, log-normal with a relative spread, in an order drawn by `seed`.
///
/// They are stratified: one from each of `count` equally likely parts of the distribution. Few nodes
/// then differ as much as they do on the average, so that a single simulation is representative.
pub(super) fn factors(seed: u64, count: usize, spread: f64) -> Vec<f64> {
    let normal = Normal::standard();
    let mut state = seed ^ 0x9e37_79b9_7f4a_7c15;
    let mut factors: Vec<f64> = (0..count)
        .map(|part| {
            let place = (part as f64 + 0.25 + 0.5 * uniform(&mut state)) / count as f64;
            (spread * normal.inverse_cdf(place)).exp()
        })
        .collect();
    for last in (1..count).rev() {
        factors.swap(last, (next(&mut state) % (last as u64 + 1)) as usize);
    }
    factors
}

/// The next number of the sequence `SplitMix64` (Steele, Lea and Flood 2014).
fn next(state: &mut u64) -> u64 {
    *state = state.wrapping_add(0x9e37_79b9_7f4a_7c15);
    let mut value = *state;
    value = (value ^ (value >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    value = (value ^ (value >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    value ^ (value >> 31)
}

fn uniform(state: &mut u64) -> f64 {
    (next(state) >> 11) as f64 / (1_u64 << 53) as f64
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn factors_spread_as_asked_and_repeat_with_their_seed() {
        let drawn = factors(7, 4000, 0.1);
        let logs: Vec<f64> = drawn.iter().map(|factor| factor.ln()).collect();
        let mean = logs.iter().sum::<f64>() / 4000.0;
        let variance = logs.iter().map(|log| (log - mean).powi(2)).sum::<f64>() / 4000.0;
        assert!(mean.abs() < 1e-3 && (variance.sqrt() - 0.1).abs() < 1e-3);
        assert_eq!(drawn, factors(7, 4000, 0.1));
        assert_ne!(drawn, factors(8, 4000, 0.1));
        assert!(factors(1, 3, 0.0).iter().all(|factor| (factor - 1.0).abs() < 1e-12));
    }
}
