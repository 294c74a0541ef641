//! The arguments of `vclust history`.

use std::path::PathBuf;

use clap::{Args, Subcommand, ValueEnum, ValueHint};
use vclust_core::{EventFilter, EventKind, Timestamp};

pub(super) const EXAMPLES: &str = "\
Events are JSON lines, one event each, sizes in bytes and times in seconds:
  {\"event\":\"request\",\"at\":\"2026-11-23T02:30:00Z\",\"site\":\"here\",\"nodes\":4,\"packages\":[\"gcc\"]}
  {\"event\":\"transfer\",\"at\":\"2026-11-23T02:30:01Z\",\"site\":\"here\",\"image\":\"minimal\",\"bytes\":46000000,
   \"nodes\":4,\"method\":\"nfs\",\"seconds\":6.52}     (on one line)

Examples:
  vclust history import measured.jsonl            take events in; those that are there count once
  ssh other vclust history export | vclust history import -
  vclust history export --kind install -o installs.jsonl
  vclust history list --last 50                   the latest events, for people";

#[derive(Debug, Args)]
#[command(arg_required_else_help = true)]
pub(crate) struct History {
    #[command(subcommand)]
    pub(crate) command: HistoryCommand,
}

#[derive(Debug, Subcommand)]
pub(crate) enum HistoryCommand {
    /// Take events in from JSON lines.
    ///
    /// All or nothing: a line that holds no possible event is named, and no event of any file is
    /// taken. Events that are there already are counted and not taken again, so that importing
    /// twice does no harm. Other commands record and read meanwhile.
    ///
    /// For example: vclust history import monday.jsonl tuesday.jsonl
    Import {
        /// Leave out lines that hold no possible event, telling which, instead of giving up.
        #[arg(long)]
        skip_bad_lines: bool,
        /// Files of JSON lines; - is standard input.
        #[arg(required = true, value_name = "FILE", value_hint = ValueHint::FilePath)]
        files: Vec<PathBuf>,
    },
    /// Print events as JSON lines, in the order in which they were recorded.
    ///
    /// What is printed can be imported elsewhere, and gives the same history there. With
    /// --format json it is one JSON array.
    ///
    /// For example: vclust history export --kind transfer --since 2026-11-01T00:00:00Z
    Export {
        #[command(flatten)]
        selection: EventSelection,
        /// Write to this file, which is replaced when all is written, instead of printing.
        #[arg(short, long, value_name = "FILE", value_hint = ValueHint::FilePath)]
        output: Option<PathBuf>,
    },
    /// Show the latest events, in the order in which they happened.
    ///
    /// For example: vclust history list --kind request --last 5
    List {
        #[command(flatten)]
        selection: EventSelection,
        /// So many events.
        #[arg(long, value_name = "N", default_value_t = 20)]
        last: usize,
    },
}

/// Which events are wanted.
#[derive(Debug, Args)]
pub(crate) struct EventSelection {
    /// Only events of this kind.
    #[arg(long, value_enum, value_name = "K")]
    kind: Option<Kind>,

    /// Only events of this moment and later, such as 2026-11-23T02:30:00Z.
    #[arg(long, value_name = "RFC3339")]
    since: Option<Timestamp>,

    /// Only events of this site.
    #[arg(long, value_name = "S")]
    site: Option<String>,
}

impl From<&EventSelection> for EventFilter {
    fn from(selection: &EventSelection) -> Self {
        Self {
            kind: selection.kind.map(|kind| match kind {
                Kind::Request => EventKind::Request,
                Kind::Transfer => EventKind::Transfer,
                Kind::Install => EventKind::Install,
                Kind::Phase => EventKind::Phase,
            }),
            since: selection.since,
            site: selection.site.clone(),
            ..Self::default()
        }
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Kind {
    /// What users asked for.
    Request,
    /// Images that went to nodes.
    Transfer,
    /// Packages that were installed.
    Install,
    /// Other phases of builds.
    Phase,
}
