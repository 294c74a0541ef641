//! How much runs scatter at a site: learned from how far each run was from what had been predicted
//! of it before it was learned from.
//!
//! The variance of a run is `k (a P + s + K)`: `P` is that of its packages as far as each is known,
//! `K` that of the site's speed, the number of nodes and the clock. What is shipped is `a`, `s` and
//! `k = 1`; a site's own misses then scale the whole.

use serde::{Deserialize, Deserializer, Serialize};

/// Variances of packages add up to this much too little.
const INFLATION: f64 = 1.25 * 1.25;
/// Relative variance of a whole run.
const RUN: f64 = 0.045 * 0.045;
/// Runs that are remembered.
const KEPT: u64 = 127;
/// How many runs the shipped scale counts for.
const SHIPPED_WORTH: f64 = 60.0;
/// A miss counts as no more than so many standard deviations.
const BELIEVED: f64 = 3.0;

/// Relative variance of a run, from that of its packages and that of what is known beside them.
pub(super) fn variance(packages: f64, known: f64) -> f64 {
    INFLATION * packages + RUN + known
}

/// By how many of the standard deviations that had been predicted the latest runs were off.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub(super) struct Scatter {
    count: u64,
    #[serde(deserialize_with = "finite")]
    latest: Vec<f32>,
}

impl Scatter {
    /// Adds a run that took `measured` seconds, where `predicted` were predicted with a relative
    /// `variance`, not yet scaled.
    pub(super) fn add(&mut self, measured: f64, predicted: f64, variance: f64) {
        #[expect(clippy::cast_possible_truncation, reason = "a few digits are enough")]
        let deviations = ((measured / predicted - 1.0) / variance.sqrt()) as f32;
        if !deviations.is_finite() {
            return;
        }
        match self.latest.get_mut((self.count % KEPT) as usize) {
            Some(oldest) => *oldest = deviations,
            None => self.latest.push(deviations),
        }
        self.count += 1;
    }

    /// By what to multiply standard deviations: Huber's scale of the misses, drawn to 1.
    pub(super) fn scale(&self) -> f64 {
        let count = self.latest.len() as f64;
        let mut scale = 1.0_f64;
        for _ in 0..10 {
            let most = (BELIEVED * scale).powi(2);
            let squares: f64 =
                self.latest.iter().map(|miss| f64::from(*miss).powi(2).min(most)).sum();
            scale = ((squares + SHIPPED_WORTH) / (count + SHIPPED_WORTH)).sqrt();
        }
        scale
    }
}

fn finite<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Vec<f32>, D::Error> {
    let mut values = Vec::<f32>::deserialize(deserializer)?;
    if !values.iter().all(|value| value.is_finite()) {
        return Err(serde::de::Error::custom("a deviation that is no number"));
    }
    values.truncate(KEPT as usize);
    Ok(values)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Adds runs that are off by these many standard deviations.
    fn scatter(misses: impl IntoIterator<Item = f64>) -> Scatter {
        let mut scatter = Scatter::default();
        for miss in misses {
            scatter.add(1.0 + 0.1 * miss, 1.0, 0.01);
        }
        scatter
    }

    #[test]
    fn the_scale_follows_the_site_but_not_one_wild_run() {
        // Nine tenths of these lie within 1.645 of them, as those of a normal do.
        let usual =
            |times: f64| (0..200).map(move |at| times * [-1.3, -0.7, -0.2, 0.2, 0.7, 1.3][at % 6]);
        assert!((Scatter::default().scale() - 1.0).abs() < 1e-9);
        let calm = scatter(usual(1.0)).scale();
        assert!((0.85..1.0).contains(&calm), "{calm}");
        assert!((scatter(usual(3.0)).scale() / calm - 2.4).abs() < 0.3);
        let wild = scatter(usual(1.0).chain([1e9, f64::NAN])).scale();
        assert!((wild / calm - 1.0).abs() < 0.05, "{wild}");
    }

    #[test]
    fn a_damaged_snapshot_is_refused() {
        assert!(serde_json::from_str::<Scatter>(r#"{"count":1,"latest":[1e99]}"#).is_err());
    }
}
