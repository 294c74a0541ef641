//! A simulation of a site: how long each strategy takes, up to 100,000 nodes.
//!
//! Estimators interpolate between builds that were measured; this says what a site would do with
//! numbers of nodes, methods and strategies that it never saw, from what its parts share. A discrete
//! event simulation moves nodes through the phases of a strategy; links, file service and processor
//! cores are shared fairly ([`server`]), and hosts pass images on by recurrences ([`network`]).
//! `docs/src/site-simulation.md` has the model, its sources, and how far it is off.

mod calibrate;
mod description;
mod engine;
mod error;
mod jitter;
mod network;
mod observation;
mod program;
mod run;
mod server;
mod task;
#[cfg(test)]
mod tests;

pub use calibrate::{Calibration, CalibrationRow};
pub use description::{
    HeadDescription, HostsDescription, NodeDescription, SiteDescription, TransferDescription,
};
pub use error::SiteError;
pub use observation::Observation;
pub use run::{PhaseTimes, ResourceUse, SiteRun};
pub use task::{SiteTask, Software, TransferMethod};

use program::{PHASES, Program, program};
use task::Part;

/// The most nodes that are simulated.
const MOST_NODES: u32 = 100_000;

impl SiteDescription {
    /// Simulates a build.
    ///
    /// Fails on a site that cannot be, on no nodes, and on more than 100,000.
    pub fn simulate(&self, task: &SiteTask) -> Result<SiteRun, SiteError> {
        self.check()?;
        if task.nodes == 0 || task.nodes > MOST_NODES {
            return Err(SiteError::Nodes { nodes: task.nodes, most: MOST_NODES });
        }
        if let Some(value) = task.software.install_seconds {
            if !(value >= 0.0 && value.is_finite()) {
                return Err(SiteError::Negative { field: "install_seconds", value });
            }
        }
        Ok(self.simulate_part(task, Part::Whole))
    }

    /// Simulates a part of a build on a site and a task that have been checked.
    fn simulate_part(&self, task: &SiteTask, part: Part) -> SiteRun {
        let Program { world, hosts, uplink_users, passing_on, layer, crowded_unpacking } =
            program(self, task, part);
        let outcome = engine::run(world);
        let total = outcome.end;
        let nodes = f64::from(task.nodes);
        let used = |done: f64, capacity: f64| {
            Some(if total > 0.0 { done / capacity / total } else { 0.0 })
        };
        let (uplink, service) = (outcome.servers[0], outcome.servers[1]);
        let cores = outcome.servers[2..]
            .iter()
            .fold((0.0, 0.0), |sum, server| (sum.0 + server.0, sum.1 + server.1));
        let starts: f64 = outcome.gates.iter().map(|gate| gate.0).sum();
        let resource = |name: &str, utilisation, waiting_seconds| ResourceUse {
            name: name.to_owned(),
            utilisation,
            waiting_seconds,
        };
        let mut resources = vec![
            resource(
                "head uplink",
                used(uplink.0, self.head.uplink_bytes_per_second),
                uplink.1 / f64::from(uplink_users.max(1)),
            ),
            resource("head file service", used(service.0, 1.0), service.1 / nodes),
            resource(
                "host cores",
                used(cores.0, self.hosts.cores * f64::from(hosts)),
                cores.1 / nodes + crowded_unpacking,
            ),
            resource("hypervisor starts", None, starts / nodes),
        ];
        if task.transfer != TransferMethod::SharedServer {
            resources.push(resource("passing images on", None, passing_on));
        }
        if layer > 0.0 {
            resources.push(resource("making the layer", None, layer));
        }
        let phases = PHASES.into_iter().zip(outcome.notes);
        SiteRun {
            strategy: task.strategy,
            transfer: task.transfer,
            nodes: task.nodes,
            hosts,
            total_seconds: total,
            phases: phases.filter_map(|(phase, notes)| PhaseTimes::of(phase, notes)).collect(),
            bottleneck: run::bottleneck(total, &resources),
            resources,
        }
    }
}
