//! A cluster comes up whose nodes install their own disks.

use std::collections::BTreeMap;
use std::fs::File;
use std::net::Ipv4Addr;
use std::path::PathBuf;
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::Duration;

use vclust_agent::protocol::{Become, Disk, Root, Step};
use vclust_core::{
    BootMethod, ClusterSpec, DomainBoot, DomainMemory, DomainName, Event, Hypervisor, InstallEvent,
    PackageVersion, Phase, TransferEvent,
};
use vclust_debian::{AddressPlan, ClusterNetwork, DhcpHost, NfsExport};

use super::{Course, Outcome, PhaseTime, all_at_work, random};
use crate::StoredImage;
use crate::cluster::ServerRecord;
use crate::deploy::cancel::Cancel;
use crate::deploy::capacity;
use crate::deploy::error::DeployError;
use crate::deploy::events::{DeployEvent, NodeStage};
use crate::deploy::install::{
    InstallBoot, InstallIdentity, InstallPlan, InstallService, node_partitions,
};
use crate::deploy::machine::{Disks, KERNEL, OWN, Shape};
use crate::deploy::node::{Bringing, NodeTask, Origin, now};

/// How often servers are looked after.
const GLANCE: Duration = Duration::from_millis(100);

/// What nodes install with beside their image.
#[derive(Debug, Clone, PartialEq)]
pub struct InstallSources {
    /// The image with the programs of the installation.
    pub programs: StoredImage,
    /// What nodes start from: see [`BootPackages::make_installer`](crate::BootPackages::make_installer).
    pub initramfs: PathBuf,
    /// What the image lacks: package files, in the order in which apt would give them to dpkg.
    pub packages: Vec<PathBuf>,
    /// The packages in these files.
    pub versions: Vec<PackageVersion>,
    /// Bytes that they take installed, as their maintainers state them.
    pub installed_bytes: u64,
    /// Names of packages of the image that go.
    pub remove: Vec<String>,
}

/// What was made for the nodes of this cluster.
pub(super) struct LaidOut {
    /// The cluster's files.
    pub(super) files: PathBuf,
    /// Directories that all nodes have.
    pub(super) exports: Vec<NfsExport>,
    pub(super) router: Option<Ipv4Addr>,
}

/// The root of a node that has installed it.
pub(super) fn root(spec: &ClusterSpec) -> Root {
    let mut partitions = (1..).zip(node_partitions(spec));
    let root = partitions.find(|(_, one)| one.mount_point.as_deref() == Some("/"));
    let (partition, file_system) = match root {
        Some((number, partition)) => (Some(number), partition.file_system),
        // a spec's check sees to it that there is one
        None => (None, "ext4".to_owned()),
    };
    Root::Disk(Disk { serial: OWN.to_owned(), partition, file_system })
}

impl Course<'_> {
    /// Installs all nodes at the same time, and starts them from their disks.
    pub(super) fn install(
        &mut self,
        network: &ClusterNetwork,
        addresses: &AddressPlan,
        hypervisor: &dyn Hypervisor,
        identities: Vec<Become>,
        laid_out: LaidOut,
    ) -> Result<Vec<Event>, DeployError> {
        let sources = self.order.install.as_ref().ok_or(DeployError::NoSources)?;
        let (spec, repository) = (&self.order.spec, self.deployer.repository);
        let (directory, mark) = (self.held.directory(), self.held.record().mark.clone());
        let image = &self.order.images[0];
        let _lease = repository.lease(&sources.programs)?;
        repository.hold(&sources.programs, mark.as_str())?;
        let archive = repository.archive(image)?;
        // nodes of a chain keep the archive on their disks while they unpack it
        let written = image.content_bytes + archive.bytes;
        capacity::check_space(spec.nodes, written, &directory)?;
        let nodes = self.held.record().nodes.clone();
        let hosts = nodes.iter().map(|node| DhcpHost {
            name: node.name.clone(),
            mac: node.mac,
            address: node.address,
        });
        let bytes = archive.bytes;
        self.unpacked = Some(bytes);
        let boot = match spec.deploy.boot {
            BootMethod::Kernel => None,
            BootMethod::Network => Some(InstallBoot {
                kernel: self.deployer.boot.kernel.image().to_owned(),
                initramfs: sources.initramfs.clone(),
                command_line: KERNEL.to_owned(),
            }),
        };
        let plan = InstallPlan {
            addresses: addresses.clone(),
            hosts: hosts.collect(),
            router: laid_out.router,
            boot,
            programs: repository.directory(&sources.programs)?,
            archive,
            packages: sources.packages.clone(),
            remove: sources.remove.clone(),
            files: Some(laid_out.files),
            transfer: spec.deploy.transfer,
            shared: laid_out.exports,
        };
        let service = InstallService::start(network, plan, &mark, &directory)?;
        let shape = Shape {
            kernel: self.deployer.boot.kernel.direct_image(),
            initramfs: sources.initramfs.clone(),
            memory: spec.memory,
            processors: spec.processors,
            bridge: self.deployer.backend.bridge(),
        };
        let mut tasks = Vec::new();
        for ((identity, node), number) in identities.into_iter().zip(&nodes).zip(1..) {
            let own = directory.join(format!("{}.disk", node.name));
            File::create_new(&own)
                .and_then(|file| file.set_len(spec.disk.bytes()))
                .map_err(DeployError::write(&own))?;
            let disks = Disks { own: Some(own), ..Disks::default() }.needed();
            let tap = AddressPlan::tap(number);
            let memory_use = DomainMemory::Private;
            let mut configuration =
                shape.machine(node.name.clone(), node.mac, tap, disks, memory_use);
            if spec.deploy.boot == BootMethod::Network {
                configuration.boot = DomainBoot::Network;
            }
            hypervisor.define(&configuration)?;
            let who = InstallIdentity { name: node.name.clone(), time: now(), seed: random(64)? };
            let install = service.order(number, who, OWN, node_partitions(spec));
            tasks.push(NodeTask {
                configuration,
                origin: Origin::Install(Box::new(install)),
                identity,
            });
        }
        self.began(Phase::Install);
        let times = Times::default();
        let on_event = |event: DeployEvent| {
            times.hear(&event);
            (self.on_event)(event);
        };
        let stop = Cancel::new();
        let bringing = Bringing {
            hypervisor,
            cancel: &stop,
            on_event: &on_event,
            start: self.start,
            // in a chain, a node's neighbours have to be there at the same time
            at_once: tasks.len(),
        };
        let (outcomes, service) =
            network.enter(|| watched(&bringing, tasks, service, self.deployer.cancel))??;
        let states = self.conclude(outcomes)?;
        if !self.order.spec.shared.is_empty() {
            let [_, process] = service.processes();
            let server = ServerRecord { service: "NFS".to_owned(), process };
            self.held.update(|record| record.servers.push(server))?;
        }
        service.finish()?;
        for (phase, seconds) in times.phases() {
            self.phases.push(PhaseTime { phase, seconds });
            (self.on_event)(DeployEvent::Ended { phase, seconds });
        }
        let mut events = self.learned(&times, bytes);
        events.extend(self.finish(&states)?);
        Ok(events)
    }

    /// What the installation teaches: how long the image took to come, and packages to be installed.
    fn learned(&self, times: &Times, bytes: u64) -> Vec<Event> {
        let (spec, at) = (&self.order.spec, crate::repository::now());
        let site = self.deployer.site.to_owned();
        let phases = times.phases();
        let of = |phase: Phase| phases.iter().find(|(one, _)| *one == phase).map(|(_, s)| *s);
        let transfer = of(Phase::Transfer).map(|seconds| {
            Event::Transfer(TransferEvent {
                at,
                site: site.clone(),
                image: self.order.images[0].id.clone(),
                bytes,
                nodes: spec.nodes,
                method: spec.deploy.transfer.name().to_owned(),
                seconds,
            })
        });
        let packages = self.order.install.iter().flat_map(|sources| sources.versions.clone());
        let packages: Vec<PackageVersion> = packages.collect();
        let install = of(Phase::Install).filter(|_| !packages.is_empty()).map(|seconds| {
            Event::Install(InstallEvent {
                at,
                site,
                nodes: spec.nodes,
                packages,
                seconds,
                hypervisor: Some(spec.deploy.hypervisor.name().to_owned()),
                request: spec.request(),
                unpack_seconds: None,
                configure_seconds: None,
                steps: Vec::new(),
            })
        });
        transfer.into_iter().chain(install).collect()
    }
}

/// Brings all nodes up, and looks after the servers meanwhile. If one of them is lost, so is the start.
fn watched<'a>(
    bringing: &Bringing<'_>,
    tasks: Vec<NodeTask>,
    mut service: InstallService<'a>,
    asked: &Cancel,
) -> Result<(Vec<Outcome>, InstallService<'a>), DeployError> {
    let is_over = AtomicBool::new(false);
    let (outcomes, lost) = thread::scope(|scope| {
        let watcher = scope.spawn(|| {
            while !is_over.load(Ordering::Relaxed) {
                if asked.is_asked() {
                    bringing.cancel.ask();
                }
                match service.check() {
                    Ok(None) => {}
                    Ok(Some(text)) => (bringing.on_event)(DeployEvent::Notice { text }),
                    Err(error) => {
                        bringing.cancel.ask();
                        return Some(error);
                    }
                }
                thread::sleep(GLANCE);
            }
            None
        });
        let outcomes = all_at_work(bringing, &mut tasks.into_iter().map(Ok));
        is_over.store(true, Ordering::Relaxed);
        (outcomes, watcher.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic)))
    });
    match lost {
        Some(error) => Err(error.into()),
        None => Ok((outcomes?, service)),
    }
}

/// How long each node took for each phase.
#[derive(Debug, Default)]
struct Times(Mutex<BTreeMap<DomainName, NodeTimes>>);

#[derive(Debug, Clone, Default)]
struct NodeTimes {
    /// Seconds since the beginning when it was begun with, and when it had installed.
    started: f64,
    installed: f64,
    phases: BTreeMap<Phase, f64>,
}

impl Times {
    fn hear(&self, event: &DeployEvent) {
        let DeployEvent::Node { node, stage, seconds: at } = event else { return };
        let mut times = self.0.lock().expect("nobody panics with it");
        let times = times.entry(node.clone()).or_default();
        match stage {
            // the attempts before taught nothing
            NodeStage::Starting => *times = NodeTimes { started: *at, ..NodeTimes::default() },
            NodeStage::Step { step, seconds } if times.installed == 0.0 => {
                let phase = match step {
                    Step::NfsRoot => {
                        times.phases.insert(Phase::Boot, at - times.started);
                        return;
                    }
                    Step::Transfer => Phase::Transfer,
                    Step::Partition | Step::FileSystem | Step::Unpack => Phase::Unpack,
                    Step::Install => Phase::Install,
                    Step::Overlay | Step::Sync => Phase::Overlay,
                    _ => return,
                };
                *times.phases.entry(phase).or_default() += seconds;
            }
            NodeStage::Installed => times.installed = *at,
            NodeStage::Ready => {
                times.phases.insert(Phase::Reboot, at - times.installed);
            }
            _ => {}
        }
    }

    /// The longest time that any node took for each phase.
    fn phases(&self) -> Vec<(Phase, f64)> {
        let mut longest: BTreeMap<Phase, f64> = BTreeMap::new();
        for times in self.0.lock().expect("nobody panics with it").values() {
            for (phase, seconds) in &times.phases {
                let known = longest.entry(*phase).or_default();
                *known = known.max(*seconds);
            }
        }
        longest.into_iter().collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn phases_take_as_long_as_the_slowest_node_and_attempts_that_failed_do_not_count() {
        let times = Times::default();
        let say = |node: &str, stage: NodeStage, seconds: f64| {
            times.hear(&DeployEvent::Node { node: node.parse().unwrap(), stage, seconds });
        };
        let step = |step: Step, seconds: f64| NodeStage::Step { step, seconds };
        say("a", NodeStage::Starting, 1.0);
        say("a", step(Step::Unpack, 100.0), 101.0);
        for (node, factor) in [("a", 1.0), ("b", 2.0)] {
            say(node, NodeStage::Starting, 200.0);
            say(node, step(Step::NfsRoot, 0.1), 200.0 + factor);
            say(node, step(Step::Partition, factor), 201.0);
            say(node, step(Step::Transfer, 3.0), 205.0);
            say(node, step(Step::Unpack, 4.0), 205.0);
            say(node, NodeStage::Installed, 210.0);
            say(node, step(Step::Root, 9.0), 211.0);
            say(node, NodeStage::Ready, 210.0 + factor);
        }
        let expected = [
            (Phase::Transfer, 3.0),
            (Phase::Boot, 2.0),
            (Phase::Unpack, 6.0),
            (Phase::Reboot, 2.0),
        ];
        assert_eq!(times.phases(), expected);
    }
}
