//! `vclust ps`, `ssh`, `logs` and `down`: what there is after `vclust up`.

use std::io::Write;

use serde::Serialize;
use vclust_core::DomainName;
use vclust_debian::{ClusterNetwork, StateDirectory};
use vclust_grid::{
    Backend, ClusterRecord, ClusterStore, NodeRecord, NodeState, PhaseRecord, console_of,
    problems_of, states_of,
};

use crate::arguments::{Down, Format, Logs, NodeName, Ps, Ssh};
use crate::commands::up::{clean_up, end_abandoned};
use crate::failure::Failure;
use crate::output::counted;
use crate::{interrupt, root};

/// A cluster in JSON, a contract.
#[derive(Serialize)]
pub(crate) struct ClusterAnswer {
    name: String,
    state: &'static str,
    strategy: String,
    created: String,
    user: String,
    images: Vec<String>,
    nodes: Vec<NodeAnswer>,
    phases: Vec<PhaseRecord>,
    /// What it lacks beside nodes, in words.
    problems: Vec<String>,
}

#[derive(Serialize)]
pub(crate) struct NodeAnswer {
    name: String,
    address: String,
    mac: String,
    state: String,
    ready_seconds: Option<f64>,
}

impl ClusterAnswer {
    pub(crate) fn of(record: &ClusterRecord) -> Self {
        let node = |node: &NodeRecord| NodeAnswer {
            name: node.name.to_string(),
            address: node.address.to_string(),
            mac: node.mac.to_string(),
            state: state_name(node).to_owned(),
            ready_seconds: node.ready_seconds,
        };
        Self {
            name: record.name.to_string(),
            state: record.state.name(),
            strategy: record.strategy.name().to_owned(),
            created: record.created.to_string(),
            user: record.user.clone(),
            images: record.images.clone(),
            nodes: record.nodes.iter().map(node).collect(),
            phases: record.phases.clone(),
            problems: problems_of(record),
        }
    }
}

fn state_name(node: &NodeRecord) -> &'static str {
    match node.state {
        NodeState::Starting => "starting",
        NodeState::Ready => "ready",
        NodeState::Failed => "failed",
    }
}

/// The phases of a start, predicted and measured.
pub(crate) fn print_phases(out: &mut impl Write, record: &ClusterRecord) -> std::io::Result<()> {
    let bold = anstyle::Style::new().bold();
    writeln!(out, "{bold}{:<10} {:>11} {:>11}{bold:#}", "phase", "predicted", "measured")?;
    let number = |seconds: Option<f64>| match seconds {
        Some(seconds) => format!("{seconds:.2} s"),
        None => "-".to_owned(),
    };
    let mut sums = (0.0, 0.0);
    for phase in &record.phases {
        let (predicted, measured) = (phase.predicted_seconds, phase.measured_seconds);
        sums.0 += predicted.unwrap_or(0.0);
        sums.1 += measured.unwrap_or(0.0);
        writeln!(out, "{:<10} {:>11} {:>11}", phase.phase, number(predicted), number(measured))?;
    }
    writeln!(out, "{:<10} {:>11} {:>11}", "all", number(Some(sums.0)), number(Some(sums.1)))
}

/// The nodes of a cluster.
pub(crate) fn print_nodes(out: &mut impl Write, record: &ClusterRecord) -> std::io::Result<()> {
    let bold = anstyle::Style::new().bold();
    let width = record.nodes.iter().map(|node| node.name.as_str().len()).fold(4, usize::max);
    writeln!(
        out,
        "{bold}{:<width$} {:<15} {:<9} {:>9}{bold:#}",
        "node", "address", "state", "ready"
    )?;
    for node in &record.nodes {
        let seconds = node.ready_seconds.map(|seconds| format!("{seconds:.2} s"));
        writeln!(
            out,
            "{:<width$} {:<15} {:<9} {:>9}",
            node.name.as_str(),
            node.address.to_string(),
            state_name(node),
            seconds.unwrap_or_else(|| "-".to_owned())
        )?;
    }
    Ok(())
}

pub(crate) fn ps(arguments: &Ps, format: Format) -> Result<(), Failure> {
    root::ensure_if_possible()?;
    let state = StateDirectory::locate()?;
    let store = ClusterStore::open(&state)?;
    let mut records = Vec::new();
    if arguments.clusters.is_empty() {
        records = store.list()?;
    } else {
        for name in &arguments.clusters {
            records.push(store.get(name)?);
        }
    }
    for record in &mut records {
        let backend = Backend::new(record.spec.deploy.hypervisor, state.path())?;
        states_of(&store, &backend, record)?;
    }
    let mut out = std::io::BufWriter::new(anstream::stdout().lock());
    match format {
        Format::Json => {
            let clusters: Vec<_> = records.iter().map(ClusterAnswer::of).collect();
            let answer = serde_json::json!({ "clusters": clusters });
            serde_json::to_writer(&mut out, &answer).map_err(std::io::Error::from)?;
            writeln!(out)?;
        }
        Format::Text if arguments.clusters.is_empty() => {
            let bold = anstyle::Style::new().bold();
            writeln!(
                out,
                "{bold}{:<20} {:<9} {:<9} {:>11} created{bold:#}",
                "cluster", "state", "strategy", "nodes ready"
            )?;
            for record in &records {
                let ready =
                    record.nodes.iter().filter(|node| node.state == NodeState::Ready).count();
                writeln!(
                    out,
                    "{:<20} {:<9} {:<9} {:>11} {}",
                    record.name.as_str(),
                    record.state.name(),
                    record.strategy,
                    format!("{ready}/{}", record.nodes.len()),
                    record.created
                )?;
            }
        }
        Format::Text => {
            for record in &records {
                writeln!(out, "{}: {} by {}", record.name, record.state.name(), record.strategy)?;
                print_nodes(&mut out, record)?;
                for problem in problems_of(record) {
                    writeln!(out, "problem: {problem}")?;
                }
            }
        }
    }
    Ok(out.flush()?)
}

/// A node of a cluster that is there.
fn find(store: &ClusterStore, name: &NodeName) -> Result<(ClusterRecord, NodeRecord), Failure> {
    let record = store.get(&name.cluster)?;
    let node = record.nodes.iter().find(|node| node.name.as_str() == name.node).cloned();
    if let Some(node) = node {
        Ok((record, node))
    } else {
        let (node, cluster) = (name.node.clone(), name.cluster.to_string());
        let known = counted(record.nodes.len(), "node");
        Err(Failure::NoNode { node, cluster, known })
    }
}

pub(crate) fn ssh(arguments: &Ssh, format: Format) -> u8 {
    let login = || -> Result<i32, Failure> {
        root::ensure()?;
        let store = ClusterStore::open(&StateDirectory::locate()?)?;
        let (record, node) = find(&store, &arguments.node)?;
        let holder = record.network.ok_or_else(|| Failure::NoNetwork(record.name.clone()))?;
        let network = ClusterNetwork::find(holder)?;
        let directory = store.path_of(&record.name);
        let user = arguments.node.user.as_deref().unwrap_or(&record.user);
        let status = network.ssh(
            user,
            node.address,
            &directory.join("id_ed25519"),
            &directory.join("known_hosts"),
            &arguments.command,
        )?;
        Ok(status.code().unwrap_or(255))
    };
    match login() {
        // what ran there decides about the exit code, as with ssh itself
        Ok(code) => u8::try_from(code).unwrap_or(255),
        Err(failure) => failure.report(format),
    }
}

pub(crate) fn logs(arguments: &Logs, format: Format) -> Result<(), Failure> {
    root::ensure_if_possible()?;
    let state = StateDirectory::locate()?;
    let store = ClusterStore::open(&state)?;
    let (record, node) = find(&store, &arguments.node)?;
    let backend = Backend::new(record.spec.deploy.hypervisor, state.path())?;
    let text = console_of(&store, &backend, &record, &node.name)?;
    let mut out = std::io::stdout().lock();
    match format {
        Format::Json => {
            let answer = serde_json::json!({ "node": node.name.as_str(), "console": text });
            serde_json::to_writer(&mut out, &answer).map_err(std::io::Error::from)?;
            writeln!(out)?;
        }
        Format::Text => out.write_all(text.as_bytes())?,
    }
    Ok(out.flush()?)
}

/// What came of `vclust down`, in JSON, a contract.
#[derive(Serialize)]
struct DownAnswer {
    name: DomainName,
    processes: usize,
    seconds: f64,
}

pub(crate) fn down(arguments: &Down, format: Format) -> Result<(), Failure> {
    root::ensure()?;
    interrupt::supervised_with(end_abandoned, |_| clean_up())?;
    let state = StateDirectory::locate()?;
    let mut removed = Vec::new();
    for name in &arguments.clusters {
        let down = vclust_grid::down(&state, name)?;
        let (processes, seconds) = (down.processes, down.seconds);
        removed.push(DownAnswer { name: down.name, processes, seconds });
    }
    let mut out = anstream::stdout().lock();
    match format {
        Format::Json => {
            let answer = serde_json::json!({ "removed": removed });
            serde_json::to_writer(&mut out, &answer).map_err(std::io::Error::from)?;
            writeln!(out)?;
        }
        Format::Text => {
            for down in &removed {
                writeln!(out, "{} is removed, after {:.2} s", down.name, down.seconds)?;
            }
        }
    }
    Ok(())
}
