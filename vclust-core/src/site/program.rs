//! The strategies as programs: which steps each process goes through, and what is shared.

use super::description::SiteDescription;
use super::engine::{Step, World};
use super::jitter::factors;
use super::network::{Image, chain, tree};
use super::server::Server;
use super::task::{Part, SiteTask, TransferMethod};
use crate::history::Phase;
use crate::strategy::Strategy;

/// The phases that processes note, in the order in which they come.
pub(super) const PHASES: [Phase; 7] = [
    Phase::Layer,
    Phase::Boot,
    Phase::Transfer,
    Phase::Install,
    Phase::Reboot,
    Phase::Overlay,
    Phase::Ready,
];

const UPLINK: usize = 0;
const FILE_SERVICE: usize = 1;
/// The first of the hosts' processors.
const CORES: usize = 2;

fn note(phase: Phase) -> Step {
    // Every phase that is noted is in the list.
    Step::Note(PHASES.iter().position(|known| *known == phase).unwrap_or_default())
}

/// A task as the engine takes it, and what the engine cannot tell afterwards.
pub(super) struct Program {
    pub(super) world: World,
    pub(super) hosts: u32,
    /// Processes that use the uplink.
    pub(super) uplink_users: u32,
    /// Seconds that hosts pass images on to each other, beyond what one host alone would take.
    pub(super) passing_on: f64,
    /// Seconds in which the head node makes the layer.
    pub(super) layer: f64,
    /// Seconds that each node unpacks longer for sharing its host.
    pub(super) crowded_unpacking: f64,
}

/// Builds the programs of one task.
struct Builder<'a> {
    site: &'a SiteDescription,
    task: &'a SiteTask,
    hosts: usize,
    world: World,
    passing_on: f64,
    crowded_unpacking: f64,
    draws: u64,
}

/// The program of a part of a task.
pub(super) fn program(site: &SiteDescription, task: &SiteTask, part: Part) -> Program {
    let hosts = site.hosts_for(task.nodes) as usize;
    let mut servers =
        vec![Server::new(site.head.uplink_bytes_per_second, 0.0), Server::new(1.0, 0.0)];
    servers.resize(CORES + hosts, Server::new(site.hosts.cores, site.hosts.crowding));
    let gates = vec![site.hosts.start_concurrency; hosts];
    let world = World { servers, gates, phases: PHASES.len(), ..World::default() };
    let mut builder =
        Builder { site, task, hosts, world, passing_on: 0.0, crowded_unpacking: 0.0, draws: 0 };
    let install = task.strategy == Strategy::Install;
    let layer = builder.layer_seconds();
    if install || part != Part::Whole {
        builder.nodes(part);
    } else {
        builder.shared_root(layer);
    }
    let (uplink_users, layer) =
        if install || part != Part::Whole { (task.nodes, 0.0) } else { (hosts as u32, layer) };
    let Builder { world, passing_on, crowded_unpacking, .. } = builder;
    Program { world, hosts: hosts as u32, uplink_users, passing_on, layer, crowded_unpacking }
}

impl Builder<'_> {
    /// How nodes differ in the next thing they do.
    fn draw(&mut self, count: usize) -> Vec<f64> {
        self.draws += 1;
        factors(
            self.task.seed.wrapping_mul(31).wrapping_add(self.draws),
            count,
            self.site.node.jitter,
        )
    }

    fn node_count(&self) -> usize {
        self.task.nodes as usize
    }

    /// Nodes are dealt to hosts in turn.
    fn host_of(&self, node: usize) -> usize {
        node % self.hosts
    }

    /// Nodes on the fullest host.
    fn crowd(&self) -> f64 {
        self.node_count().div_ceil(self.hosts) as f64
    }

    fn install_seconds(&self) -> f64 {
        let (node, software) = (&self.site.node, &self.task.software);
        software.install_seconds.unwrap_or_else(|| {
            node.install_seconds + f64::from(software.packages) * node.install_package_seconds
        })
    }

    /// Seconds in which the head node installs the packages into a layer and writes it.
    fn layer_seconds(&self) -> f64 {
        let software = &self.task.software;
        if software.packages == 0 {
            return 0.0;
        }
        let head = &self.site.head;
        let written = software.packages_bytes as f64 / head.disk_bytes_per_second;
        head.layer_seconds + self.install_seconds() / head.install_speed + written
    }

    /// Bytes a second that one of so many nodes on a host can unpack: they share its processor
    /// cores, its network card and its disk.
    fn unpack_rate(&self, crowd: f64) -> f64 {
        let hosts = &self.site.hosts;
        let beyond = (crowd / hosts.cores - 1.0).max(0.0);
        let share = (hosts.cores / crowd).min(1.0) / (1.0 + hosts.crowding * beyond);
        (self.site.node.unpack_bytes_per_second * share)
            .min(hosts.nic_bytes_per_second / crowd)
            .min(hosts.disk_bytes_per_second / crowd)
    }

    /// For each receiver, the steps that bring it `bytes`; receivers take in `intake` a second.
    fn transfer(&mut self, bytes: u64, intake: f64, receivers: usize) -> Vec<Vec<Step>> {
        let slowness = self.draw(receivers);
        let image = Image { bytes: bytes as f64, intake };
        let pass = match self.task.transfer {
            TransferMethod::SharedServer => {
                let start = Step::Wait(self.site.transfer.latency_seconds);
                // All read at the pace of whoever is first, for whom it comes from the disk.
                let limit = intake.min(self.site.head.disk_bytes_per_second);
                return slowness
                    .iter()
                    .map(|slow| {
                        let limit = limit / slow;
                        vec![start, Step::Work { server: UPLINK, amount: image.bytes, limit }]
                    })
                    .collect();
            }
            TransferMethod::Chain => chain,
            TransferMethod::Tree => tree,
        };
        // Hosts pass on; the nodes of a host take in together, and the slowest of them counts.
        let hosts = self.hosts.min(receivers);
        let mut slowest = vec![0.0_f64; hosts];
        for (receiver, slow) in slowness.iter().enumerate() {
            slowest[receiver % hosts] = slow.max(slowest[receiver % hosts]);
        }
        let ends = pass(self.site, image, &slowest);
        let last = ends.iter().copied().fold(0.0, f64::max);
        self.passing_on += last - pass(self.site, image, &[1.0])[0];
        let place = self.meeting(receivers);
        (0..receivers)
            .map(|receiver| vec![Step::Meet { place, then: ends[receiver % hosts] }])
            .collect()
    }

    /// A place where so many meet.
    fn meeting(&mut self, count: usize) -> usize {
        self.world.meetings.push(count as u32);
        self.world.meetings.len() - 1
    }

    /// Starts a node by its hypervisor and has it boot.
    fn boot(&self, node: usize, slow: f64, seconds: f64) -> Vec<Step> {
        let host = self.host_of(node);
        let amount = seconds * slow;
        let mut steps = vec![Step::Work { server: CORES + host, amount, limit: 1.0 }];
        if self.site.node.start_seconds > 0.0 {
            let start = Step::Wait(self.site.node.start_seconds * slow);
            steps.splice(0..0, [Step::Enter(host), start, Step::Leave(host)]);
        }
        steps
    }

    /// The nodes' own steps, all of the strategy `install` or the part that is asked for.
    fn nodes(&mut self, part: Part) {
        let count = self.node_count();
        let in_part = |one| part == Part::Whole || part == one;
        let mut programs: Vec<Vec<Step>> = vec![Vec::new(); count];
        if in_part(Part::Boot) {
            let slowness = self.draw(count);
            let layers = self.task.strategy != Strategy::Install;
            for (node, program) in programs.iter_mut().enumerate() {
                if layers {
                    let seconds = self.site.node.layers_boot_seconds;
                    program.extend(self.boot(node, slowness[node], seconds));
                } else {
                    program.extend(self.network_boot(node, slowness[node]));
                }
                program.push(note(Phase::Boot));
            }
        }
        if in_part(Part::Transfer) {
            let bytes = self.task.software.image_bytes;
            let alone = self.unpack_rate(1.0);
            let crowded = self.unpack_rate(self.crowd());
            self.crowded_unpacking = bytes as f64 * (1.0 / crowded - 1.0 / alone);
            let steps = self.transfer(bytes, crowded, count);
            for (program, steps) in programs.iter_mut().zip(steps) {
                program.extend(steps);
                program.push(note(Phase::Transfer));
            }
        }
        if in_part(Part::Install) && self.task.software.packages > 0 {
            let slowness = self.draw(count);
            for (node, program) in programs.iter_mut().enumerate() {
                program.extend(self.install(node, slowness[node]));
                program.push(note(Phase::Install));
            }
        }
        if in_part(Part::Reboot) {
            let slowness = self.draw(count);
            for (node, program) in programs.iter_mut().enumerate() {
                let seconds = self.site.node.reboot_seconds;
                program.extend(self.boot(node, slowness[node], seconds));
                program.push(note(Phase::Reboot));
            }
        }
        if part == Part::Clones {
            let slowness = self.draw(count);
            for (node, program) in programs.iter_mut().enumerate() {
                program.push(self.resume(node, slowness[node]));
            }
        }
        if part == Part::Whole {
            for program in &mut programs {
                program.extend(self.overlay());
            }
        }
        for program in &mut programs {
            program.push(note(Phase::Ready));
        }
        self.world.processes.append(&mut programs);
    }

    fn network_boot(&self, node: usize, slow: f64) -> Vec<Step> {
        let description = &self.site.node;
        let mut steps = self.boot(node, slow, description.network_boot_seconds);
        steps.push(Step::Work {
            server: UPLINK,
            amount: description.network_boot_bytes as f64,
            limit: self.site.hosts.nic_bytes_per_second / self.crowd(),
        });
        steps.push(Step::Work {
            server: FILE_SERVICE,
            amount: description.network_boot_head_seconds,
            limit: 1.0,
        });
        steps
    }

    /// Reads the packages from the head node, which serves them one after another, and installs.
    fn install(&self, node: usize, slow: f64) -> [Step; 3] {
        let (description, software) = (&self.site.node, &self.task.software);
        let packages = f64::from(software.packages);
        let served =
            description.install_head_seconds + packages * description.install_head_package_seconds;
        [
            Step::Work {
                server: UPLINK,
                amount: software.packages_bytes as f64,
                limit: self.site.hosts.nic_bytes_per_second / self.crowd(),
            },
            Step::Work { server: FILE_SERVICE, amount: served, limit: 1.0 },
            Step::Work {
                server: CORES + self.host_of(node),
                amount: self.install_seconds() * slow,
                limit: 1.0,
            },
        ]
    }

    fn resume(&self, node: usize, slow: f64) -> Step {
        let amount = self.site.node.clone_seconds * slow;
        Step::Work { server: CORES + self.host_of(node), amount, limit: 1.0 }
    }

    fn overlay(&self) -> Vec<Step> {
        let amount = self.site.node.overlay_head_seconds;
        if amount > 0.0 {
            vec![Step::Work { server: FILE_SERVICE, amount, limit: 1.0 }, note(Phase::Overlay)]
        } else {
            Vec::new()
        }
    }

    /// `layers` and `clone`: the head makes the layer, hosts get it with the image, and nodes start.
    fn shared_root(&mut self, layer: f64) {
        let (hosts, count) = (self.hosts, self.node_count());
        let start = self.meeting(hosts + 1);
        let on_host: Vec<usize> = (0..hosts)
            .map(|host| {
                let nodes = (count + hosts - 1 - host) / hosts;
                self.meeting(nodes + 1)
            })
            .collect();
        let mut head = vec![Step::Meet { place: start, then: 0.0 }];
        if layer > 0.0 {
            head.splice(0..0, [Step::Wait(layer), note(Phase::Layer)]);
        }
        let software = &self.task.software;
        let bytes = software.image_bytes + software.packages_bytes;
        let description = &self.site.hosts;
        let intake = description.nic_bytes_per_second.min(description.disk_bytes_per_second);
        let mut programs = vec![vec![Step::Meet { place: start, then: 0.0 }]; hosts];
        let transfer = self.transfer(bytes, intake, hosts);
        for (program, steps) in programs.iter_mut().zip(transfer) {
            program.extend(steps);
            program.push(note(Phase::Transfer));
        }
        let clone = self.task.strategy == Strategy::Clone;
        if clone {
            let slow = self.draw(1)[0];
            let template = self.boot(0, slow, self.site.node.layers_boot_seconds);
            programs[0].extend(template);
            programs[0].push(note(Phase::Boot));
            if hosts > 1 {
                self.spread_template(&mut programs, intake);
            }
        }
        for (program, place) in programs.iter_mut().zip(&on_host) {
            program.push(Step::Meet { place: *place, then: 0.0 });
        }
        let slowness = self.draw(count);
        for (node, slow) in slowness.iter().enumerate() {
            let place = on_host[self.host_of(node)];
            let mut program = vec![Step::Meet { place, then: 0.0 }];
            if clone {
                program.push(self.resume(node, *slow));
            } else {
                let seconds = self.site.node.layers_boot_seconds;
                program.extend(self.boot(node, *slow, seconds));
                program.push(note(Phase::Boot));
            }
            program.extend(self.overlay());
            program.push(note(Phase::Ready));
            programs.push(program);
        }
        programs.push(head);
        self.world.processes.append(&mut programs);
    }

    /// Brings the template's memory from the host where it booted to the others.
    fn spread_template(&mut self, programs: &mut [Vec<Step>], intake: f64) {
        let booted = self.meeting(programs.len());
        for program in programs.iter_mut() {
            program.push(Step::Meet { place: booted, then: 0.0 });
        }
        let steps = self.transfer(self.site.node.template_bytes, intake, programs.len() - 1);
        for (program, steps) in programs[1..].iter_mut().zip(steps) {
            program.extend(steps);
        }
    }
}
