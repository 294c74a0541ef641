//! `vclust cache gc`

use std::io::Write;
use std::time::Duration;

use serde::Serialize;
use vclust_core::Timestamp;
use vclust_debian::StateDirectory;
use vclust_grid::{CollectOptions, Collected, Held, Removal, Removed};

use super::answer::minute;
use super::repository;
use crate::arguments::{CollectImages, Format};
use crate::failure::Failure;
use crate::output::{bytes, counted};

/// The JSON answer, a contract.
#[derive(Serialize)]
struct Answer {
    dry_run: bool,
    removed: Vec<RemovedAnswer>,
    held: Vec<HeldAnswer>,
    dead_builds: usize,
    adopted: Vec<String>,
    dropped: Vec<String>,
    bytes_before: u64,
    bytes_after: u64,
    /// Whether the images keep to the budget now; null without one.
    within_budget: Option<bool>,
}

#[derive(Serialize)]
struct RemovedAnswer {
    id: String,
    bytes: u64,
    last_used: Timestamp,
    why: &'static str,
}

#[derive(Serialize)]
struct HeldAnswer {
    id: String,
    why: &'static str,
    by: Vec<String>,
}

const DAY: u64 = 24 * 60 * 60;

pub(super) fn run(arguments: &CollectImages, format: Format) -> Result<(), Failure> {
    crate::root::ensure_if_possible()?;
    let collected = match repository()? {
        Some(repository) => {
            let keep = arguments.keep.iter().map(|name| Ok(repository.get(name)?.id));
            let options = CollectOptions {
                budget: arguments.budget.map(vclust_core::ByteSize::bytes),
                unused_for: arguments.unused_for.map(|days| Duration::from_secs(days * DAY)),
                keep: keep.collect::<Result<_, Failure>>()?,
                dry_run: arguments.dry_run,
            };
            if !arguments.dry_run {
                crate::commands::doctor::sweep_kernels(&StateDirectory::locate()?)?;
            }
            repository.collect(&options)?
        }
        None => Collected::default(),
    };
    let within = arguments.budget.map(|budget| collected.bytes_after <= budget.bytes());
    let mut out = std::io::BufWriter::new(anstream::stdout().lock());
    match format {
        Format::Json => {
            let answer = answer(collected, arguments.dry_run, within);
            serde_json::to_writer(&mut out, &answer).map_err(std::io::Error::from)?;
            writeln!(out)?;
        }
        Format::Text => {
            text(&mut out, &collected, arguments.dry_run)?;
            if let (Some(false), Some(budget)) = (within, arguments.budget) {
                out.flush()?;
                let left = bytes(collected.bytes_after);
                anstream::eprintln!("hint: what is in use takes {left}, more than {budget}");
            }
        }
    }
    out.flush()?;
    Ok(())
}

fn answer(collected: Collected, dry_run: bool, within_budget: Option<bool>) -> Answer {
    let removed = |removed: Removed| RemovedAnswer {
        id: removed.id,
        bytes: removed.bytes,
        last_used: removed.last_used,
        why: why(removed.why),
    };
    let held = |(id, held): (String, Held)| {
        let (why, by) = match held {
            Held::Asked => ("keep", Vec::new()),
            Held::Leased => ("in use", Vec::new()),
            Held::Base(layers) => ("base", layers),
            Held::Holders(clusters) => ("cluster", clusters),
        };
        HeldAnswer { id, why, by }
    };
    Answer {
        dry_run,
        removed: collected.removed.into_iter().map(removed).collect(),
        held: collected.held.into_iter().map(held).collect(),
        dead_builds: collected.recovered.builds,
        adopted: collected.recovered.adopted,
        dropped: collected.recovered.dropped,
        bytes_before: collected.bytes_before,
        bytes_after: collected.bytes_after,
        within_budget,
    }
}

fn why(removal: Removal) -> &'static str {
    match removal {
        Removal::Budget => "budget",
        Removal::Age => "unused",
    }
}

fn text(out: &mut impl Write, collected: &Collected, dry_run: bool) -> std::io::Result<()> {
    let recovered = &collected.recovered;
    if recovered.builds > 0 {
        writeln!(out, "removed what {} left behind", counted(recovered.builds, "dead build"))?;
    }
    for id in &recovered.adopted {
        writeln!(out, "{id} was missing in the catalogue and is there again")?;
    }
    for id in &recovered.dropped {
        writeln!(out, "{id} had lost its files and is forgotten")?;
    }
    let verb = if dry_run { "would remove" } else { "removed" };
    for removed in &collected.removed {
        writeln!(
            out,
            "{verb} {}, {}, last used {} UTC ({})",
            removed.id,
            bytes(removed.bytes),
            minute(removed.last_used),
            why(removed.why)
        )?;
    }
    for (id, held) in &collected.held {
        let why = match held {
            Held::Asked => "was asked for".to_owned(),
            Held::Leased => "is in use".to_owned(),
            Held::Base(layers) => format!("is the base of {}", layers.join(", ")),
            Held::Holders(clusters) => format!("is what {} runs on", clusters.join(", ")),
        };
        writeln!(out, "kept {id}, which {why}")?;
    }
    let (before, after) = (bytes(collected.bytes_before), bytes(collected.bytes_after));
    writeln!(out, "{before} before, {after} {}", if dry_run { "then" } else { "now" })
}
