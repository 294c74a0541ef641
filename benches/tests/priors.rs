//! The priors that are shipped are those that the project's own program fits.

use std::collections::BTreeMap;
use std::io::Read;

use flate2::read::GzDecoder;
use vclust_benches::{Recorded, own_priors};

const COEFFICIENTS: &str = include_str!("../../vclust-core/data/estimates/coefficients.tsv");
const MEASURED: &[u8] = include_bytes!("../../vclust-core/data/estimates/measured.tsv.gz");

/// The numbers of each line by its first field.
fn table(text: &str) -> BTreeMap<&str, Vec<f64>> {
    let lines = text.lines().filter_map(|line| line.split_once('\t'));
    let numbers =
        |fields: &str| fields.split('\t').filter_map(|field| field.parse().ok()).collect();
    lines.map(|(name, fields)| (name, numbers(fields))).collect()
}

/// Whether two numbers are the same but for what another machine's arithmetic may change.
fn same(a: f64, b: f64) -> bool {
    (a - b).abs() <= 0.01 * a.abs().max(b.abs()) + 2e-5
}

#[test]
fn the_shipped_priors_are_those_that_our_runs_give() {
    let fitted = own_priors(&Recorded::read().index);
    let mut measured = String::new();
    GzDecoder::new(MEASURED).read_to_string(&mut measured).expect("a readable table");
    for (shipped, fitted) in [(COEFFICIENTS, &fitted.coefficients), (&measured, &fitted.measured)] {
        let (shipped, fitted) = (table(shipped), table(fitted));
        assert!(shipped.len() >= 5);
        assert_eq!(shipped.keys().collect::<Vec<_>>(), fitted.keys().collect::<Vec<_>>());
        for (name, numbers) in &shipped {
            let others = &fitted[name];
            assert_eq!(numbers.len(), others.len(), "{name}");
            for (number, other) in numbers.iter().zip(others) {
                assert!(same(*number, *other), "{name}: {numbers:?} {others:?}; run `make priors`");
            }
        }
    }
}
