//! The install runs of our own machine, to which the shipped priors are fitted.

use std::io::Read;

use flate2::read::GzDecoder;
use serde::Deserialize;
use vclust_core::{FittedPriors, Index, InstallEvent};

/// The runs: see `benches/data/README.md`.
const OWN_INSTALLS: &[u8] = include_bytes!("../data/own-installs.jsonl.gz");

/// A run, and whether the machine did little else.
#[derive(Deserialize)]
struct Line {
    quiet: bool,
    #[serde(flatten)]
    event: InstallEvent,
}

/// Fits the priors to the runs of our own machine.
///
/// # Panics
///
/// If the data that is part of this crate is damaged.
#[must_use]
pub fn own_priors(index: &Index) -> FittedPriors {
    let mut text = String::new();
    GzDecoder::new(OWN_INSTALLS).read_to_string(&mut text).expect("readable runs");
    let lines = text.lines().map(|line| serde_json::from_str(line).expect("a run"));
    let (quiet, loaded): (Vec<Line>, Vec<Line>) = lines.partition(|line: &Line| line.quiet);
    FittedPriors::fit(
        index,
        &quiet.iter().map(|line| &line.event).collect::<Vec<_>>(),
        &loaded.iter().map(|line| &line.event).collect::<Vec<_>>(),
    )
}
