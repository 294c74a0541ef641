//! A cluster comes up.

mod install;

use std::collections::BTreeMap;
use std::fs::{self, DirBuilder, OpenOptions};
use std::io::{Read, Write};
use std::net::Ipv4Addr;
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::panic::resume_unwind;
use std::path::{Path, PathBuf};
use std::sync::Mutex;
use std::thread;
use std::time::{Duration, Instant, SystemTime};

use vclust_agent::protocol::{
    Become, Disk, HostKey, Init, InterfaceAddress, Prepare, Root, Run, SharedDirectory, Upper,
};
use vclust_core::{
    BootMethod, ByteSize, ClusterSpec, DomainMemory, DomainName, Event, Hypervisor, InitKind,
    NodeDisk, Phase, PhaseEvent, Strategy, Transfer,
};
use vclust_debian::{
    AddressPlan, ClusterNetwork, NfsAccess, NfsExport, NfsServer, Outward, StateDirectory,
    write_empty_ext4,
};

use super::backend::Backend;
use super::cancel::Cancel;
use super::error::DeployError;
use super::events::{DeployEvent, OnDeploy};
use super::files::ClusterFiles;
use super::machine::{
    BASE, CLUSTER, Disks, LARGEST, MOST_LAYERS, OWN, Shape, copy_sparse, layer_serial,
};
use super::node::{Bringing, NodeTask, Origin, now};
use super::template::{Making, TemplateKey, TemplateStore};
use super::{capacity, hexadecimal};
use crate::cluster::{
    ClusterKeys, ClusterRecord, ClusterState, ClusterStore, HeldCluster, NewCluster, NodeRecord,
    NodeState, PhaseRecord, ServerRecord, hosts_file, known_hosts, mpi_hostfile,
};
use crate::repository::root_erofs;
use crate::{BootFiles, ImageRepository, Lease, StoredImage};
pub use install::InstallSources;

/// How long processes may take to end when a start is given up.
const GRACE: Duration = Duration::ZERO;
/// Nodes at work at a time, for each processor of the machine. More at a time make each slower and the
/// last no faster.
const AT_WORK: usize = 2;

/// A cluster to be brought up: the plan, with everything it names at hand.
#[derive(Debug, Clone)]
pub struct ClusterOrder {
    /// What was asked for.
    pub spec: ClusterSpec,
    /// The directory that files of the spec are relative to.
    pub directory: PathBuf,
    /// How nodes get their root.
    pub strategy: Strategy,
    /// The image and the layers over it, the lowest first, each built over the one before it.
    pub images: Vec<StoredImage>,
    /// What nodes install with, where they do.
    pub install: Option<InstallSources>,
    /// What each phase was predicted to take, in seconds.
    pub predicted: Vec<(Phase, f64)>,
    /// Phases that are over: what came before.
    pub measured: Vec<PhaseTime>,
}

/// How long a phase took.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct PhaseTime {
    /// Which.
    pub phase: Phase,
    /// Seconds.
    pub seconds: f64,
}

/// A cluster that came up.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub struct Up {
    /// Its record.
    pub record: ClusterRecord,
    /// What the start teaches, for the history.
    pub events: Vec<Event>,
}

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

    /// The directories that nodes share: for the server, and for the nodes.
    fn shared(
        &self,
        head: Ipv4Addr,
    ) -> Result<(Vec<NfsExport>, Vec<SharedDirectory>), DeployError> {
        let wanted = &self.order.spec.shared;
        let mut exports = Vec::new();
        let mut shared = Vec::new();
        for (number, one) in wanted.iter().enumerate() {
            let path = self.order.directory.join(&one.source);
            let path = path.canonicalize().map_err(DeployError::read(&path))?;
            if !path.is_dir() {
                let error = std::io::Error::other("it is no directory");
                return Err(DeployError::read(&path)(error));
            }
            let name = format!("shared-{number}");
            shared.push(SharedDirectory {
                server: head.to_string(),
                source: format!("/{name}"),
                target: one.target.clone(),
            });
            exports.push(NfsExport { path, name, access: NfsAccess::Write });
        }
        Ok((exports, shared))
    }

    /// Who a node is.
    fn identity(
        &self,
        node: &NodeRecord,
        (private, public): (String, String),
        gateway: Option<Ipv4Addr>,
        shared: &[SharedDirectory],
    ) -> Result<Become, DeployError> {
        let spec = &self.order.spec;
        let layers = (0..self.order.images.len() - 1).map(layer_serial);
        let upper = match spec.deploy.writes {
            NodeDisk::Memory => Upper::Memory,
            NodeDisk::Disk => Upper::Disk(Disk {
                serial: OWN.to_owned(),
                partition: None,
                file_system: "ext4".to_owned(),
            }),
        };
        let hooks = spec.hooks.iter().zip(1..).map(|(hook, id)| Run {
            id,
            command: hook.run.clone(),
            user: hook.user.clone(),
            timeout: hook.timeout,
        });
        Ok(Become {
            host_name: node.name.to_string(),
            machine_id: random(16)?,
            time: now(),
            seed: random(64)?,
            root: match self.order.strategy {
                Strategy::Install => install::root(spec),
                Strategy::Layers | Strategy::Clone => {
                    Root::Layers { layers: layers.chain([CLUSTER.to_owned()]).collect(), upper }
                }
            },
            address: InterfaceAddress {
                mac: node.mac.to_string(),
                address: node.address.to_string(),
                prefix: AddressPlan::PREFIX,
                gateway: gateway.map(|gateway| gateway.to_string()),
            },
            host_keys: vec![HostKey {
                algorithm: "ed25519".to_owned(),
                private,
                public: format!("{public}\n"),
            }],
            init: match spec.deploy.init {
                InitKind::Minimal => Init::Minimal,
                InitKind::Systemd => Init::Systemd,
            },
            shared: shared.to_vec(),
            hooks: hooks.collect(),
        })
    }

    fn began(&self, phase: Phase) {
        (self.on_event)(DeployEvent::Began { phase });
    }

    fn ended(&mut self, phase: Phase, since: Instant) {
        let seconds = since.elapsed().as_secs_f64();
        self.phases.push(PhaseTime { phase, seconds });
        (self.on_event)(DeployEvent::Ended { phase, seconds });
    }

    /// Starts all nodes, as copies of a template or each by itself, and waits for them.
    fn bring_up(
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
    fn conclude(&self, outcomes: Vec<Outcome>) -> Result<States, DeployError> {
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

    /// Writes down that the cluster is ready; what its start teaches.
    fn finish(&mut self, states: &States) -> Result<Vec<Event>, DeployError> {
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

fn node_record(cluster: &str, number: u32, address: vclust_debian::NodeAddress) -> NodeRecord {
    let name = format!("{cluster}-{number}").parse();
    NodeRecord {
        // the spec's check leaves room for the number
        name: name.unwrap_or_else(|_| unreachable!("a cluster's name with a number is a name")),
        mac: address.mac,
        address: address.address,
        state: NodeState::Starting,
        ready_seconds: None,
    }
}

/// Seconds until a node was ready, or why it is not.
type Outcome = (DomainName, Result<f64, DeployError>);

/// Brings nodes up, some at a time, the first first; each is made when its turn has come. What cannot be
/// made fails all, once those that are on their way have arrived.
fn all_at_work(
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

/// Whole seconds since 1970.
fn seconds_now() -> u64 {
    let since = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH);
    since.unwrap_or_default().as_secs()
}

fn private_directory(path: &Path) -> Result<(), DeployError> {
    DirBuilder::new().recursive(true).mode(0o700).create(path).map_err(DeployError::write(path))
}

/// So many random bytes as hexadecimal digits.
fn random(bytes: usize) -> Result<String, DeployError> {
    let path = Path::new("/dev/urandom");
    let mut buffer = vec![0; bytes];
    let read = fs::File::open(path).and_then(|mut file| file.read_exact(&mut buffer));
    read.map_err(DeployError::read(path))?;
    Ok(hexadecimal(&buffer))
}

/// Keeps what `vclust ssh` needs.
fn write_keys(
    directory: &Path,
    keys: &ClusterKeys,
    nodes: &[NodeRecord],
) -> Result<(), DeployError> {
    for (name, text) in
        [("id_ed25519", keys.user().private()), ("known_hosts", &known_hosts(nodes, keys))]
    {
        let path = directory.join(name);
        let mut options = OpenOptions::new();
        let file = options.write(true).create_new(true).mode(0o600).open(&path);
        file.and_then(|mut file| file.write_all(text.as_bytes()))
            .map_err(DeployError::write(&path))?;
    }
    Ok(())
}
