//! The end of a start: what is written down of it, and what it teaches.

use vclust_core::{BootMethod, Event, Phase, PhaseEvent, Strategy};

use super::{Course, PhaseTime, States};
use crate::cluster::{ClusterState, PhaseRecord};
use crate::deploy::error::DeployError;

impl Course<'_> {
    /// Writes down that the cluster is ready; what its start teaches.
    pub(super) fn finish(&mut self, states: &States) -> Result<Vec<Event>, DeployError> {
        let mut phases: Vec<PhaseRecord> = Vec::new();
        for (phase, seconds) in &self.order.predicted {
            let measured: Vec<f64> = self
                .phases
                .iter()
                .filter(|time| time.phase == *phase)
                .map(|time| time.seconds)
                .collect();
            phases.push(PhaseRecord {
                phase: phase.name().to_owned(),
                predicted_seconds: Some(*seconds),
                measured_seconds: (!measured.is_empty()).then(|| measured.iter().sum()),
            });
        }
        for time in &self.phases {
            if !phases.iter().any(|known| known.phase == time.phase.name()) {
                phases.push(PhaseRecord {
                    phase: time.phase.name().to_owned(),
                    predicted_seconds: None,
                    measured_seconds: Some(time.seconds),
                });
            }
        }
        self.held.update(|record| {
            record.state = ClusterState::Ready;
            record.phases = phases;
            for node in &mut record.nodes {
                if let Some((state, seconds)) = states.get(&node.name) {
                    node.state = *state;
                    node.ready_seconds = *seconds;
                }
            }
        })?;
        let record = self.held.record();
        let spec = &self.order.spec;
        let learned = self.phases.iter().filter(|time| match time.phase {
            Phase::Ready | Phase::Unpack | Phase::Overlay => true,
            // firmware that loads a kernel teaches nothing about a kernel that is there
            Phase::Boot | Phase::Reboot => spec.deploy.boot == BootMethod::Kernel,
            _ => false,
        });
        let event = |time: &PhaseTime| {
            Event::Phase(PhaseEvent {
                at: crate::repository::now(),
                site: self.deployer.site.to_owned(),
                cluster: record.name.to_string(),
                strategy: self.order.strategy.name().to_owned(),
                phase: time.phase,
                nodes: if time.phase == Phase::Boot && self.order.strategy == Strategy::Clone {
                    1
                } else {
                    spec.nodes
                },
                seconds: time.seconds,
                hypervisor: Some(spec.deploy.hypervisor.name().to_owned()),
                memory_bytes: Some(spec.memory.bytes()),
                bytes: self.unpacked.filter(|_| time.phase == Phase::Unpack),
            })
        };
        Ok(learned.map(event).collect())
    }
}
