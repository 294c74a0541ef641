//! Prices as the estimators know them.

use super::StackPrice;
use super::prices::{BytesPrice, Prices, RunPrice, StrategyPrices};
use crate::catalogue::Catalogue;
use crate::estimate::{
    BlendedTransfer, Estimate, Estimator, InstallEstimator, NodeSpeed, PhaseEstimator, PhaseTask,
    RunCost, Slowdown, TransferTask, UNPACKED_BYTES,
};
use crate::history::Phase;
use crate::strategy::Strategy;

/// The estimators that prices are made of.
#[derive(Debug, Clone, Copy)]
pub struct Estimators<'a> {
    /// Of installs on the head node.
    pub installs: &'a InstallEstimator<'a>,
    /// Of how much longer they take in nodes.
    pub nodes: &'a NodeSpeed,
    /// Of transfers.
    pub transfers: &'a BlendedTransfer,
    /// Of booting and all other phases.
    pub phases: &'a PhaseEstimator,
}

/// Where a cluster is built, and how large it is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Conditions {
    /// The site.
    pub site: String,
    /// Number of nodes.
    pub nodes: u32,
    /// Number of nodes that start at the same time on what they share: all of them on one host, one
    /// where each has a host of its own.
    pub started_together: u32,
    /// How images go to nodes, such as `nfs`.
    pub method: String,
    /// The hypervisor, where it is known.
    pub hypervisor: Option<String>,
    /// Memory of each node in bytes, where it is known.
    pub memory_bytes: Option<u64>,
    /// Whether unpacking is a phase of its own; else the transfer lasts until a node has unpacked.
    pub unpacks_apart: bool,
    /// Images, by their names, of which a booted template is kept: copies of it need no boot.
    pub booted: Vec<String>,
}

impl Conditions {
    /// So many nodes of a site, all on one host, their images brought by NFS.
    #[must_use]
    pub fn new(site: impl Into<String>, nodes: u32) -> Self {
        Self {
            site: site.into(),
            nodes,
            started_together: nodes,
            method: "nfs".to_owned(),
            hypervisor: None,
            memory_bytes: None,
            unpacks_apart: false,
            booted: Vec::new(),
        }
    }

    fn phase(&self, strategy: Strategy, phase: Phase, nodes: u32) -> PhaseTask {
        PhaseTask {
            site: self.site.clone(),
            strategy: strategy.name().to_owned(),
            phase,
            hypervisor: self.hypervisor.clone(),
            memory_bytes: self.memory_bytes,
            nodes,
        }
    }

    fn transfer(&self, image: &str, bytes: u64) -> TransferTask {
        TransferTask {
            site: self.site.clone(),
            image: image.to_owned(),
            bytes,
            method: self.method.clone(),
            nodes: self.nodes,
        }
    }
}

/// Two sizes through which the line over bytes is drawn; the model of transfers is linear in them.
const SMALL: u64 = 50_000_000;
const LARGE: u64 = 500_000_000;
/// A name that no image has.
const NO_IMAGE: &str = "";

impl Estimators<'_> {
    /// The prices of strategies under some conditions, with what was measured of single images of the
    /// catalogue. A strategy of which nothing is known is left out; with zero nodes all are.
    #[must_use]
    pub fn prices(
        &self,
        conditions: &Conditions,
        strategies: &[Strategy],
        catalogue: &Catalogue,
    ) -> Prices {
        let priced = strategies
            .iter()
            .filter_map(|strategy| self.strategy(*strategy, conditions, catalogue))
            .collect();
        Prices { nodes: conditions.nodes, strategies: priced }
    }

    fn strategy(
        &self,
        strategy: Strategy,
        conditions: &Conditions,
        catalogue: &Catalogue,
    ) -> Option<StrategyPrices> {
        let together = conditions.started_together;
        let phase = |phase, nodes| self.phases.estimate(&conditions.phase(strategy, phase, nodes));
        let fixed = match strategy {
            Strategy::Install => vec![
                (Phase::Boot, phase(Phase::Boot, together)?),
                (Phase::Reboot, phase(Phase::Reboot, together)?),
            ],
            Strategy::Layers => vec![(Phase::Boot, phase(Phase::Boot, together)?)],
            Strategy::Clone => vec![(Phase::Ready, phase(Phase::Ready, together)?)],
        };
        let (mut by_bytes, mut measured) = (Vec::new(), Vec::new());
        if strategy == Strategy::Clone {
            // the template's boot; which image it is of makes no difference, unless there is one
            by_bytes.push((Phase::Boot, constant(phase(Phase::Boot, 1)?)));
            let nothing = Estimate::around(0.0, 0.0);
            let booted = conditions.booted.iter();
            measured.extend(booted.map(|image| (image.clone(), Phase::Boot, nothing)));
        }
        if strategy == Strategy::Install {
            by_bytes.push((Phase::Transfer, self.transfer_price(conditions)?));
            if conditions.unpacks_apart {
                by_bytes.push((Phase::Unpack, by_size(phase(Phase::Unpack, together)?)));
            }
            measured = self.measured(conditions, catalogue);
        }
        let layer = match strategy {
            Strategy::Install => None,
            Strategy::Layers | Strategy::Clone => Some(phase(Phase::Layer, 1)?),
        };
        let nodes = if strategy == Strategy::Install { conditions.nodes } else { 1 };
        let slowdown = match strategy {
            Strategy::Install => self.nodes.slowdown(conditions.hypervisor.as_deref()),
            Strategy::Layers | Strategy::Clone => Slowdown::NONE,
        };
        let run = RunPrice::Scale {
            scale: self.installs.run_scale(nodes).slowed(slowdown.factor),
            relative_half_width: self.run_half_width(nodes).hypot(slowdown.relative_half_width),
        };
        let stack = (strategy != Strategy::Install).then(StackPrice::shipped);
        Some(StrategyPrices { strategy, fixed, by_bytes, measured, run, layer, stack })
    }

    fn transfer_price(&self, conditions: &Conditions) -> Option<BytesPrice> {
        let at = |bytes| self.transfers.estimate(&conditions.transfer(NO_IMAGE, bytes));
        let (small, large) = (at(SMALL)?, at(LARGE)?);
        let per_byte = (large.seconds - small.seconds) / (LARGE - SMALL) as f64;
        let half_width = |estimate: &Estimate| (estimate.high - estimate.low) / 2.0;
        Some(BytesPrice {
            start: small.seconds - per_byte * SMALL as f64,
            per_byte,
            relative_half_width: half_width(&small) / small.seconds,
        })
    }

    /// Transfers of images whose own past says something else than the line.
    fn measured(
        &self,
        conditions: &Conditions,
        catalogue: &Catalogue,
    ) -> Vec<(String, Phase, Estimate)> {
        let mut measured = Vec::new();
        for (_, image) in catalogue.iter() {
            let task = conditions.transfer(&image.id, image.bytes);
            if !self.transfers.has_measured(&task) {
                continue;
            }
            if let Some(estimate) = self.transfers.estimate(&task) {
                measured.push((image.id.clone(), Phase::Transfer, estimate));
            }
        }
        measured
    }

    /// What is uncertain of runs besides single packages: taken from a run whose packages are certain.
    fn run_half_width(&self, nodes: u32) -> f64 {
        let certain = RunCost {
            packages: 40,
            unpack_seconds: 2.0,
            configure_seconds: 1.0,
            variance: 0.0,
            activates_ldconfig: false,
        };
        let run = self.installs.run_estimate(&certain, nodes);
        (run.high - run.seconds) / run.seconds
    }
}

/// What takes time in proportion to an image, estimated for one of [`UNPACKED_BYTES`].
fn by_size(estimate: Estimate) -> BytesPrice {
    let per_byte = estimate.seconds / UNPACKED_BYTES as f64;
    BytesPrice { start: 0.0, per_byte, ..constant(estimate) }
}

fn constant(estimate: Estimate) -> BytesPrice {
    let relative = (estimate.high - estimate.low) / 2.0 / estimate.seconds;
    BytesPrice { start: estimate.seconds, per_byte: 0.0, relative_half_width: relative }
}
