//! Which addresses the nodes of a cluster have.

use std::net::Ipv4Addr;

use sha2::{Digest, Sha256};
use thiserror::Error;
use vclust_core::MacAddress;

use super::NetworkPlan;

/// Most nodes of a cluster: a bridge of Linux has 1,024 ports.
const MOST_NODES: u32 = 1000;
/// Nodes for each value of an address's third byte; the rest of the 256 stay free.
const PER_BYTE: u32 = 250;
/// Bits of a hardware address that tell the nodes of a cluster apart; 0 is the head node.
const NODE_BITS: u32 = 10;

/// A cluster that is too large, or has no nodes.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error("a cluster has 1 to {MOST_NODES} nodes, not {0}")]
pub struct TooManyNodes(pub u32);

/// The addresses of a cluster: 10.77.0.0/16, in which 10.77.0.1 is the head node and 10.77.1.1 the first
/// node. The first half of a hardware address is the one that virtual machines commonly have; of the
/// second half 14 bits come from the cluster's id, and 10 from the node's number.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AddressPlan {
    cluster: u32,
    nodes: u32,
}

/// The addresses of a node.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct NodeAddress {
    /// Its hardware address.
    pub mac: MacAddress,
    /// Its address.
    pub address: Ipv4Addr,
}

impl AddressPlan {
    /// How many bits of an address are the network's.
    pub const PREFIX: u8 = 16;

    /// The addresses for a cluster's id and number of nodes.
    pub fn new(cluster: &str, nodes: u32) -> Result<Self, TooManyNodes> {
        if !(1..=MOST_NODES).contains(&nodes) {
            return Err(TooManyNodes(nodes));
        }
        let digest = Sha256::digest(cluster);
        let first = u32::from_be_bytes([digest[0], digest[1], digest[2], digest[3]]);
        Ok(Self { cluster: first >> (8 + NODE_BITS), nodes })
    }

    /// The network: its lowest address.
    #[must_use]
    pub fn network(&self) -> Ipv4Addr {
        Ipv4Addr::new(10, 77, 0, 0)
    }

    /// The network's mask.
    #[must_use]
    pub fn mask(&self) -> Ipv4Addr {
        Ipv4Addr::new(255, 255, 0, 0)
    }

    /// The head node's addresses.
    #[must_use]
    pub fn head(&self) -> NodeAddress {
        NodeAddress { mac: self.mac(0), address: Ipv4Addr::new(10, 77, 0, 1) }
    }

    /// The addresses of a node; the first has number 1.
    #[must_use]
    pub fn node(&self, number: u32) -> Option<NodeAddress> {
        if !(1..=self.nodes).contains(&number) {
            return None;
        }
        let (block, place) = ((number - 1) / PER_BYTE, (number - 1) % PER_BYTE);
        let address = Ipv4Addr::new(10, 77, 1 + block as u8, 1 + place as u8);
        Some(NodeAddress { mac: self.mac(number), address })
    }

    /// The addresses of all nodes, in their order.
    pub fn nodes(&self) -> impl Iterator<Item = NodeAddress> + '_ {
        (1..=self.nodes).filter_map(|number| self.node(number))
    }

    /// The tap of a node on the bridge.
    #[must_use]
    pub fn tap(number: u32) -> String {
        format!("tap{number}")
    }

    /// The network to make for these addresses.
    #[must_use]
    pub fn plan(&self) -> NetworkPlan {
        let NodeAddress { mac, address } = self.head();
        let taps = (1..=self.nodes).map(Self::tap).collect();
        NetworkPlan { head: address, prefix: Self::PREFIX, mac, taps }
    }

    fn mac(&self, number: u32) -> MacAddress {
        let [_, high, middle, low] = (self.cluster << NODE_BITS | number).to_be_bytes();
        MacAddress([0x52, 0x54, 0, high, middle, low])
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;

    #[test]
    fn a_thousand_nodes_have_addresses_of_their_own_within_the_network() {
        let plan = AddressPlan::new("c1", MOST_NODES).unwrap();
        let mask = plan.mask().to_bits();
        let all: Vec<NodeAddress> = std::iter::once(plan.head()).chain(plan.nodes()).collect();
        assert_eq!(all.len(), 1001);
        let addresses: HashSet<_> = all.iter().map(|node| node.address).collect();
        let macs: HashSet<_> = all.iter().map(|node| node.mac).collect();
        assert_eq!((addresses.len(), macs.len()), (1001, 1001));
        for node in &all {
            assert_eq!(node.address.to_bits() & mask, plan.network().to_bits());
            assert!(!matches!(node.address.octets()[3], 0 | 255), "{}", node.address);
            assert_eq!(node.mac.0[..3], [0x52, 0x54, 0]);
        }
        assert_eq!(plan.node(250).unwrap().address, Ipv4Addr::new(10, 77, 1, 250));
        assert_eq!(plan.node(251).unwrap().address, Ipv4Addr::new(10, 77, 2, 1));
        assert_eq!((plan.node(0), plan.node(1001)), (None, None));
    }

    #[test]
    fn clusters_differ_in_their_hardware_addresses() {
        let first = |cluster| AddressPlan::new(cluster, 2).unwrap().node(1).unwrap().mac;
        assert_ne!(first("a"), first("b"));
        assert_eq!(first("a"), first("a"));
    }

    #[test]
    fn a_cluster_of_no_nodes_or_too_many_is_refused() {
        assert_eq!(AddressPlan::new("c", 0), Err(TooManyNodes(0)));
        let error = AddressPlan::new("c", 1001).unwrap_err();
        assert_eq!(error.to_string(), "a cluster has 1 to 1000 nodes, not 1001");
    }
}
