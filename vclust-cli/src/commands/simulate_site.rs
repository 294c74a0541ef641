//! `vclust simulate-site`

use std::io::Write;
use std::path::{Path, PathBuf};

use clap::{Args, ValueEnum, ValueHint};
use serde::Serialize;
use vclust_core::{
    CalibrationRow, Observation, OnError, Phase, SiteDescription, SiteRun, SiteTask, Software,
    TransferMethod,
};

use super::accuracy;
use crate::arguments::{Format, StrategyName};
use crate::failure::Failure;

pub(crate) const EXAMPLES: &str = "\
A site is one of those that vclust ships, or a TOML file:
  paper           the paper's: gigabit Ethernet, a node on each host; fitted to the paper's tables
  laboratory      one machine of two cores that runs all nodes in software emulation
  paper-hardware  the paper's before it was fitted to anything

To describe your own, start from a shipped one, edit it, and fit it to what your site measured:
  vclust simulate-site --site paper --describe > mine.toml
  vclust simulate-site --site mine.toml --history history.jsonl --describe > fitted.toml
A fit uses transfers, installs, boots, reboots and clones; what they say nothing of stays as described.
Of a history of several sites, it uses the events whose site has the description's name.

Without the options for software, nodes get what the paper's configuration 1 is: 47 packages of
18.0 MB (C/C++ and MPI) on an image of 46.0 MB.

Examples:
  vclust simulate-site --nodes 16,190,1000
  vclust simulate-site --strategy install --transfer chain --image-bytes 61300000 --packages 0
  vclust --format json simulate-site --site mine.toml --nodes 10000 --seed 7";

#[derive(Debug, Args)]
pub(crate) struct Arguments {
    /// A shipped site (paper, laboratory, paper-hardware) or a TOML file that describes one.
    #[arg(long, value_name = "SITE", default_value = "paper", value_hint = ValueHint::FilePath)]
    site: String,

    /// Fit the site to this history first, and show how well it fits: JSON lines.
    #[arg(long, value_name = "H.jsonl", value_hint = ValueHint::FilePath)]
    history: Option<PathBuf>,

    /// Leave out lines of the history that hold no possible event, telling which.
    #[arg(long, requires = "history")]
    skip_bad_lines: bool,

    /// Numbers of nodes, with commas between them.
    #[arg(
        long,
        value_name = "N,...",
        value_delimiter = ',',
        default_value = "4,8,16,190,1000",
        value_parser = clap::value_parser!(u32).range(1..=100_000)
    )]
    nodes: Vec<u32>,

    /// How nodes get their root; can be given several times [default: all].
    #[arg(long, value_enum, value_delimiter = ',')]
    strategy: Vec<StrategyName>,

    /// How images get to the hosts; can be given several times [default: all].
    #[arg(long, value_enum, value_delimiter = ',')]
    transfer: Vec<Transfer>,

    /// Size of the image, compressed as it travels.
    #[arg(long, value_name = "B", default_value_t = 46_000_000)]
    image_bytes: u64,

    /// Number of packages that the image lacks.
    #[arg(long, value_name = "N", default_value_t = 47)]
    packages: u32,

    /// Size of their .debs [default: the paper's mean, 383 kB for each].
    #[arg(long, value_name = "B")]
    packages_bytes: Option<u64>,

    /// Seconds that one node alone installs them [default: what the site says for so many].
    #[arg(long, value_name = "S", value_parser = seconds)]
    install_seconds: Option<f64>,

    /// Draws how nodes differ from each other; the same seed gives the same answer.
    #[arg(long, value_name = "SEED", default_value_t = 1)]
    seed: u64,

    /// Print the site's description, fitted where a history is given, instead of simulating.
    #[arg(long)]
    describe: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Transfer {
    /// The head node sends a copy to each.
    SharedServer,
    /// Pieces pass from host to host.
    Chain,
    /// Whole images pass from each host to several.
    Tree,
}

/// The JSON answer, a contract.
#[derive(Serialize)]
struct Answer<'a> {
    site: &'a SiteDescription,
    #[serde(skip_serializing_if = "Option::is_none")]
    calibration: Option<Vec<CalibrationRow>>,
    runs: Vec<SiteRun>,
}

fn seconds(text: &str) -> Result<f64, String> {
    match text.parse::<f64>() {
        Ok(value) if value >= 0.0 && value.is_finite() => Ok(value),
        _ => Err("not a number of seconds".to_owned()),
    }
}

pub(crate) fn run(arguments: &Arguments, format: Format) -> Result<(), Failure> {
    let mut site = described(&arguments.site)?;
    let mut calibration = None;
    if let Some(path) = &arguments.history {
        let on_error = if arguments.skip_bad_lines { OnError::Skip } else { OnError::Stop };
        let history = accuracy::read(path, on_error)?;
        let observations = Observation::of_history(&history, &site.name);
        let fitted = site.calibrate(&observations).map_err(|source| Failure::Site {
            what: format!("{} with {}", arguments.site, path.display()),
            source,
        })?;
        site = fitted.site;
        calibration = Some(fitted.rows);
    }
    let runs = if arguments.describe { Vec::new() } else { simulate(&site, arguments)? };
    let mut out = std::io::BufWriter::new(anstream::stdout().lock());
    match format {
        Format::Json => {
            let answer = Answer { site: &site, calibration, runs };
            serde_json::to_writer(&mut out, &answer).map_err(std::io::Error::from)?;
            writeln!(out)?;
        }
        Format::Text if arguments.describe => write!(out, "{}", site.to_toml())?,
        Format::Text => {
            if let Some(rows) = calibration {
                print_calibration(&mut out, &rows)?;
            }
            print(&mut out, &runs)?;
        }
    }
    out.flush()?;
    Ok(())
}

/// The site of that name or in that file.
fn described(name: &str) -> Result<SiteDescription, Failure> {
    if let Some(site) = SiteDescription::named(name) {
        return Ok(site);
    }
    let path = Path::new(name);
    let text = std::fs::read_to_string(path)
        .map_err(|source| Failure::SiteFile { path: path.to_owned(), source })?;
    SiteDescription::from_toml(&text)
        .map_err(|source| Failure::Site { what: name.to_owned(), source })
}

fn simulate(site: &SiteDescription, arguments: &Arguments) -> Result<Vec<SiteRun>, Failure> {
    let strategies = some_or_all(&arguments.strategy, StrategyName::value_variants());
    let transfers = some_or_all(&arguments.transfer, Transfer::value_variants());
    let paper = Software::paper();
    let packages_bytes = arguments.packages_bytes.unwrap_or_else(|| {
        paper.packages_bytes * u64::from(arguments.packages) / u64::from(paper.packages)
    });
    let software = Software {
        image_bytes: arguments.image_bytes,
        packages: arguments.packages,
        packages_bytes,
        install_seconds: arguments.install_seconds,
    };
    let mut runs = Vec::new();
    for nodes in &arguments.nodes {
        for strategy in strategies {
            for transfer in transfers {
                let task = SiteTask {
                    strategy: strategy.strategy(),
                    transfer: (*transfer).into(),
                    nodes: *nodes,
                    software: software.clone(),
                    seed: arguments.seed,
                };
                let run = site.simulate(&task);
                runs.push(
                    run.map_err(|source| Failure::Site { what: arguments.site.clone(), source })?,
                );
            }
        }
    }
    Ok(runs)
}

fn some_or_all<'a, T>(some: &'a [T], all: &'a [T]) -> &'a [T] {
    if some.is_empty() { all } else { some }
}

impl From<Transfer> for TransferMethod {
    fn from(transfer: Transfer) -> Self {
        match transfer {
            Transfer::SharedServer => Self::SharedServer,
            Transfer::Chain => Self::Chain,
            Transfer::Tree => Self::Tree,
        }
    }
}

fn print_calibration(out: &mut impl Write, rows: &[CalibrationRow]) -> std::io::Result<()> {
    writeln!(
        out,
        "{:<40} {:>6} {:>10} {:>10} {:>8}",
        "fit", "nodes", "measured", "simulated", "off"
    )?;
    for row in rows {
        writeln!(
            out,
            "{:<40} {:>6} {:>8.2} s {:>8.2} s {:>+6.1} %",
            row.what,
            row.nodes,
            row.measured_seconds,
            row.simulated_seconds,
            100.0 * row.error
        )?;
    }
    writeln!(out)
}

/// Phases that have a column: when the last node or host was through.
const COLUMNS: [(Phase, &str); 6] = [
    (Phase::Layer, "layer"),
    (Phase::Boot, "boot"),
    (Phase::Transfer, "transfer"),
    (Phase::Install, "install"),
    (Phase::Reboot, "reboot"),
    (Phase::Ready, "ready"),
];

fn print(out: &mut impl Write, runs: &[SiteRun]) -> std::io::Result<()> {
    writeln!(out, "Seconds from the request until the last was through:")?;
    write!(out, "{:>7} {:<8} {:<13}", "nodes", "strategy", "transfer")?;
    for (_, name) in COLUMNS {
        write!(out, " {name:>8}")?;
    }
    writeln!(out, "  most of it for")?;
    for run in runs {
        write!(out, "{:>7} {:<8} {:<13}", run.nodes, run.strategy, run.transfer)?;
        for (phase, _) in COLUMNS {
            match run.phases.iter().find(|times| times.phase == phase) {
                Some(times) => write!(out, " {:>8.1}", times.last_seconds)?,
                None => write!(out, " {:>8}", "-")?,
            }
        }
        writeln!(out, "  {}", run.bottleneck)?;
    }
    Ok(())
}
