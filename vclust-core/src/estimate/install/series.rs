//! The latest measurements of one thing: bounded, robust, and quick to forget what a site was like
//! long ago.

use serde::{Deserialize, Deserializer, Serialize};

use crate::estimate::robust::median;

/// Values kept: enough for a steady median, and they bound memory and time.
const KEPT: u64 = 31;
/// Steps faster than this are noise of the clock.
const SHORTEST: f32 = 3e-4;
/// How far from the median, in logarithms, a value moves the mean.
const BELIEVED: f64 = 0.4;

/// Measured seconds of one thing.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub(super) struct Series {
    /// How many there were ever.
    count: u64,
    #[serde(deserialize_with = "positive")]
    latest: Vec<f32>,
}

impl Series {
    pub(super) fn add(&mut self, seconds: f64) {
        if !seconds.is_finite() {
            return;
        }
        #[expect(clippy::cast_possible_truncation, reason = "a clock has fewer digits than f32")]
        let seconds = (seconds as f32).max(SHORTEST);
        match self.latest.get_mut((self.count % KEPT) as usize) {
            Some(oldest) => *oldest = seconds,
            None => self.latest.push(seconds),
        }
        self.count += 1;
    }

    /// Number of values that are kept.
    pub(super) fn count(&self) -> f64 {
        self.latest.len() as f64
    }

    /// Their median; `None` if there are none.
    pub(super) fn median(&self) -> Option<f64> {
        let mut values: Vec<f64> = self.latest.iter().copied().map(f64::from).collect();
        (!values.is_empty()).then(|| median(&mut values))
    }

    /// Sum of `log(measured / predicted)`. Single values are held near their median, which is held
    /// within a factor of 150: maintainer scripts may take that much longer than any model says.
    pub(super) fn log_excess(&self, predicted: f64) -> f64 {
        let Some(median) = self.median() else { return 0.0 };
        let middle = median.ln();
        let near = |seconds: &f32| (f64::from(*seconds).ln() - middle).clamp(-BELIEVED, BELIEVED);
        let mean = self.latest.iter().map(near).sum::<f64>() / self.count();
        self.count() * (middle + mean - predicted.ln()).clamp(-5.0, 5.0)
    }
}

/// What a snapshot holds must be what [`Series::add`] could have put there.
fn positive<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Vec<f32>, D::Error> {
    let mut values = Vec::<f32>::deserialize(deserializer)?;
    if !values.iter().all(|value| value.is_finite() && *value > 0.0) {
        return Err(serde::de::Error::custom("a time that is not positive"));
    }
    values.truncate(KEPT as usize);
    Ok(values)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_wild_value_moves_little_and_old_ones_are_forgotten() {
        let mut series = Series::default();
        assert_eq!(series.median(), None);
        for _ in 0..20 {
            series.add(1.0);
        }
        series.add(1e6);
        series.add(f64::NAN);
        assert_eq!(series.median(), Some(1.0));
        assert!(series.log_excess(1.0) < 0.41);
        for _ in 0..KEPT {
            series.add(2.0);
        }
        assert_eq!((series.count(), series.median()), (KEPT as f64, Some(2.0)));
        assert!((series.log_excess(1.0) / series.count() - 2.0_f64.ln()).abs() < 1e-6);
    }

    #[test]
    fn a_damaged_snapshot_is_refused() {
        for latest in ["[1.0,-1.0]", "[0.0]", "[1e99]"] {
            let text = format!(r#"{{"count":2,"latest":{latest}}}"#);
            assert!(serde_json::from_str::<Series>(&text).is_err(), "{latest}");
        }
        let short = r#"{"count":70,"latest":[1.0]}"#;
        let mut series: Series = serde_json::from_str(short).expect("times");
        series.add(1.0);
        assert_eq!(series.latest.len(), 2);
    }
}
