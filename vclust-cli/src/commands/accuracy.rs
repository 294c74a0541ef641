//! `vclust accuracy`

use std::io::Write;
use std::path::Path;

use serde::Serialize;
use vclust_core::{Accuracy, History, OnError, compare_estimators};
use vclust_grid::{RootState, read_history};

use crate::arguments::{Accuracy as Arguments, Format};
use crate::failure::{Failure, causes};
use crate::load;

/// The JSON answer, a contract.
#[derive(Serialize)]
struct Answer {
    estimators: Vec<Accuracy>,
}

pub(crate) fn run(arguments: &Arguments, format: Format) -> Result<(), Failure> {
    let loaded = load::load(&arguments.source, &RootState::Empty)?;
    let on_error = if arguments.skip_bad_lines { OnError::Skip } else { OnError::Stop };
    let train = read(&arguments.train, on_error)?;
    let test = read(&arguments.test, on_error)?;
    let estimators = compare_estimators(&loaded.index, &train, &test);
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
    let (history, skipped) = read_history(path, on_error)?;
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
