//! Events as a table that people read.

use std::io::{self, Write};

use vclust_core::{Event, EventId};

use crate::output::bytes;

/// Writes a line for each event below a line of headings; nothing where there is no event.
pub(super) fn write(out: &mut impl Write, events: &[(EventId, Event)]) -> io::Result<()> {
    if events.is_empty() {
        return Ok(());
    }
    let rows: Vec<Row> = events.iter().map(|(_, event)| Row::of(event)).collect();
    let site = rows.iter().map(|row| row.site.chars().count()).max().unwrap_or(0).max(4);
    writeln!(
        out,
        "{:<27} {:<8} {:<site$} {:>7} {:>9}  what",
        "at", "kind", "site", "nodes", "seconds"
    )?;
    for (row, (_, event)) in rows.iter().zip(events) {
        writeln!(
            out,
            "{:<27} {:<8} {:<site$} {:>7} {:>9}  {}",
            event.at().to_string(),
            event.kind().name(),
            row.site,
            row.nodes,
            row.seconds.map(|seconds| format!("{seconds:.2}")).unwrap_or_default(),
            row.what
        )?;
    }
    Ok(())
}

/// What a line of the table shows besides time and kind.
struct Row {
    site: String,
    nodes: u32,
    seconds: Option<f64>,
    what: String,
}

impl Row {
    fn of(event: &Event) -> Self {
        let (nodes, seconds, what) = match event {
            Event::Request(event) => {
                (event.nodes, None, some_of(event.packages.iter().map(String::as_str)))
            }
            Event::Transfer(event) => (
                event.nodes,
                Some(event.seconds),
                format!("{} of {} by {}", bytes(event.bytes), event.image, event.method),
            ),
            Event::Install(event) => (
                event.nodes,
                Some(event.seconds),
                some_of(event.packages.iter().map(|package| package.package.as_str())),
            ),
            Event::Phase(event) => (
                event.nodes,
                Some(event.seconds),
                format!(
                    "{} of cluster {} by {}",
                    serde_json::to_value(event.phase)
                        .ok()
                        .and_then(|name| name.as_str().map(str::to_owned))
                        .unwrap_or_default(),
                    event.cluster,
                    event.strategy
                ),
            ),
            // of a kind that came later than this table
            _ => (0, None, String::new()),
        };
        Self { site: printable(event.site()), nodes, seconds, what: printable(&what) }
    }
}

/// The first names, and how many more there are.
fn some_of<'a>(names: impl ExactSizeIterator<Item = &'a str>) -> String {
    const SHOWN: usize = 4;
    let more = names.len().saturating_sub(SHOWN);
    let shown: Vec<&str> = names.take(SHOWN).collect();
    let shown = shown.join(", ");
    if more == 0 { shown } else { format!("{shown} and {more} more") }
}

/// Names come from anywhere, and must not move the cursor of a terminal.
fn printable(text: &str) -> String {
    text.chars().map(|letter| if letter.is_control() { '\u{fffd}' } else { letter }).collect()
}
