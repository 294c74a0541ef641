//! Which request comes when: popularity and its drift, by seed.

use fastrand::Rng;

/// How often the distinct requests of a trace are made.
///
/// The one of rank k is made in proportion to k^-exponent (Zipf's law, which requests to caches
/// follow well: L. Breslau et al., Web caching and Zipf-like distributions, INFOCOM 1999). Ranks drift:
/// what is popular today is forgotten tomorrow.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Popularity {
    /// Zipf's exponent; 0 makes all requests alike.
    pub exponent: f64,
    /// The share of ranks that change hands in a thousand requests, from 0 to 1.
    pub drift: f64,
}

impl Default for Popularity {
    fn default() -> Self {
        Self { exponent: 1.0, drift: 0.1 }
    }
}

impl Popularity {
    /// Draws so many requests out of `distinct` ones, as their places; none if there are none.
    #[must_use]
    pub fn draw(&self, distinct: usize, requests: usize, seed: u64) -> Vec<u32> {
        if distinct == 0 {
            return Vec::new();
        }
        let mut random = Rng::with_seed(seed);
        let mut ranks: Vec<u32> = (0..distinct as u32).collect();
        random.shuffle(&mut ranks);
        let mut cumulative = Vec::with_capacity(distinct);
        let mut total = 0.0;
        for rank in 1..=distinct {
            total += (rank as f64).powf(-self.exponent);
            cumulative.push(total);
        }
        // Each exchange moves two ranks.
        let exchanges = self.drift.clamp(0.0, 1.0) * distinct as f64 / 2000.0;
        let mut due = 0.0;
        let mut drawn = Vec::with_capacity(requests);
        for _ in 0..requests {
            let at = random.f64() * total;
            let rank = cumulative.partition_point(|sum| *sum <= at).min(distinct - 1);
            drawn.push(ranks[rank]);
            due += exchanges;
            while due >= 1.0 {
                due -= 1.0;
                let (a, b) = (random.usize(..distinct), random.usize(..distinct));
                ranks.swap(a, b);
            }
        }
        drawn
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn counts(drawn: &[u32], distinct: usize) -> Vec<usize> {
        let mut counts = vec![0; distinct];
        for place in drawn {
            counts[*place as usize] += 1;
        }
        counts.sort_unstable_by(|a, b| b.cmp(a));
        counts
    }

    #[test]
    fn the_most_popular_request_is_drawn_as_often_as_zipf_says() {
        let popularity = Popularity { exponent: 1.0, drift: 0.0 };
        let drawn = popularity.draw(1000, 100_000, 7);
        let harmonic: f64 = (1..=1000).map(|rank| 1.0 / f64::from(rank)).sum();
        let counts = counts(&drawn, 1000);
        for rank in [1, 2, 10] {
            let expected = 100_000.0 / harmonic / rank as f64;
            let ratio = counts[rank - 1] as f64 / expected;
            assert!((0.85..1.15).contains(&ratio), "{rank}: {ratio}");
        }
    }

    #[test]
    fn a_seed_draws_the_same_and_another_does_not() {
        let draw = |seed| Popularity::default().draw(500, 1000, seed);
        assert_eq!(draw(1), draw(1));
        assert_ne!(draw(1), draw(2));
        assert!(Popularity::default().draw(0, 10, 1).is_empty());
    }

    #[test]
    fn drift_changes_what_is_popular() {
        let top = |drawn: &[u32]| {
            let mut counts = vec![0; 200];
            for place in drawn {
                counts[*place as usize] += 1;
            }
            (0..200).max_by_key(|place| counts[*place])
        };
        let drawn = Popularity { exponent: 1.2, drift: 1.0 }.draw(200, 40_000, 3);
        assert_ne!(top(&drawn[..2000]), top(&drawn[38_000..]));
        let still = Popularity { exponent: 1.2, drift: 0.0 }.draw(200, 40_000, 3);
        assert_eq!(top(&still[..2000]), top(&still[38_000..]));
    }
}
