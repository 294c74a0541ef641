//! `vclust history`

mod table;

use std::error::Error;
use std::fs::File;
use std::io::{self, BufReader, BufWriter, Read, Write};
use std::ops::ControlFlow;
use std::path::{Path, PathBuf};

use serde::Serialize;
use vclust_core::{Appended, Event, EventFilter, HistoryError, HistoryStore, OnError};
use vclust_debian::StateDirectory;
use vclust_grid::{HistoryDatabase, ImportError};

use crate::arguments::{Format, History, HistoryCommand};
use crate::failure::Failure;
use crate::output::counted;
use crate::{output_file, progress};

/// So many lines that are left out are told one by one.
const TOLD: usize = 20;

pub(crate) fn run(arguments: &History, format: Format) -> Result<(), Failure> {
    let state = StateDirectory::locate()?;
    match &arguments.command {
        HistoryCommand::Import { skip_bad_lines, files } => {
            let on_error = if *skip_bad_lines { OnError::Skip } else { OnError::Stop };
            import(&mut HistoryDatabase::open(&state)?, files, on_error, format)
        }
        HistoryCommand::Export { selection, output } => {
            let database = HistoryDatabase::open_existing(&state)?;
            let wanted = EventFilter::from(selection);
            let fill = |out: &mut dyn Write| export(database.as_ref(), &wanted, format, out);
            if let Some(path) = output {
                return output_file::write(path, fill);
            }
            let mut out = BufWriter::new(io::stdout().lock());
            fill(&mut out)?;
            Ok(out.flush()?)
        }
        HistoryCommand::List { selection, last } => {
            let database = HistoryDatabase::open_existing(&state)?;
            list(database.as_ref(), &EventFilter::from(selection), *last, format)
        }
    }
}

/// The JSON answer of an import, a contract.
#[derive(Serialize)]
struct Imported {
    #[serde(flatten)]
    appended: Appended,
    skipped: Vec<Skipped>,
    history: String,
}

#[derive(Serialize)]
struct Skipped {
    file: String,
    line: usize,
    error: String,
}

fn import(
    database: &mut HistoryDatabase,
    files: &[PathBuf],
    on_error: OnError,
    format: Format,
) -> Result<(), Failure> {
    let history = database.path().display().to_string();
    let bar = progress::reading(total_size(files));
    let mut import = database.import()?;
    let mut skipped = Vec::new();
    for path in files {
        let name = name_of(path);
        let reader = bar.wrap_read(open(path)?);
        let left_out = import
            .read(BufReader::with_capacity(1 << 16, reader), on_error)
            .map_err(|error| import_failure(path, &name, error))?;
        skipped.extend(left_out.into_iter().map(|HistoryError { line, rejection }| Skipped {
            file: name.clone(),
            line,
            error: reason(&rejection),
        }));
    }
    bar.set_message("recording");
    let appended = import.finish()?;
    bar.finish_and_clear();
    for Skipped { file, line, error } in skipped.iter().take(TOLD) {
        tracing::warn!("{file}: line {line} left out: {error}");
    }
    if skipped.len() > TOLD {
        tracing::warn!("{} more left out", counted(skipped.len() - TOLD, "line"));
    }
    let mut out = io::stdout().lock();
    match format {
        Format::Json => {
            let answer = Imported { appended, skipped, history };
            serde_json::to_writer(&mut out, &answer).map_err(io::Error::from)?;
            writeln!(out)?;
        }
        Format::Text => {
            write!(out, "{} new, {} there already", appended.new, appended.known)?;
            if !skipped.is_empty() {
                write!(out, ", {} left out", counted(skipped.len(), "line"))?;
            }
            writeln!(out)?;
        }
    }
    Ok(())
}

fn is_standard_input(path: &Path) -> bool {
    path.as_os_str() == "-"
}

fn name_of(path: &Path) -> String {
    if is_standard_input(path) { "standard input".to_owned() } else { path.display().to_string() }
}

fn open(path: &Path) -> Result<Box<dyn Read>, Failure> {
    if is_standard_input(path) {
        return Ok(Box::new(io::stdin().lock()));
    }
    let file = File::open(path);
    let file = file.map_err(|source| Failure::Read { path: path.to_owned(), source })?;
    Ok(Box::new(file))
}

/// Bytes of all files; `None` where one of them is a pipe.
fn total_size(files: &[PathBuf]) -> Option<u64> {
    let size = |path: &PathBuf| path.metadata().ok().filter(std::fs::Metadata::is_file);
    files.iter().map(|path| size(path).map(|file| file.len())).sum()
}

fn import_failure(path: &Path, name: &str, error: ImportError) -> Failure {
    match error {
        ImportError::Read(source) => Failure::Read { path: path.to_owned(), source },
        ImportError::Line(HistoryError { line, rejection }) => {
            Failure::ImportLine { file: name.to_owned(), line, reason: reason(&rejection) }
        }
        ImportError::Database(error) => error.into(),
        other => Failure::Read { path: path.to_owned(), source: std::io::Error::other(other) },
    }
}

/// An error with its causes in one line, each said once. An event is one line to its parser, too,
/// whose own line numbers say nothing.
fn reason(error: &dyn Error) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        let more = error.to_string();
        if !text.contains(&more) {
            text = format!("{text}: {more}");
        }
        cause = error.source();
    }
    text.replace(" at line 1 column ", " at column ")
}

fn export(
    database: Option<&HistoryDatabase>,
    wanted: &EventFilter,
    format: Format,
    out: &mut dyn Write,
) -> Result<(), Failure> {
    // The lines are in the database as they are exchanged.
    let (start, between, end) = match format {
        Format::Text => ("", "\n", "\n"),
        Format::Json => ("[", ",\n", "]\n"),
    };
    let mut result = out.write_all(start.as_bytes());
    let mut first = true;
    if let Some(database) = database {
        database.for_each_line(wanted, &mut |_, line| {
            if result.is_ok() && !first {
                result = out.write_all(between.as_bytes());
            }
            first = false;
            if result.is_ok() {
                result = out.write_all(line.as_bytes());
            }
            if result.is_ok() { ControlFlow::Continue(()) } else { ControlFlow::Break(()) }
        })?;
    }
    result?;
    if format == Format::Json || !first {
        out.write_all(end.as_bytes())?;
    }
    Ok(())
}

/// The JSON answer of a list, a contract.
#[derive(Serialize)]
struct Listed<'a> {
    /// Number of all events that were asked for, shown or not.
    total: u64,
    events: Vec<&'a Event>,
}

fn list(
    database: Option<&HistoryDatabase>,
    wanted: &EventFilter,
    last: usize,
    format: Format,
) -> Result<(), Failure> {
    let (total, recent) = match database {
        Some(database) => (database.count(wanted)?, database.recent(wanted, last)?),
        None => (0, Vec::new()),
    };
    let mut out = BufWriter::new(anstream::stdout().lock());
    match format {
        Format::Json => {
            let answer = Listed { total, events: recent.iter().map(|(_, event)| event).collect() };
            serde_json::to_writer(&mut out, &answer).map_err(io::Error::from)?;
            writeln!(out)?;
        }
        Format::Text => {
            table::write(&mut out, &recent)?;
            out.flush()?;
            match total - recent.len() as u64 {
                0 if total == 0 => anstream::eprintln!(
                    "no such events; builds record them, and `vclust history import` takes them in"
                ),
                0 => {}
                _ => anstream::eprintln!(
                    "hint: {} of {total} events; --last shows more, `vclust history export` all",
                    recent.len()
                ),
            }
        }
    }
    Ok(out.flush()?)
}
