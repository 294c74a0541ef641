//! Files by which the nodes of a cluster know each other.

use std::fmt::Write as _;
use std::net::Ipv4Addr;

use super::keys::ClusterKeys;
use super::record::NodeRecord;

/// The text of a node's `/etc/hosts` (hosts(5)): itself, the head node as `head`, and all nodes.
///
/// A node's own name is bound to its address in the cluster and not, as Debian's installer does it, to
/// one of the loopback: MPI tells other nodes where to find it by that name.
#[must_use]
pub fn hosts_file(head: Ipv4Addr, nodes: &[NodeRecord]) -> String {
    let mut text =
        format!("127.0.0.1 localhost\n::1 localhost ip6-localhost ip6-loopback\n{head} head\n");
    for node in nodes {
        // writing to a string does not fail
        let _ = writeln!(text, "{} {}", node.address, node.name);
    }
    text
}

/// The text of a file of known hosts (sshd(8)): every node by its name and its address.
///
/// # Panics
/// If there are fewer host keys than nodes.
#[must_use]
pub fn known_hosts(nodes: &[NodeRecord], keys: &ClusterKeys) -> String {
    assert!(keys.hosts().len() >= nodes.len(), "a host key for every node");
    let lines = nodes.iter().zip(keys.hosts());
    lines.fold(String::new(), |mut text, (node, key)| {
        let _ = writeln!(text, "{},{} {}", node.name, node.address, key.public());
        text
    })
}

/// The text of a file that `mpirun` takes for `--hostfile`: the nodes with so many processes each.
#[must_use]
pub fn mpi_hostfile(nodes: &[NodeRecord], slots: u32) -> String {
    nodes.iter().fold(String::new(), |mut text, node| {
        let _ = writeln!(text, "{} slots={slots}", node.name);
        text
    })
}
