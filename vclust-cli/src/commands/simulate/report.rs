//! The answer of `vclust simulate`.

use std::io::Write;

use serde::Serialize;
use vclust_core::{Outcome, Strategy};

use super::workload::Drawn;
use crate::arguments::{Format, Simulate};
use crate::failure::Failure;
use crate::output::{bytes, counted};

/// The JSON answer, a contract.
#[derive(Serialize)]
pub(super) struct Answer {
    requests: usize,
    distinct_requests: usize,
    possible_requests: usize,
    failed_requests: usize,
    packages: usize,
    /// None of the three where requests were recorded and not drawn.
    seed: Option<u64>,
    popularity: Option<f64>,
    drift: Option<f64>,
    strategies: Vec<Strategy>,
    resolve_seconds: f64,
    simulations: Vec<Simulation>,
}

#[derive(Serialize)]
struct Simulation {
    nodes: u32,
    budget_bytes: u64,
    policies: Vec<Row>,
}

#[derive(Serialize)]
struct Row {
    #[serde(flatten)]
    timed: Timed,
    /// Against the best images that never change, found by someone who knows the trace.
    regret: Option<f64>,
    /// Against someone who knows each next period.
    regret_to_adapting: Option<f64>,
}

/// An outcome with the seconds that the replay took.
#[derive(Clone, Serialize)]
pub(super) struct Timed {
    #[serde(flatten)]
    pub(super) outcome: Outcome,
    pub(super) replay_seconds: f64,
}

/// The oracles of one setting.
pub(super) struct Oracles {
    pub(super) best_fixed: Timed,
    pub(super) best_adapting: Timed,
}

/// All policies in one setting.
pub(super) struct Run {
    pub(super) nodes: u32,
    pub(super) budget: u64,
    pub(super) outcomes: Vec<Timed>,
    pub(super) oracles: Option<Oracles>,
}

impl Answer {
    pub(super) fn new(
        arguments: &Simulate,
        drawn: &Drawn,
        strategies: &[Strategy],
        runs: Vec<Run>,
    ) -> Self {
        let chosen = arguments.requests.is_none();
        Self {
            requests: drawn.requests.len(),
            distinct_requests: drawn.workload.targets.len(),
            possible_requests: drawn.possible,
            failed_requests: drawn.failed,
            packages: drawn.workload.universe.len(),
            seed: chosen.then_some(arguments.seed),
            popularity: chosen.then_some(arguments.popularity),
            drift: chosen.then_some(arguments.drift),
            strategies: strategies.to_vec(),
            resolve_seconds: drawn.resolve_seconds,
            simulations: runs.into_iter().map(simulation).collect(),
        }
    }
}

fn simulation(run: Run) -> Simulation {
    let Run { nodes, budget, outcomes, oracles } = run;
    let row = |timed: Timed, oracles: Option<&Oracles>| Row {
        regret: oracles.map(|known| timed.outcome.regret(&known.best_fixed.outcome)),
        regret_to_adapting: oracles.map(|known| timed.outcome.regret(&known.best_adapting.outcome)),
        timed,
    };
    let mut policies: Vec<Row> =
        outcomes.into_iter().map(|timed| row(timed, oracles.as_ref())).collect();
    if let Some(known) = &oracles {
        policies.push(row(known.best_fixed.clone(), Some(known)));
        policies.push(row(known.best_adapting.clone(), Some(known)));
    }
    Simulation { nodes, budget_bytes: budget, policies }
}

pub(super) fn print(answer: &Answer, format: Format) -> Result<(), Failure> {
    let mut out = std::io::BufWriter::new(anstream::stdout().lock());
    match format {
        Format::Json => {
            serde_json::to_writer(&mut out, answer).map_err(std::io::Error::from)?;
            writeln!(out)?;
        }
        Format::Text => text(&mut out, answer)?,
    }
    out.flush()?;
    Ok(())
}

fn text(out: &mut impl Write, answer: &Answer) -> std::io::Result<()> {
    writeln!(
        out,
        "{} requests of {} distinct sets ({} possible), {} packages; resolved in {:.1} s",
        answer.requests,
        answer.distinct_requests,
        answer.possible_requests,
        answer.packages,
        answer.resolve_seconds
    )?;
    if answer.failed_requests > 0 {
        let failed = counted(answer.failed_requests, "request");
        writeln!(out, "{failed} left out that cannot be fulfilled")?;
    }
    for simulation in &answer.simulations {
        writeln!(
            out,
            "\n{} nodes, {} of images\n{:<27} {:>7} {:>7} {:>6} {:>6} {:>6} {:>6} {:>6} {:>9} {:>9} {:>6} {:>9} {:>7} {:>7}",
            simulation.nodes,
            bytes(simulation.budget_bytes),
            "policy",
            "mean s",
            "p95 s",
            "hit",
            "super",
            "part",
            "none",
            "layer",
            "stored",
            "moved",
            "built",
            "building",
            "regret",
            "replay"
        )?;
        for row in &simulation.policies {
            line(out, row)?;
        }
    }
    Ok(())
}

fn line(out: &mut impl Write, row: &Row) -> std::io::Result<()> {
    let outcome = &row.timed.outcome;
    let percent = |share: f64| format!("{:.1}%", 100.0 * share);
    #[expect(clippy::cast_sign_loss, reason = "a mean of sizes is positive")]
    let stored = outcome.mean_bytes_stored as u64;
    writeln!(
        out,
        "{:<27} {:>7.2} {:>7.2} {:>6} {:>6} {:>6} {:>6} {:>6} {:>9} {:>9} {:>6} {:>7.0} s {:>7} {:>5.1} s",
        outcome.policy,
        outcome.mean_seconds,
        outcome.p95_seconds,
        percent(outcome.hit),
        percent(outcome.superset),
        percent(outcome.partial),
        percent(outcome.minimal),
        percent(outcome.layered),
        bytes(stored),
        bytes(outcome.bytes_moved),
        outcome.images_built + outcome.layers_built,
        outcome.building_seconds,
        row.regret.map_or_else(|| "-".to_owned(), percent),
        row.timed.replay_seconds
    )
}
