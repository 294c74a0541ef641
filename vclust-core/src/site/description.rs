//! A site as its owner describes it, in TOML.

use serde::{Deserialize, Serialize};

use super::error::SiteError;

const PAPER: &str = include_str!("presets/paper.toml");
const PAPER_HARDWARE: &str = include_str!("presets/paper-hardware.toml");
const LABORATORY: &str = include_str!("presets/laboratory.toml");

/// A physical cluster: what it has, and what one node alone takes for each part of a build.
///
/// Times are seconds of one node that has its host to itself; what several nodes cost follows from
/// what they share. All fields have to be given, except where a default is stated.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SiteDescription {
    /// The site's name.
    pub name: String,
    /// The head node.
    pub head: HeadDescription,
    /// The hosts that nodes run on; all are alike.
    pub hosts: HostsDescription,
    /// How images travel.
    pub transfer: TransferDescription,
    /// What one node does.
    pub node: NodeDescription,
}

/// The head node.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct HeadDescription {
    /// What its link to the hosts carries, after protocol overhead.
    pub uplink_bytes_per_second: f64,
    /// What its disk writes and reads.
    pub disk_bytes_per_second: f64,
    /// How many times as fast as in a node packages install on it.
    pub install_speed: f64,
    /// Seconds for making a layer, besides installing and writing it.
    pub layer_seconds: f64,
}

/// The hosts that nodes run on.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct HostsDescription {
    /// How many there are; without it, as many as the nodes need.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub count: Option<u32>,
    /// Nodes on each host, as long as there are hosts; more nodes than fit crowd all hosts evenly.
    pub nodes_per_host: u32,
    /// What its network card carries, after protocol overhead.
    pub nic_bytes_per_second: f64,
    /// What its disk writes.
    pub disk_bytes_per_second: f64,
    /// Processor cores that nodes can use.
    pub cores: f64,
    /// Share of a core that is lost for each job beyond one on it.
    #[serde(default)]
    pub crowding: f64,
    /// Nodes that the hypervisor starts at the same time.
    pub start_concurrency: u32,
}

/// How images travel.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TransferDescription {
    /// Seconds before the first byte moves.
    pub latency_seconds: f64,
    /// Seconds that a piece takes from one host of a chain or tree to the next, besides its bytes.
    pub hop_latency_seconds: f64,
    /// Size of the pieces that a chain passes on.
    pub chunk_bytes: u64,
    /// Hosts that each host of a tree sends to.
    pub tree_fanout: u32,
}

/// What one node does. A `_seconds` is processor time where nothing else is said; a
/// `_head_seconds` is work of the head node's file service, done for one node after another.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct NodeDescription {
    /// Relative spread (one standard deviation) between nodes.
    #[serde(default)]
    pub jitter: f64,
    /// The hypervisor's start of a node, waiting.
    pub start_seconds: f64,
    /// Booting from the network, up to an empty disk.
    pub network_boot_seconds: f64,
    /// What that reads from the head node.
    pub network_boot_bytes: u64,
    /// What that costs the head node.
    pub network_boot_head_seconds: f64,
    /// Archive bytes that a node unpacks to its disk in a second.
    pub unpack_bytes_per_second: f64,
    /// Installing any packages.
    pub install_seconds: f64,
    /// Installing each package.
    pub install_package_seconds: f64,
    /// What installing any packages costs the head node, which serves them.
    pub install_head_seconds: f64,
    /// What installing each package costs the head node.
    pub install_head_package_seconds: f64,
    /// Booting from its own disk.
    pub reboot_seconds: f64,
    /// Booting from shared layers.
    pub layers_boot_seconds: f64,
    /// Starting as a clone of a template in memory.
    pub clone_seconds: f64,
    /// What a template's memory and state take to move to another host.
    pub template_bytes: u64,
    /// Joining the overlay network, at the head node.
    #[serde(default)]
    pub overlay_head_seconds: f64,
}

impl SiteDescription {
    /// The paper's site: gigabit Ethernet, one node to a host of four Opteron cores. Its free values
    /// are fitted to the paper's tables; `presets/paper.toml` says which.
    #[must_use]
    pub fn paper() -> Self {
        Self::preset(PAPER)
    }

    /// The paper's site as far as its hardware tells, with round guesses for the rest: where the
    /// calibration of [`paper`](Self::paper) starts.
    #[must_use]
    pub fn paper_hardware() -> Self {
        Self::preset(PAPER_HARDWARE)
    }

    /// One machine of two cores that runs all nodes in software emulation (QEMU 7.2): the place
    /// where the three strategies were measured.
    #[must_use]
    pub fn laboratory() -> Self {
        Self::preset(LABORATORY)
    }

    /// A shipped site by its name.
    #[must_use]
    pub fn named(name: &str) -> Option<Self> {
        match name {
            "paper" => Some(Self::paper()),
            "paper-hardware" => Some(Self::paper_hardware()),
            "laboratory" => Some(Self::laboratory()),
            _ => None,
        }
    }

    fn preset(text: &str) -> Self {
        Self::from_toml(text).expect("shipped sites are valid")
    }

    /// Reads a site from TOML.
    ///
    /// Fails where a field is missing, unknown or of another type, and where a number cannot be: a
    /// bandwidth of nothing, a negative time.
    pub fn from_toml(text: &str) -> Result<Self, SiteError> {
        let site: Self = toml::from_str(text)?;
        site.check()?;
        Ok(site)
    }

    /// The site as TOML.
    #[must_use]
    pub fn to_toml(&self) -> String {
        // Plain tables of numbers: nothing can fail.
        toml::to_string(self).unwrap_or_default()
    }

    /// Tells whether such a site can be.
    pub fn check(&self) -> Result<(), SiteError> {
        let Self { head, hosts, transfer, node, .. } = self;
        for (field, value) in [
            ("head.uplink_bytes_per_second", head.uplink_bytes_per_second),
            ("head.disk_bytes_per_second", head.disk_bytes_per_second),
            ("head.install_speed", head.install_speed),
            ("hosts.nodes_per_host", f64::from(hosts.nodes_per_host)),
            ("hosts.count", hosts.count.map_or(1.0, f64::from)),
            ("hosts.nic_bytes_per_second", hosts.nic_bytes_per_second),
            ("hosts.disk_bytes_per_second", hosts.disk_bytes_per_second),
            ("hosts.cores", hosts.cores),
            ("hosts.start_concurrency", f64::from(hosts.start_concurrency)),
            ("transfer.chunk_bytes", transfer.chunk_bytes as f64),
            ("transfer.tree_fanout", f64::from(transfer.tree_fanout)),
            ("node.unpack_bytes_per_second", node.unpack_bytes_per_second),
        ] {
            // Written so that NaN fails, too.
            if !(value > 0.0 && value.is_finite()) {
                return Err(SiteError::NotPositive { field, value });
            }
        }
        for (field, value) in [
            ("head.layer_seconds", head.layer_seconds),
            ("hosts.crowding", hosts.crowding),
            ("transfer.latency_seconds", transfer.latency_seconds),
            ("transfer.hop_latency_seconds", transfer.hop_latency_seconds),
            ("node.jitter", node.jitter),
            ("node.start_seconds", node.start_seconds),
            ("node.network_boot_seconds", node.network_boot_seconds),
            ("node.network_boot_head_seconds", node.network_boot_head_seconds),
            ("node.install_seconds", node.install_seconds),
            ("node.install_package_seconds", node.install_package_seconds),
            ("node.install_head_seconds", node.install_head_seconds),
            ("node.install_head_package_seconds", node.install_head_package_seconds),
            ("node.reboot_seconds", node.reboot_seconds),
            ("node.layers_boot_seconds", node.layers_boot_seconds),
            ("node.clone_seconds", node.clone_seconds),
            ("node.overlay_head_seconds", node.overlay_head_seconds),
        ] {
            if !(value >= 0.0 && value.is_finite()) {
                return Err(SiteError::Negative { field, value });
            }
        }
        Ok(())
    }

    /// On how many hosts so many nodes run.
    #[must_use]
    pub fn hosts_for(&self, nodes: u32) -> u32 {
        let wanted = nodes.div_ceil(self.hosts.nodes_per_host.max(1));
        self.hosts.count.map_or(wanted, |count| wanted.min(count)).max(1)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn shipped_sites_survive_being_written_and_read() {
        for name in ["paper", "paper-hardware", "laboratory"] {
            let site = SiteDescription::named(name).expect("a shipped site");
            assert_eq!(SiteDescription::from_toml(&site.to_toml()).expect("it was written"), site);
            assert_eq!(site.name, name);
        }
        assert_eq!(SiteDescription::named("nowhere"), None);
    }

    #[test]
    fn what_cannot_be_is_refused_by_the_name_of_its_field() {
        let change = |from: &str, to: &str| {
            assert!(LABORATORY.contains(from), "{from}");
            SiteDescription::from_toml(&LABORATORY.replace(from, to))
                .expect_err("no such site can be")
        };
        let message = change("cores = 2\n", "cores = 0\n").to_string();
        assert_eq!(message, "hosts.cores is 0; it must be a number above zero");
        let message = change("cores = 2", "cores = nan").to_string();
        assert_eq!(message, "hosts.cores is NaN; it must be a number above zero");
        let message = change("layer_seconds = 1.0", "layer_seconds = -1").to_string();
        assert_eq!(message, "head.layer_seconds is -1; it must be zero or more");
        for (from, to, part) in [
            ("cores = 2", "kernels = 2", "unknown field `kernels`"),
            ("cores = 2", "", "missing field `cores`"),
            ("cores = 2", "cores = \"two\"", "invalid type: string"),
        ] {
            let error = change(from, to);
            assert_eq!(error.to_string(), "the site's description is not in the right form");
            let cause = std::error::Error::source(&error).expect("TOML says what is wrong");
            assert!(cause.to_string().contains(part), "{cause}");
        }
    }

    #[test]
    fn hosts_fill_one_by_one_and_then_crowd() {
        let mut site = SiteDescription::paper();
        site.hosts.nodes_per_host = 4;
        assert_eq!((site.hosts_for(1), site.hosts_for(9)), (1, 3));
        site.hosts.count = Some(2);
        assert_eq!(site.hosts_for(9), 2);
    }
}
