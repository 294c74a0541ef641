//! How the time of a transfer grows with the number of nodes, by method.

use nalgebra::SVector;
use serde::{Deserialize, Serialize};

use crate::estimate::curve::{Point, Prior, sum_of};

/// Parameters of a transfer's time; see [`Shape::curve`].
pub(super) const PARAMETERS: usize = 4;

/// How sharply the slower of client and network takes over: the exponent of a p-norm, between 1
/// (one after the other) and infinity (perfect overlap). With 4, the paper's 4, 8 and 16 nodes on
/// gigabit Ethernet, whose network is full at 16, come out within a few per cent.
const OVERLAP: f64 = 4.0;

/// What grows with the number of nodes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(super) enum Shape {
    /// One server sends a copy to every node; they share its link.
    SharedServer,
    /// Every node passes pieces on to the next: bytes count once, latency for each hop.
    Chain,
    /// Nodes that have it send it to others, in rounds.
    Tree,
}

impl Shape {
    /// The shape of a method by its name; a method nobody knows is taken for a shared server, the
    /// one that grows fastest.
    pub(super) fn of_method(method: &str) -> Self {
        let is = |names: &[&str]| names.iter().any(|name| method.eq_ignore_ascii_case(name));
        if is(&["chain", "pipeline", "pipelined", "pipelined-chain", "dolly", "dolly+"]) {
            Self::Chain
        } else if is(&["tree", "binary-tree", "multicast-tree"]) {
            Self::Tree
        } else {
            Self::SharedServer
        }
    }

    /// How many overheads come one after another, and how many copies pass the narrowest link.
    fn growth(self, nodes: f64) -> (f64, f64) {
        match self {
            Self::SharedServer => (nodes, nodes),
            Self::Chain => (nodes, 1.0),
            Self::Tree => {
                let rounds = (nodes + 1.0).log2().ceil();
                (rounds, rounds)
            }
        }
    }

    /// What is believed before anything was measured: latency (s), overhead of a node, hop or round
    /// (s), a node's own time for a megabyte, the network's for a megabyte of one copy.
    ///
    /// Latency and overhead: an NFS mount took 0.2 s, DHCP 0.15 s, measured with QEMU 7.2 in
    /// software emulation on 2 cores. A node's own time: the paper's nodes unpacked 7.1 MB of archive
    /// a second, the emulated ones 4.3. The network: gigabit Ethernet brings 117 MB of payload a
    /// second. Spreads are wide, a factor of two to three, since sites differ by that and more.
    pub(super) fn prior(self) -> Prior<PARAMETERS> {
        let overhead = match self {
            Self::SharedServer => 0.02,
            Self::Chain => 0.005,
            Self::Tree => 0.1,
        };
        Prior::new([0.2, overhead, 0.14, 1.0 / 117.0], [1.0, 1.2, 0.9, 0.7])
    }

    /// `ln(latency + overhead g(n) + megabytes ((own)^4 + (network f(n))^4)^(1/4))` and its
    /// derivatives by the logarithms of the four parameters.
    pub(super) fn curve(
        self,
        logs: &SVector<f64, PARAMETERS>,
        bytes: u64,
        nodes: u32,
    ) -> Point<PARAMETERS> {
        let (overheads, copies) = self.growth(f64::from(nodes));
        let megabytes = bytes as f64 / 1e6;
        let own = logs[2].exp();
        let network = logs[3].exp() * copies;
        let larger = own.max(network);
        let (own, network) = ((own / larger).powf(OVERLAP), (network / larger).powf(OVERLAP));
        let moved = megabytes * larger * (own + network).powf(1.0 / OVERLAP);
        // The derivative of a norm by a part's logarithm is the norm times the part's share.
        let share = own / (own + network);
        sum_of(SVector::from([
            logs[0].exp(),
            logs[1].exp() * overheads,
            moved * share,
            moved * (1.0 - share),
        ]))
    }
}
