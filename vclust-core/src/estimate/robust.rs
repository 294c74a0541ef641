//! Statistics that one wild measurement does not move.

use statrs::distribution::{ContinuousCDF, StudentsT};

/// The quantile `share` (0 to 1) of `values`, interpolated between neighbours; 0 of none.
pub(crate) fn quantile(values: &mut [f64], share: f64) -> f64 {
    if values.is_empty() {
        return 0.0;
    }
    values.sort_unstable_by(f64::total_cmp);
    let place = share.clamp(0.0, 1.0) * (values.len() - 1) as f64;
    let (below, rest) = (place.floor(), place.fract());
    #[expect(clippy::cast_sign_loss, reason = "a place in a slice is not negative")]
    let below = below as usize;
    let above = (below + 1).min(values.len() - 1);
    values[below] + rest * (values[above] - values[below])
}

/// The median of `values`; 0 of none.
pub(crate) fn median(values: &mut [f64]) -> f64 {
    quantile(values, 0.5)
}

/// Student's t that leaves 5 % on each side, for so many degrees of freedom.
pub(crate) fn t_of_90_percent(freedom: f64) -> f64 {
    StudentsT::new(0.0, 1.0, freedom.max(1.0)).map_or(6.314, |t| t.inverse_cdf(0.95))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quantiles_lie_between_their_neighbours() {
        assert!((median(&mut [3.0, 1.0, 2.0, 10.0]) - 2.5).abs() < 1e-12);
        assert!((quantile(&mut [1.0, 2.0], 0.9) - 1.9).abs() < 1e-12);
        assert!(median(&mut []).abs() < 1e-12);
        assert!((t_of_90_percent(1.0) - 6.314).abs() < 1e-2);
        assert!((t_of_90_percent(1e6) - 1.645).abs() < 1e-3);
    }
}
