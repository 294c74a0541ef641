//! A line for each node that comes up: live on a terminal, plain elsewhere, JSON where that is asked for.

use std::collections::HashMap;
use std::io::{IsTerminal, Write};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use indicatif::{MultiProgress, ProgressBar, ProgressStyle};
use serde_json::json;
use vclust_core::DomainName;
use vclust_grid::{DeployEvent, NodeStage};

use crate::arguments::Format;

/// Most nodes that have a line of their own on a terminal; of more only the phase is shown.
const MOST_LINES: u32 = 24;

/// How the start of a cluster is shown, on stderr.
pub(crate) struct NodeLines {
    how: How,
    lines: MultiProgress,
    nodes: Mutex<HashMap<DomainName, ProgressBar>>,
    own_lines: bool,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum How {
    Live,
    Plain,
    Json,
}

impl NodeLines {
    pub(crate) fn new(format: Format, nodes: u32) -> Self {
        let how = match format {
            Format::Json => How::Json,
            Format::Text if std::io::stderr().is_terminal() => How::Live,
            Format::Text => How::Plain,
        };
        let (lines, nodes, own_lines) =
            (MultiProgress::new(), Mutex::default(), nodes <= MOST_LINES);
        Self { how, lines, nodes, own_lines }
    }

    /// Takes one event.
    pub(crate) fn report(&self, event: &DeployEvent) {
        match self.how {
            How::Json => say(&json_line(event)),
            How::Plain => {
                if let Some(line) = plain_line(event) {
                    say(&line);
                }
            }
            How::Live => self.live(event),
        }
    }

    fn live(&self, event: &DeployEvent) {
        match event {
            DeployEvent::Node { node, stage, seconds } if self.own_lines => {
                let mut nodes = self.nodes.lock().unwrap_or_else(PoisonError::into_inner);
                let line = nodes.entry(node.clone()).or_insert_with(|| {
                    let style = ProgressStyle::with_template("{prefix:>20} {spinner} {msg}")
                        .unwrap_or_else(|_| ProgressStyle::default_spinner());
                    let line = self.lines.add(ProgressBar::new_spinner().with_style(style));
                    line.set_prefix(node.to_string());
                    line.enable_steady_tick(Duration::from_millis(200));
                    line
                });
                let text = format!("{:<12} {seconds:>6.1} s{}", stage.name(), reason(stage));
                match stage {
                    NodeStage::Ready | NodeStage::Failed { .. } => line.finish_with_message(text),
                    _ => line.set_message(text),
                }
            }
            DeployEvent::Node { .. } => {}
            _ => {
                if let Some(text) = plain_line(event) {
                    let _ = self.lines.println(text);
                }
            }
        }
    }

    /// Removes the lines.
    pub(crate) fn clear(&self) {
        for line in self.nodes.lock().unwrap_or_else(PoisonError::into_inner).values() {
            line.finish_and_clear();
        }
        let _ = self.lines.clear();
    }
}

fn say(line: &str) {
    // whoever closed standard error does not want to read it
    let _ = writeln!(std::io::stderr().lock(), "{line}");
}

fn reason(stage: &NodeStage) -> String {
    match stage {
        NodeStage::Retrying { reason } | NodeStage::Failed { reason } => format!("  {reason}"),
        NodeStage::Step { seconds, .. } => format!("  (took {seconds:.2} s)"),
        _ => String::new(),
    }
}

fn plain_line(event: &DeployEvent) -> Option<String> {
    match event {
        DeployEvent::Ended { phase, seconds } => Some(format!("{phase:<10} {seconds:>7.2} s")),
        DeployEvent::Node { node, stage, seconds } => match stage {
            NodeStage::Step { .. } | NodeStage::Starting | NodeStage::Agent => None,
            stage => {
                Some(format!("{node}: {} after {seconds:.2} s{}", stage.name(), reason(stage)))
            }
        },
        DeployEvent::Notice { text } => Some(text.clone()),
        _ => None,
    }
}

fn json_line(event: &DeployEvent) -> String {
    let value = match event {
        DeployEvent::Began { phase } => json!({"event": "began", "phase": phase.name()}),
        DeployEvent::Ended { phase, seconds } => {
            json!({"event": "ended", "phase": phase.name(), "seconds": seconds})
        }
        DeployEvent::Node { node, stage, seconds } => {
            let mut line = json!({
                "event": "node", "node": node.as_str(), "stage": stage.name(), "seconds": seconds
            });
            match stage {
                NodeStage::Step { seconds, .. } => line["took"] = json!(seconds),
                NodeStage::Retrying { reason } | NodeStage::Failed { reason } => {
                    line["reason"] = json!(reason);
                }
                _ => {}
            }
            line
        }
        DeployEvent::Notice { text } => json!({"event": "notice", "text": text}),
        _ => json!({"event": "other"}),
    };
    value.to_string()
}
