//! One node, from nothing to ready.

use std::path::PathBuf;
use std::thread;
use std::time::{Duration, Instant};

use vclust_agent::protocol::{Become, Install, Order, Prepare, Report, VERSION, with_causes};
use vclust_core::{
    DomainConfiguration, DomainName, DomainState, Hypervisor, HypervisorError, HypervisorProblem,
};

use super::agent::{Agent, Silence};
use super::cancel::Cancel;
use super::console_tail;
use super::error::DeployError;
use super::events::{DeployEvent, NodeStage, OnDeploy};

/// How long a node may be silent while its kernel starts, and how much longer for each other node that
/// starts on the same processor: many emulated machines share few. Measured are 1.5 s, and
/// 2.5 s more; starting from the network takes longer.
const BOOT: (Duration, Duration) = (Duration::from_secs(90), Duration::from_secs(20));
/// How long systemd may take to start all services.
const SERVICES: Duration = Duration::from_secs(300);
/// How long a node may be silent between two steps.
const STEP: Duration = Duration::from_secs(120);
/// How long a node may be silent while it unpacks an image or installs packages.
const INSTALL: Duration = Duration::from_secs(1800);
/// How often a node is tried.
const TRIES: u32 = 3;

/// How a node starts.
#[derive(Debug, Clone)]
pub(super) enum Origin {
    /// Its kernel starts.
    Boot(Prepare),
    /// It starts as a copy of what was saved.
    Saved(PathBuf),
    /// It fills its own disk first, and starts again from there.
    Install(Box<Install>),
}

/// A node to be brought up.
#[derive(Debug, Clone)]
pub(super) struct NodeTask {
    pub(super) configuration: DomainConfiguration,
    pub(super) origin: Origin,
    pub(super) identity: Become,
}

/// What brings nodes up, for all nodes of a cluster.
pub(super) struct Bringing<'a> {
    pub(super) hypervisor: &'a dyn Hypervisor,
    pub(super) cancel: &'a Cancel,
    pub(super) on_event: OnDeploy<'a>,
    /// When the nodes were begun with.
    pub(super) start: Instant,
    /// How many nodes are at work at a time.
    pub(super) at_once: usize,
}

/// Why one attempt failed.
enum Problem {
    Silence(Silence),
    Hypervisor(HypervisorError),
}

impl Problem {
    /// Whether the hypervisor does nothing any more, whatever it is asked for.
    fn is_for_good(&self) -> bool {
        let unusable =
            |error: &HypervisorError| matches!(error.problem, HypervisorProblem::Unusable(_));
        matches!(self, Self::Hypervisor(error) if unusable(error))
    }
}

impl From<Silence> for Problem {
    fn from(silence: Silence) -> Self {
        Self::Silence(silence)
    }
}

impl From<HypervisorError> for Problem {
    fn from(error: HypervisorError) -> Self {
        Self::Hypervisor(error)
    }
}

impl Bringing<'_> {
    /// How long a node may be silent while its kernel starts.
    fn boot_limit(&self) -> Duration {
        let processors = thread::available_parallelism().map_or(1, usize::from);
        let beside = self.at_once.div_ceil(processors).saturating_sub(1);
        BOOT.0 + BOOT.1 * u32::try_from(beside).unwrap_or(u32::MAX)
    }

    fn tell(&self, node: &DomainName, stage: NodeStage) {
        let seconds = self.start.elapsed().as_secs_f64();
        (self.on_event)(DeployEvent::Node { node: node.clone(), stage, seconds });
    }

    /// Brings a node up, trying again where that may help; seconds from the beginning until it was
    /// ready.
    pub(super) fn bring_up(&self, task: &NodeTask) -> Result<f64, DeployError> {
        let node = &task.configuration.name;
        let mut attempt = 1;
        loop {
            let problem = match self.attempt(task) {
                Ok(()) => return Ok(self.start.elapsed().as_secs_f64()),
                Err(problem) => problem,
            };
            let console = console_tail(self.hypervisor, node);
            if !problem.is_for_good() {
                let _ = self.hypervisor.kill(node);
            }
            let reason = match problem {
                Problem::Silence(Silence::Cancelled) => return Err(DeployError::Cancelled),
                Problem::Silence(silence) => silence.reason(),
                // its machine may have died as it was started
                Problem::Hypervisor(error) if may_pass(&error) => with_causes(&error),
                // what the hypervisor refuses it will refuse again
                Problem::Hypervisor(error) => {
                    let reason = with_causes(&error);
                    self.tell(node, NodeStage::Failed { reason });
                    return Err(error.into());
                }
            };
            if attempt == TRIES {
                self.tell(node, NodeStage::Failed { reason: reason.clone() });
                return Err(DeployError::Node { node: node.clone(), reason, console });
            }
            self.tell(node, NodeStage::Retrying { reason });
            attempt += 1;
        }
    }

    fn attempt(&self, task: &NodeTask) -> Result<(), Problem> {
        let node = &task.configuration.name;
        self.tell(node, NodeStage::Starting);
        let mut agent = match &task.origin {
            Origin::Saved(saved) => {
                self.hypervisor.restore(node, saved)?;
                let agent = Agent::on(self.hypervisor.channel(node)?);
                self.tell(node, NodeStage::Agent);
                agent
            }
            Origin::Boot(prepare) => {
                self.hypervisor.start(node)?;
                let mut agent = Agent::on(self.hypervisor.channel(node)?);
                self.greet(node, &agent)?;
                agent.order(&Order::Prepare(prepare.clone()))?;
                self.wait(&agent, node, STEP, |report| {
                    matches!(report, Report::Prepared).then_some(())
                })?;
                agent
            }
            Origin::Install(install) => {
                self.install(node, install)?;
                self.hypervisor.start(node)?;
                let mut agent = Agent::on(self.hypervisor.channel(node)?);
                self.greet(node, &agent)?;
                agent.order(&Order::Prepare(Prepare::default()))?;
                self.wait(&agent, node, STEP, |report| {
                    matches!(report, Report::Prepared).then_some(())
                })?;
                agent
            }
        };
        let mut identity = task.identity.clone();
        identity.time = now();
        agent.order(&Order::Become(Box::new(identity)))?;
        let is_systemd = task.identity.init == vclust_agent::protocol::Init::Systemd;
        let limit = if is_systemd { SERVICES } else { STEP };
        let hooks = task.identity.hooks.iter().map(|hook| u64::from(hook.timeout)).max();
        let limit = limit + Duration::from_secs(hooks.unwrap_or(0));
        self.wait(&agent, node, limit, |report| {
            matches!(report, Report::Ready { .. }).then_some(())
        })?;
        self.tell(node, NodeStage::Ready);
        Ok(())
    }

    /// Has a node fill its own disk, and waits until it has switched itself off.
    fn install(&self, node: &DomainName, install: &Install) -> Result<(), Problem> {
        self.hypervisor.start(node)?;
        let mut agent = Agent::on(self.hypervisor.channel(node)?);
        self.greet(node, &agent)?;
        let order = Install { time: now(), ..install.clone() };
        agent.order(&Order::Install(Box::new(order)))?;
        self.wait(&agent, node, INSTALL, |report| {
            matches!(report, Report::Installed { .. }).then_some(())
        })?;
        self.hypervisor.wait(node, &[DomainState::Off], STEP)?;
        self.tell(node, NodeStage::Installed);
        Ok(())
    }

    /// Waits for the first words of a node whose kernel starts.
    pub(super) fn greet(&self, node: &DomainName, agent: &Agent) -> Result<(), Silence> {
        let version = self.wait(agent, node, self.boot_limit(), |report| match report {
            Report::Hello { version, .. } => Some(*version),
            _ => None,
        })?;
        if version != VERSION {
            let text = format!("its agent speaks version {version} of the protocol, not {VERSION}");
            return Err(Silence::Failed(text));
        }
        self.tell(node, NodeStage::Agent);
        Ok(())
    }

    /// Waits for an answer, and tells of steps that are done meanwhile.
    pub(super) fn wait<T>(
        &self,
        agent: &Agent,
        node: &DomainName,
        limit: Duration,
        answer: impl FnMut(&Report) -> Option<T>,
    ) -> Result<T, Silence> {
        agent.wait(limit, self.cancel, answer, |report| {
            if let Report::Done { step, seconds } = report {
                self.tell(node, NodeStage::Step { step: *step, seconds: *seconds });
            }
        })
    }
}

/// Whether another attempt may go better.
fn may_pass(error: &HypervisorError) -> bool {
    !matches!(
        error.problem,
        HypervisorProblem::Missing { .. }
            | HypervisorProblem::Memory { .. }
            | HypervisorProblem::Unknown
            | HypervisorProblem::InUse
            | HypervisorProblem::Unusable(_)
    )
}

/// Seconds since 1970.
pub(super) fn now() -> f64 {
    std::time::SystemTime::now()
        .duration_since(std::time::SystemTime::UNIX_EPOCH)
        .unwrap_or_default()
        .as_secs_f64()
}
