//! `vclust accuracy`

use std::io::Write;
use std::path::Path;

use serde::Serialize;
use vclust_core::{
    Accuracy, BlendedTransfer, ContentionTransfer, Estimator, History, InstallEstimator,
    InstallEvent, InstallLine, InstallTask, MeanTransfer, OnError, PhaseEstimator, PhaseTask,
    Priors, TransferTask,
};

use crate::arguments::{Accuracy as Arguments, Format};
use crate::failure::{Failure, causes};
use crate::load::{self, Installed};

/// The JSON answer, a contract.
#[derive(Serialize)]
struct Answer {
    estimators: Vec<Accuracy>,
}

pub(crate) fn run(arguments: &Arguments, format: Format) -> Result<(), Failure> {
    let loaded = load::load(&arguments.source, &Installed::Nothing)?;
    let on_error = if arguments.skip_bad_lines { OnError::Skip } else { OnError::Stop };
    let train = read(&arguments.train, on_error)?;
    let test = read(&arguments.test, on_error)?;
    // nodes have a speed of their own, which is learned apart
    let native = |event: &&InstallEvent| event.hypervisor.is_none();
    let installs: Vec<&InstallEvent> = train.installs().filter(native).collect();
    let tasks: Vec<_> = test
        .installs()
        .filter(native)
        .map(|event| (InstallTask::from(event), event.seconds))
        .collect();
    let mut line = InstallLine::new(&loaded.index);
    let mut packages = InstallEstimator::new(&loaded.index, Priors::shipped());
    line.learn(&installs);
    packages.learn(&installs);
    let past_transfers: Vec<_> = train.transfers().collect();
    let mut mean = MeanTransfer::default();
    mean.learn(&past_transfers);
    let mut contention = ContentionTransfer::default();
    contention.learn(&past_transfers);
    let mut blended = BlendedTransfer::default();
    blended.learn(&past_transfers);
    let mut phases = PhaseEstimator::default();
    phases.learn(&train.phases().collect::<Vec<_>>());
    // A relative error needs a measured time to relate to.
    let measured_phases = test.phases().filter(|event| event.seconds > 0.0);
    let phase_tasks: Vec<_> =
        measured_phases.map(|event| (PhaseTask::from(event), event.seconds)).collect();
    let transfers: Vec<_> =
        test.transfers().map(|event| (TransferTask::from(event), event.seconds)).collect();
    let mut estimators = vec![
        Accuracy::of_estimator(&line, &tasks),
        Accuracy::of_estimator(&packages, &tasks),
        Accuracy::of_estimator(&mean, &transfers),
        Accuracy::of_estimator(&contention, &transfers),
        Accuracy::of_estimator(&blended, &transfers),
        Accuracy::of_estimator(&phases, &phase_tasks),
    ];
    estimators.retain(|row| row.n + row.unanswered > 0);
    let mut out = std::io::BufWriter::new(anstream::stdout().lock());
    match format {
        Format::Json => {
            serde_json::to_writer(&mut out, &Answer { estimators })
                .map_err(std::io::Error::from)?;
            writeln!(out)?;
        }
        Format::Text => print(&mut out, &estimators)?,
    }
    out.flush()?;
    Ok(())
}

/// Reads a history; lines that are left out are told on stderr.
pub(crate) fn read(path: &Path, on_error: OnError) -> Result<History, Failure> {
    let text =
        std::fs::read(path).map_err(|source| Failure::Read { path: path.to_owned(), source })?;
    let (history, skipped) = History::parse(&text, on_error)
        .map_err(|source| Failure::History { path: path.to_owned(), source })?;
    for error in skipped {
        tracing::warn!("{}: {error} left out: {}", path.display(), causes(&error).join(": "));
    }
    Ok(history)
}

fn print(out: &mut impl Write, estimators: &[Accuracy]) -> std::io::Result<()> {
    writeln!(
        out,
        "{:<30} {:>6} {:>11} {:>8} {:>8} {:>8} {:>8}",
        "estimator", "n", "unanswered", "median", "p90", "max", "covered"
    )?;
    let percent = |share: f64| format!("{:.1} %", 100.0 * share);
    for row in estimators {
        writeln!(
            out,
            "{:<30} {:>6} {:>11} {:>8} {:>8} {:>8} {:>8}",
            row.estimator,
            row.n,
            row.unanswered,
            percent(row.median),
            percent(row.p90),
            percent(row.max),
            percent(row.covered)
        )?;
    }
    Ok(())
}
