//! Nodes come up together, as copies of a template or each by itself.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Mutex;
use std::thread;
use std::time::Instant;

use vclust_agent::protocol::{Become, Prepare};
use vclust_core::{
    ByteSize, DomainMemory, DomainName, Event, Hypervisor, NodeDisk, Phase, Strategy,
};
use vclust_debian::{AddressPlan, ClusterNetwork, write_empty_ext4};

use super::{Course, States, private_directory};
use crate::cluster::NodeState;
use crate::deploy::error::DeployError;
use crate::deploy::machine::{BASE, Disks, Shape, copy_sparse};
use crate::deploy::node::{Bringing, NodeTask, Origin};
use crate::deploy::template::{Making, TemplateKey, TemplateStore};

/// Nodes at work at a time, for each processor of the machine. More at a time make each slower and the
/// last no faster.
const AT_WORK: usize = 2;

impl Course<'_> {
    /// Starts all nodes, as copies of a template or each by itself, and waits for them.
    pub(super) fn bring_up(
        &mut self,
        network: &ClusterNetwork,
        addresses: &AddressPlan,
        hypervisor: &dyn Hypervisor,
        paths: &[PathBuf],
        cluster_layer: &Path,
        identities: Vec<Become>,
    ) -> Result<Vec<Event>, DeployError> {
        let spec = &self.order.spec;
        let directory = self.held.directory();
        let shape = Shape {
            kernel: self.deployer.boot.kernel.direct_image(),
            initramfs: self.deployer.boot.node.clone(),
            memory: spec.memory,
            processors: spec.processors,
            bridge: self.deployer.backend.bridge(),
        };
        let empty = directory.join("empty");
        private_directory(&empty)?;
        let bringing = Bringing {
            hypervisor,
            cancel: self.deployer.cancel,
            on_event: self.on_event,
            start: self.start,
            at_once: thread::available_parallelism().map_or(1, usize::from) * AT_WORK,
        };
        let is_clone = self.order.strategy == Strategy::Clone;
        let mut since = self.start;
        let template = if is_clone {
            let store = TemplateStore::open(self.deployer.state)?;
            let version = self.deployer.backend.version()?;
            let key =
                TemplateKey { image: &self.order.images[0], shape: &shape, hypervisor: &version };
            let template = if let Some(template) = store.find(&key)? {
                template
            } else {
                self.began(Phase::Boot);
                let scratch = directory.join("template");
                private_directory(&scratch)?;
                let domains = scratch.join("domains");
                private_directory(&domains)?;
                let mark = self.held.record().mark.clone();
                let own = self.deployer.backend.open(&domains, &mark)?;
                let address = addresses.head();
                let making = Making {
                    hypervisor: &*own,
                    bringing: &bringing,
                    base: &paths[0],
                    mac: address.mac,
                    tap: AddressPlan::tap(1),
                    scratch: &scratch,
                };
                let template = network.enter(|| store.make(&key, &making))??;
                self.ended(Phase::Boot, since);
                since = Instant::now();
                template
            };
            Some(template)
        } else {
            None
        };
        let phase = if is_clone { Phase::Ready } else { Phase::Boot };
        self.began(phase);
        let file_system = match spec.deploy.writes {
            NodeDisk::Memory => None,
            NodeDisk::Disk => Some(self.empty_file_system(spec.disk)?),
        };
        // a node's disk is made when its turn has come, so that the first need not wait for all
        let nodes = &self.held.record().nodes;
        let mut tasks =
            nodes.iter().zip(identities).enumerate().map(|(place, (node, identity))| {
                let own = match &file_system {
                    Some(original) => {
                        let path = directory.join(format!("{}.disk", node.name));
                        copy_sparse(original, &path)?;
                        Some(path)
                    }
                    None => None,
                };
                let disks = Disks {
                    base: Some(paths[0].clone()),
                    layers: paths[1..].to_vec(),
                    cluster: Some(cluster_layer.to_owned()),
                    own,
                };
                let (disks, memory_use, origin) = if let Some(template) = &template {
                    (disks.all(&empty)?, DomainMemory::Saveable, Origin::Saved(template.saved()))
                } else {
                    let prepare = Prepare { base: Some(BASE.to_owned()), warm: Vec::new() };
                    (disks.needed(), DomainMemory::Private, Origin::Boot(prepare))
                };
                let tap = AddressPlan::tap(place as u32 + 1);
                let configuration =
                    shape.machine(node.name.clone(), node.mac, tap, disks, memory_use);
                hypervisor.define(&configuration)?;
                Ok(NodeTask { configuration, origin, identity })
            });
        let outcomes = network.enter(|| all_at_work(&bringing, &mut tasks))??;
        let states = self.conclude(outcomes)?;
        self.ended(phase, since);
        self.finish(&states)
    }

    /// What became of each node, if as many are ready as have to be.
    pub(super) fn conclude(&self, outcomes: Vec<Outcome>) -> Result<States, DeployError> {
        let spec = &self.order.spec;
        let mut ready = 0;
        let mut first = None;
        let mut states = BTreeMap::new();
        for (name, outcome) in outcomes {
            match outcome {
                Ok(seconds) => {
                    ready += 1;
                    states.insert(name, (NodeState::Ready, Some(seconds)));
                }
                Err(DeployError::Cancelled) => return Err(DeployError::Cancelled),
                Err(error) => {
                    first = first.or(Some(error));
                    states.insert(name, (NodeState::Failed, None));
                }
            }
        }
        let quorum = spec.deploy.quorum.unwrap_or(spec.nodes);
        if let Some(first) = first {
            if ready < quorum {
                let (nodes, first) = (spec.nodes, Box::new(first));
                return Err(DeployError::Quorum { ready, nodes, quorum, first });
            }
        }
        Ok(states)
    }

    /// An empty file system of a size, made once for all clusters.
    fn empty_file_system(&self, size: ByteSize) -> Result<PathBuf, DeployError> {
        let directory = self.deployer.state.path().join("disks");
        private_directory(&directory)?;
        let path = directory.join(format!("{}.ext4", size.bytes()));
        if !path.exists() {
            // what a killed start leaves of it goes with the cluster
            let new = self.held.directory().join("disk.ext4");
            let _ = fs::remove_file(&new);
            write_empty_ext4(&new, size.bytes())?;
            fs::rename(&new, &path).map_err(DeployError::write(&path))?;
        }
        Ok(path)
    }
}

/// Seconds until a node was ready, or why it is not.
pub(super) type Outcome = (DomainName, Result<f64, DeployError>);

/// Brings nodes up, some at a time, the first first; each is made when its turn has come. What cannot be
/// made fails all, once those that are on their way have arrived.
pub(super) fn all_at_work(
    bringing: &Bringing<'_>,
    tasks: &mut (dyn Iterator<Item = Result<NodeTask, DeployError>> + Send),
) -> Result<Vec<Outcome>, DeployError> {
    let source = Mutex::new((Some(tasks), Ok(())));
    let next = || {
        let mut source = source.lock().expect("nobody panics with it");
        let (tasks, failure) = &mut *source;
        match tasks.as_mut()?.next()? {
            Ok(task) => Some(task),
            Err(error) => {
                *tasks = None;
                *failure = Err(error);
                None
            }
        }
    };
    let outcomes = Mutex::new(Vec::new());
    thread::scope(|scope| {
        for _ in 0..bringing.at_once {
            scope.spawn(|| {
                while let Some(task) = next() {
                    let outcome = bringing.bring_up(&task);
                    let outcome = (task.configuration.name, outcome);
                    outcomes.lock().expect("nobody panics with it").push(outcome);
                }
            });
        }
    });
    source.into_inner().expect("nobody panics with it").1?;
    Ok(outcomes.into_inner().expect("nobody panics with it"))
}
