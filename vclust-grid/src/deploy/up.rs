//! A cluster comes up.

mod finish;
mod identity;
mod install;
mod nodes;
mod order;

use std::collections::BTreeMap;
use std::panic::resume_unwind;
use std::path::PathBuf;
use std::thread;
use std::time::{Duration, Instant};

use vclust_agent::protocol::Become;
use vclust_core::{ByteSize, DomainName, Event, Phase, Strategy, Transfer};
use vclust_debian::{AddressPlan, ClusterNetwork, NfsServer, Outward, StateDirectory};

use super::backend::Backend;
use super::cancel::Cancel;
use super::capacity;
use super::error::DeployError;
use super::events::{DeployEvent, OnDeploy};
use super::files::ClusterFiles;
use super::machine::{LARGEST, MOST_LAYERS};
use crate::cluster::{
    ClusterKeys, ClusterStore, HeldCluster, NewCluster, NodeRecord, NodeState, ServerRecord,
    hosts_file, known_hosts, mpi_hostfile,
};
use crate::repository::root_erofs;
use crate::{BootFiles, ImageRepository, Lease};
use identity::{node_record, private_directory, random, seconds_now, write_keys};
pub use install::InstallSources;
use nodes::{Outcome, all_at_work};
pub use order::{ClusterOrder, PhaseTime, Up};

/// How long processes may take to end when a start is given up.
const GRACE: Duration = Duration::ZERO;

/// Brings clusters up.
#[derive(Debug)]
pub struct Deployer<'a> {
    /// Where everything is kept.
    pub state: &'a StateDirectory,
    /// The images.
    pub repository: &'a ImageRepository,
    /// The kernel and what nodes start with.
    pub boot: &'a BootFiles,
    /// The hypervisor.
    pub backend: &'a Backend,
    /// The site's name, for the history.
    pub site: &'a str,
    /// Looked at while things go on.
    pub cancel: &'a Cancel,
}

/// What became of each node, with the seconds until it was ready.
type States = BTreeMap<DomainName, (NodeState, Option<f64>)>;

/// What a start has made so far.
struct Course<'a> {
    deployer: &'a Deployer<'a>,
    order: &'a ClusterOrder,
    on_event: OnDeploy<'a>,
    start: Instant,
    held: HeldCluster,
    phases: Vec<PhaseTime>,
    /// Bytes of the archive that nodes unpack, where they do.
    unpacked: Option<u64>,
    _leases: Vec<Lease>,
}

impl Deployer<'_> {
    /// Brings a cluster up. After an error, or if the wish to stop comes before it is ready, nothing of it
    /// is left.
    pub fn up(&self, order: &ClusterOrder, on_event: OnDeploy<'_>) -> Result<Up, DeployError> {
        let spec = &order.spec;
        let nodes = spec.nodes;
        if order.images.is_empty() || order.images.len() > MOST_LAYERS + 1 {
            return Err(DeployError::Layers {
                layers: order.images.len().saturating_sub(1),
                most: MOST_LAYERS,
            });
        }
        if spec.disk.bytes() > LARGEST {
            return Err(DeployError::Disk { disk: spec.disk, most: ByteSize::new(LARGEST) });
        }
        let free = self.backend.memory()?.unwrap_or_else(capacity::available_memory);
        capacity::check_memory(nodes, spec.memory, order.strategy, free)?;
        capacity::check_space(nodes, 0, self.state.path())?;
        if let Some(sources) = &order.install {
            self.check_disk(order, sources)?;
        }
        let store = ClusterStore::open(self.state)?;
        let new = NewCluster {
            spec: spec.clone(),
            strategy: order.strategy,
            user: spec.deploy.user.clone(),
        };
        let held = store.create(new)?;
        let mut leases = Vec::new();
        for image in &order.images {
            leases.push(self.repository.lease(image)?);
            self.repository.hold(image, held.record().mark.as_str())?;
        }
        let mut course = Course {
            deployer: self,
            order,
            on_event,
            start: Instant::now(),
            held,
            phases: order.measured.clone(),
            unpacked: None,
            _leases: leases,
        };
        let outcome = course.run();
        match outcome {
            Ok(events) => {
                for image in &order.images {
                    // a count that is not kept does no harm
                    let _ = self.repository.record_use(image);
                }
                Ok(Up { record: course.held.record().clone(), events })
            }
            Err(error) => {
                let Course { held, .. } = course;
                if let Err(left) = held.remove(GRACE) {
                    let text = vclust_agent::protocol::with_causes(&left);
                    on_event(DeployEvent::Notice {
                        text: format!(
                            "not everything is cleaned up: {text}; `vclust doctor --clean` tries again"
                        ),
                    });
                }
                Err(error)
            }
        }
    }

    /// Checks that what nodes install fits on their disks.
    fn check_disk(
        &self,
        order: &ClusterOrder,
        sources: &InstallSources,
    ) -> Result<(), DeployError> {
        let image = &order.images[0];
        // nodes of a chain keep the archive on their disks while they unpack it
        let archive = if order.spec.deploy.transfer == Transfer::Chain {
            let _lease = self.repository.lease(image)?;
            self.repository.archive(image)?.bytes
        } else {
            0
        };
        let content = capacity::RootContent {
            image: image.content_bytes,
            files: image.files,
            packages: sources.installed_bytes,
            archive,
        };
        capacity::check_disk(&order.spec, &content)
    }
}

impl Course<'_> {
    fn run(&mut self) -> Result<Vec<Event>, DeployError> {
        let spec = &self.order.spec;
        let addresses = AddressPlan::new(&self.held.record().id, spec.nodes)?;
        let nodes: Vec<NodeRecord> = addresses
            .nodes()
            .zip(1..)
            .map(|(address, number)| node_record(&spec.name, number, address))
            .collect();
        let images = self.order.images.iter().map(|image| image.id.clone()).collect();
        let head = addresses.head().address;
        self.held.update(|record| {
            record.nodes.clone_from(&nodes);
            record.images = images;
            record.head = Some(head);
        })?;
        let directory = self.held.directory();
        let mark = self.held.record().mark.clone();
        let mut plan = addresses.plan();
        if self.deployer.backend.bridge().is_some() {
            plan.taps.clear();
        }
        let keys = ClusterKeys::generate(
            &spec.name,
            &spec.deploy.user,
            nodes.iter().map(|node| node.name.as_str()),
        )?;
        write_keys(&directory, &keys, &nodes)?;
        let is_install = self.order.strategy == Strategy::Install;
        let cluster_layer = directory.join("cluster.erofs");
        let paths = self.image_paths();
        let files = directory.join("files");
        let write_files = |outward: Option<Outward>| {
            let resolver = outward.map(|outward| format!("nameserver {}\n", outward.resolver));
            let cluster_files = ClusterFiles {
                images: &paths,
                user: &spec.deploy.user,
                private_key: keys.user().private(),
                public_key: &format!("{}\n", keys.user().public()),
                hosts: &hosts_file(head, &nodes),
                known_hosts: &known_hosts(&nodes, &keys),
                hostfile: &mpi_hostfile(&nodes, spec.processors),
                resolver: resolver.as_deref(),
                uploads: (&spec.files, &self.order.directory),
                time: seconds_now(),
            };
            if is_install {
                cluster_files.lay_out(&files)
            } else {
                cluster_files.write_layer(&files, &cluster_layer)
            }
        };
        let (network, gateway) = thread::scope(|scope| -> Result<_, DeployError> {
            let make = || ClusterNetwork::create(&plan, &mark, &directory);
            let network = scope.spawn(make);
            // who is asked for names is known once there is a way out, and nothing else has to wait
            let early = (!spec.network.outward).then(|| write_files(None));
            let network = network.join().unwrap_or_else(|panic| resume_unwind(panic))?;
            self.held.update(|record| record.network = Some(network.holder()))?;
            early.transpose()?;
            if !spec.network.outward {
                return Ok((network, None));
            }
            let gateway = network.outward(&addresses, &mark, &directory)?;
            write_files(Some(gateway))?;
            Ok((network, Some(gateway)))
        })?;
        let (exports, shared) = self.shared(head)?;
        if !exports.is_empty() && !is_install {
            let server = NfsServer::start(&network, head, &exports, &mark, &directory)?;
            let server = ServerRecord { service: "NFS".to_owned(), process: server.detach() };
            self.held.update(|record| record.servers.push(server))?;
        }

        let domains = directory.join("nodes");
        private_directory(&domains)?;
        let hypervisor = self.deployer.backend.open(&domains, &mark)?;
        let identities: Vec<Become> = nodes
            .iter()
            .enumerate()
            .map(|(place, node)| {
                let gateway = gateway.map(|outward| outward.gateway);
                let key = &keys.hosts()[place];
                let pair = (key.private().to_owned(), key.public().to_owned());
                self.identity(node, pair, gateway, &shared)
            })
            .collect::<Result<_, _>>()?;
        match self.order.strategy {
            Strategy::Install => {
                let laid_out = install::LaidOut {
                    files,
                    exports,
                    router: gateway.map(|outward| outward.gateway),
                };
                self.install(&network, &addresses, &*hypervisor, identities, laid_out)
            }
            Strategy::Layers | Strategy::Clone => self.bring_up(
                &network,
                &addresses,
                &*hypervisor,
                &paths,
                &cluster_layer,
                identities,
            ),
        }
    }

    fn image_paths(&self) -> Vec<PathBuf> {
        let repository = self.deployer.repository;
        self.order.images.iter().map(|image| repository.path_of(image).join(root_erofs())).collect()
    }

    fn began(&self, phase: Phase) {
        (self.on_event)(DeployEvent::Began { phase });
    }

    fn ended(&mut self, phase: Phase, since: Instant) {
        let seconds = since.elapsed().as_secs_f64();
        self.phases.push(PhaseTime { phase, seconds });
        (self.on_event)(DeployEvent::Ended { phase, seconds });
    }
}
