//! Transfers in which hosts pass an image on: when each host has all of it.
//!
//! Both start when the last host is ready, and nothing else uses the links meanwhile, so the times
//! follow from recurrences and need no events.

use super::description::SiteDescription;

/// An image on its way.
#[derive(Debug, Clone, Copy)]
pub(super) struct Image {
    pub(super) bytes: f64,
    /// Bytes a second at which a host takes it in, such as what its nodes can unpack.
    pub(super) intake: f64,
}

/// Hosts times pieces, and pieces: beyond these, pieces are taken to be larger, so that a simulation
/// ends whatever a description says.
const MOST_STEPS: f64 = 2e8;
const MOST_PIECES: f64 = 1e5;
const FEWEST_PIECES: f64 = 64.0;

/// A pipelined chain, as Dolly+ has it: the head node sends pieces to the first host, which passes
/// each on as soon as it has it. A host takes pieces in while it passes on others.
///
/// A host has piece k when its predecessor has had it for a hop, and it has piece k - 1. The answer
/// is, for each host, seconds from the start until it has taken everything in; `slowness` are
/// factors on the time of taking in.
pub(super) fn chain(site: &SiteDescription, image: Image, slowness: &[f64]) -> Vec<f64> {
    let most = (MOST_STEPS / slowness.len().max(1) as f64).clamp(FEWEST_PIECES, MOST_PIECES);
    let pieces = (image.bytes / site.transfer.chunk_bytes as f64).ceil().clamp(1.0, most);
    let piece = image.bytes / pieces;
    let first = site.head.uplink_bytes_per_second.min(site.head.disk_bytes_per_second);
    #[expect(clippy::cast_sign_loss, reason = "a number of pieces is not negative")]
    let mut arrivals = vec![site.transfer.latency_seconds; pieces as usize];
    let mut rate = first.min(site.hosts.nic_bytes_per_second);
    let mut ends = Vec::with_capacity(slowness.len());
    for slow in slowness {
        let (mut received, mut taken) = (0.0_f64, 0.0_f64);
        for arrival in &mut arrivals {
            received = received.max(*arrival) + piece / rate;
            *arrival = received + site.transfer.hop_latency_seconds;
            taken = taken.max(received) + piece * slow / image.intake;
        }
        // What is taken in while it arrives is done at best a piece later than it has arrived.
        ends.push(taken);
        rate = site.hosts.nic_bytes_per_second;
    }
    ends
}

/// A tree: whoever has the image sends it to `tree_fanout` others at the same time, sharing its
/// link; each round is a whole image. The head node is the root. As [`chain`] otherwise.
pub(super) fn tree(site: &SiteDescription, image: Image, slowness: &[f64]) -> Vec<f64> {
    let fanout = site.transfer.tree_fanout as usize;
    let mut arrivals: Vec<f64> = Vec::with_capacity(slowness.len());
    let mut ends = Vec::with_capacity(slowness.len());
    for (host, slow) in slowness.iter().enumerate() {
        let (start, link) = if host < fanout {
            let head = site.head.uplink_bytes_per_second.min(site.head.disk_bytes_per_second);
            (site.transfer.latency_seconds, head)
        } else {
            let parent = arrivals[host / fanout - 1];
            (parent + site.transfer.hop_latency_seconds, site.hosts.nic_bytes_per_second)
        };
        let siblings = fanout.min(slowness.len() - host / fanout * fanout);
        let rate = (link / siblings as f64).min(site.hosts.nic_bytes_per_second);
        arrivals.push(start + image.bytes / rate);
        let taking = image.bytes * slow / image.intake;
        ends.push((start + taking).max(start + image.bytes / rate));
    }
    ends
}

#[cfg(test)]
mod tests {
    use super::*;

    fn site() -> SiteDescription {
        let mut site = SiteDescription::paper();
        site.head.uplink_bytes_per_second = 100e6;
        site.head.disk_bytes_per_second = 100e6;
        site.hosts.nic_bytes_per_second = 100e6;
        site.transfer.latency_seconds = 0.5;
        site.transfer.hop_latency_seconds = 0.01;
        site.transfer.chunk_bytes = 1_000_000;
        site
    }

    #[test]
    fn a_chain_costs_its_bytes_once_and_a_piece_for_each_hop() {
        let image = Image { bytes: 50e6, intake: 1e12 };
        let ends = chain(&site(), image, &[1.0; 100]);
        for (host, end) in ends.iter().enumerate() {
            // Latency, all bytes once, then for each hop its latency and one piece.
            let formula = 0.5 + 0.5 + host as f64 * (0.01 + 0.01);
            assert!((end / formula - 1.0).abs() < 1e-3, "{host}: {end} {formula}");
        }
        let slow = chain(&site(), Image { bytes: 50e6, intake: 5e6 }, &[1.0; 100]);
        // Hosts that take in more slowly than pieces come do not hold up those behind them.
        assert!((slow[99] - slow[0] - (ends[99] - ends[0])).abs() < 1e-6);
        assert!((slow[0] - (0.5 + 0.01 + 10.0)).abs() < 1e-6);
    }

    #[test]
    fn a_tree_takes_a_round_for_each_of_its_levels() {
        let image = Image { bytes: 50e6, intake: 1e12 };
        let ends = tree(&site(), image, &[1.0; 14]);
        // 2, 4 and 8 hosts: each level gets two images over one link.
        assert!((ends[1] - 1.5).abs() < 1e-9 && (ends[5] - 2.51).abs() < 1e-9);
        assert!((ends[13] - 3.52).abs() < 1e-9, "{ends:?}");
        assert!((tree(&site(), image, &[1.0])[0] - 1.0).abs() < 1e-9);
    }
}
