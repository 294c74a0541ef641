//! `vclust plan`

use std::io::Write;

use serde::Serialize;
use vclust_core::{Candidate, ClusterSpec, Estimate};
use vclust_grid::{ClusterPlan, PlannedClosure, read_spec};

use crate::arguments::{Format, Plan};
use crate::commands::planning::{self, Inputs};
use crate::failure::Failure;
use crate::output::{bytes, counted};

/// The JSON answer, a contract.
#[derive(Serialize)]
struct Answer<'a> {
    spec: &'a ClusterSpec,
    closure: &'a PlannedClosure,
    candidates: &'a [Candidate],
    considered: usize,
    unusable: usize,
    chosen: &'a Candidate,
    why: Vec<String>,
}

pub(crate) fn run(arguments: &Plan, format: Format) -> Result<(), Failure> {
    let spec = read_spec(&arguments.spec)?;
    let inputs = Inputs {
        source: &arguments.source,
        meta_packages: &arguments.meta_packages,
        images: arguments.images.as_deref(),
        history: arguments.history.as_deref(),
        site: &arguments.site,
        kept: if format == Format::Json { usize::MAX } else { arguments.candidates },
    };
    let planned = planning::plan(spec, &inputs)?;
    let ClusterPlan { spec, closure, selection, .. } = &planned;

    let mut out = std::io::BufWriter::new(anstream::stdout().lock());
    match format {
        Format::Json => {
            let answer = Answer {
                spec,
                closure,
                candidates: &selection.candidates,
                considered: selection.considered,
                unusable: selection.unusable,
                chosen: selection.best(),
                why: selection.explanation(arguments.candidates),
            };
            serde_json::to_writer(&mut out, &answer).map_err(std::io::Error::from)?;
            writeln!(out)?;
        }
        Format::Text => {
            print(&mut out, &planned)?;
        }
    }
    out.flush()?;
    Ok(())
}

/// A plan for people: what is asked for, and the candidates.
pub(crate) fn print(out: &mut impl Write, planned: &ClusterPlan) -> std::io::Result<()> {
    let ClusterPlan { spec, closure, selection, .. } = planned;
    writeln!(
        out,
        "{}: {} of {}; {} beyond a minimal image, {} to download",
        spec.name,
        counted(spec.nodes as usize, "node"),
        spec.memory,
        counted(closure.install.len(), "package"),
        bytes(closure.download_bytes)
    )?;
    let bold = anstyle::Style::new().bold();
    let width = selection.candidates.iter().map(|one| root(one).len()).fold(24, usize::max);
    writeln!(
        out,
        "\n{bold}{:<width$} {:<9} {:>26} {:>9} {:>8}  phases (seconds){bold:#}",
        "image", "strategy", "seconds (90 % interval)", "size", "missing"
    )?;
    for candidate in &selection.candidates {
        let phases: Vec<String> = candidate
            .phases
            .iter()
            .filter(|part| part.estimate.seconds >= 0.05)
            .map(|part| format!("{} {:.1}", part.phase, part.estimate.seconds))
            .collect();
        let mark = if candidate.overlaps { " ~" } else { "" };
        writeln!(
            out,
            "{:<width$} {:<9} {:>26} {:>9} {:>8}  {}{mark}",
            root(candidate),
            candidate.strategy.name(),
            interval(candidate.total),
            bytes(candidate.bytes),
            candidate.missing,
            phases.join(", ")
        )?;
    }
    let best = selection.best();
    if best.layers.len() > NAMED {
        writeln!(out, "the first: {}", best.root())?;
    }
    if best.gap > 0.0 {
        let most = 100.0 * best.gap;
        writeln!(out, "other layers for its image might be faster, by {most:.1} % at most")?;
    }
    if selection.candidates.iter().any(|candidate| candidate.overlaps) {
        writeln!(out, "~ may turn out the faster: its interval overlaps the first one's")?;
    }
    let left = selection.considered - selection.candidates.len();
    if left > 0 {
        writeln!(out, "{} more, all slower", counted(left, "candidate"))?;
    }
    if selection.unusable > 0 {
        writeln!(out, "{} cannot be used for this request", counted(selection.unusable, "image"))?;
    }
    Ok(())
}

/// Layers that are named in a table; of more their number is told.
const NAMED: usize = 2;

fn root(candidate: &Candidate) -> String {
    if candidate.layers.len() > NAMED {
        format!("{} + {} layers", candidate.image, candidate.layers.len())
    } else {
        candidate.root()
    }
}

fn interval(estimate: Estimate) -> String {
    format!("{:.1} ({:.1} to {:.1})", estimate.seconds, estimate.low, estimate.high)
}
