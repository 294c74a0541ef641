//! How the time of a transfer grows with the number of nodes, by method.

use nalgebra::SVector;

use crate::estimate::curve::{Point, Prior, sum_of};
use crate::site::TransferMethod;

/// Parameters of a transfer's time; see [`curve`].
pub(super) const PARAMETERS: usize = 4;

/// How sharply the slower of client and network takes over: the exponent of a p-norm, between 1
/// (one after the other) and infinity (perfect overlap). With 4, the paper's 4, 8 and 16 nodes on
/// gigabit Ethernet, whose network is full at 16, come out within a few per cent.
const OVERLAP: f64 = 4.0;

/// How many overheads come one after another, and how many copies pass the narrowest link.
fn growth(method: TransferMethod, nodes: f64) -> (f64, f64) {
    match method {
        TransferMethod::SharedServer => (nodes, nodes),
        TransferMethod::Chain => (nodes, 1.0),
        TransferMethod::Tree => {
            let rounds = (nodes + 1.0).log2().ceil();
            (rounds, rounds)
        }
    }
}

/// What is believed before anything was measured: latency (s), overhead of a node, hop or round
/// (s), a node's own time for a megabyte, the network's for a megabyte of one copy.
///
/// Latency and overhead: an NFS mount took 0.2 s, DHCP 0.15 s, measured with QEMU 7.2 in software
/// emulation on 2 cores. A node's own time: the paper's nodes unpacked 7.1 MB of archive a second,
/// the emulated ones 4.3. The network: gigabit Ethernet brings 117 MB of payload a second. Spreads
/// are wide, a factor of two to three, since sites differ by that and more.
pub(super) fn prior(method: TransferMethod) -> Prior<PARAMETERS> {
    let overhead = match method {
        TransferMethod::SharedServer => 0.02,
        TransferMethod::Chain => 0.005,
        TransferMethod::Tree => 0.1,
    };
    Prior::new([0.2, overhead, 0.14, 1.0 / 117.0], [1.0, 1.2, 0.9, 0.7])
}

/// `ln(latency + overhead g(n) + megabytes ((own)^4 + (network f(n))^4)^(1/4))` and its derivatives
/// by the logarithms of the four parameters, which are given as logarithms.
pub(super) fn curve(
    method: TransferMethod,
    logs: &SVector<f64, PARAMETERS>,
    bytes: u64,
    nodes: u32,
) -> Point<PARAMETERS> {
    let (overheads, copies) = growth(method, f64::from(nodes));
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
