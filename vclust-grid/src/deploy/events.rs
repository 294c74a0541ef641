//! What is told while a cluster comes up.

use vclust_agent::protocol::Step;
use vclust_core::{DomainName, Phase};

/// Something that happened on the way to a cluster.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub enum DeployEvent {
    /// A phase began.
    Began {
        /// Which.
        phase: Phase,
    },
    /// A phase is over.
    Ended {
        /// Which.
        phase: Phase,
        /// Seconds it took.
        seconds: f64,
    },
    /// A node has come to another stage.
    Node {
        /// The node.
        node: DomainName,
        /// The stage.
        stage: NodeStage,
        /// Seconds since the nodes were begun with.
        seconds: f64,
    },
    /// Something that people should know.
    Notice {
        /// In words.
        text: String,
    },
}

/// How far a node has come.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub enum NodeStage {
    /// Its machine starts.
    Starting,
    /// Its agent has answered: the kernel runs, and the first program does.
    Agent,
    /// A step of its agent is done.
    Step {
        /// Which.
        step: Step,
        /// Seconds it took.
        seconds: f64,
    },
    /// It has its root on its own disk, and starts from there.
    Installed,
    /// It can be used.
    Ready,
    /// It failed and is tried again.
    Retrying {
        /// Why.
        reason: String,
    },
    /// It failed for good.
    Failed {
        /// Why.
        reason: String,
    },
}

impl NodeStage {
    /// Its name, as answers and progress lines write it.
    #[must_use]
    pub fn name(&self) -> &'static str {
        match self {
            Self::Starting => "starting",
            Self::Agent => "agent",
            Self::Step { step, .. } => step.name(),
            Self::Installed => "installed",
            Self::Ready => "ready",
            Self::Retrying { .. } => "retrying",
            Self::Failed { .. } => "failed",
        }
    }
}

/// Called as a cluster comes up, from several threads.
pub type OnDeploy<'a> = &'a (dyn Fn(DeployEvent) + Sync);
