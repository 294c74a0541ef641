//! Cluster specs: what a user asks for, as TOML.
//!
//! A spec says how many machines, how large, and what software. Everything else has a default, and
//! whatever a spec says that vclust does not know is an error, so that a misspelt key is never ignored.

mod deploy;
mod error;
mod file;
mod partition;

pub use deploy::{BootMethod, DeploySpec, Hook, InitKind, NodeDisk, SharedDirectory, Transfer};
pub use error::SpecError;
pub use file::{FileMode, UploadedFile};
pub use partition::{DiskPartition, FileSystem, PartitionError};

use serde::{Deserialize, Serialize};

use crate::strategy::Strategy;
use crate::units::ByteSize;

/// A cluster to build.
///
/// ```
/// use vclust_core::ClusterSpec;
/// let spec = ClusterSpec::parse(
///     r#"
///     name = "octave"
///     nodes = 16
///     memory = "320MiB"
///     packages = ["octave", "openmpi-bin"]
///     [deploy]
///     strategy = "clone"
///     "#,
/// )?;
/// assert_eq!(spec.nodes, 16);
/// assert_eq!(spec.request(), ["octave", "openmpi-bin"]);
/// # Ok::<(), vclust_core::SpecError>(())
/// ```
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct ClusterSpec {
    /// Its name: letters, digits and hyphens, as host names have them.
    pub name: String,
    /// Number of nodes.
    pub nodes: u32,
    /// Memory of each node.
    #[serde(default = "memory")]
    pub memory: ByteSize,
    /// Disk of each node.
    #[serde(default = "disk")]
    pub disk: ByteSize,
    /// Packages, as apt's command line takes them.
    #[serde(default)]
    pub packages: Vec<String>,
    /// Names of meta-packages.
    #[serde(default)]
    pub meta_packages: Vec<String>,
    /// Whether recommended packages are installed, too.
    #[serde(default)]
    pub install_recommends: bool,
    /// Whether nodes hold exactly what the request adds to the minimal image, and nothing that happens
    /// to be in a cached image.
    #[serde(default)]
    pub exact: bool,
    /// Virtual processors of each node.
    #[serde(default = "processors")]
    pub processors: u32,
    /// Files to put on each node.
    #[serde(default)]
    pub files: Vec<UploadedFile>,
    /// How the disk is divided where nodes install; without any it has the root and nothing else.
    #[serde(default)]
    pub partitions: Vec<DiskPartition>,
    /// Directories of the head node that all nodes have.
    #[serde(default)]
    pub shared: Vec<SharedDirectory>,
    /// Commands that each node runs before it is ready.
    #[serde(default)]
    pub hooks: Vec<Hook>,
    /// Which Debian.
    #[serde(default)]
    pub debian: DebianSpec,
    /// How nodes are connected.
    #[serde(default)]
    pub network: NetworkSpec,
    /// How nodes come into being.
    #[serde(default)]
    pub deploy: DeploySpec,
}

/// The paper's machines.
fn memory() -> ByteSize {
    ByteSize::new(320 << 20)
}

fn disk() -> ByteSize {
    ByteSize::new(1_600_000_000)
}

fn processors() -> u32 {
    1
}

/// Which Debian a cluster runs; what is left out is the machine's own.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct DebianSpec {
    /// The suite, such as `bookworm`.
    pub suite: Option<String>,
    /// The archive's URI.
    pub mirror: Option<String>,
    /// The architecture.
    pub architecture: Option<String>,
}

/// How a cluster's nodes are connected.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct NetworkSpec {
    /// The overlay network that joins nodes across sites.
    #[serde(default)]
    pub overlay: Overlay,
    /// Whether nodes may reach what the head node can reach. By default nothing leaves their network.
    #[serde(default)]
    pub outward: bool,
}

/// An overlay network.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Overlay {
    /// None.
    #[default]
    None,
    /// OpenVPN, as the paper has it.
    Openvpn,
}

/// Which strategies a spec allows.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum StrategyChoice {
    /// The one that is predicted to take least.
    #[default]
    Auto,
    /// Only [`Strategy::Install`].
    Install,
    /// Only [`Strategy::Layers`].
    Layers,
    /// Only [`Strategy::Clone`].
    Clone,
}

impl StrategyChoice {
    /// The strategies that may be taken.
    #[must_use]
    pub fn allowed(self) -> &'static [Strategy] {
        match self {
            Self::Auto => &Strategy::ALL,
            Self::Install => &[Strategy::Install],
            Self::Layers => &[Strategy::Layers],
            Self::Clone => &[Strategy::Clone],
        }
    }
}

/// A hypervisor.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum HypervisorKind {
    /// QEMU, with hardware virtualisation where that works.
    #[default]
    Qemu,
    /// Xen.
    Xen,
}

impl HypervisorKind {
    /// The strategies that it can carry out. Copies of a machine share its memory, which Xen has no
    /// means for.
    #[must_use]
    pub fn strategies(self) -> &'static [Strategy] {
        match self {
            Self::Qemu => &Strategy::ALL,
            Self::Xen => &[Strategy::Install, Strategy::Layers],
        }
    }

    /// Its name, as specs and histories write it.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Qemu => "qemu",
            Self::Xen => "xen",
        }
    }
}

/// More nodes than the largest site has.
const MOST_NODES: u32 = 100_000;
/// QEMU's machine has no more.
const MOST_PROCESSORS: u32 = 255;
/// Linux starts in no less.
const LEAST_MEMORY: u64 = 32 << 20;
/// A label of a host name (RFC 1123), and room for `-99999` behind it.
const LONGEST_NAME: usize = 57;

impl ClusterSpec {
    /// Reads and checks a spec.
    pub fn parse(text: &str) -> Result<Self, SpecError> {
        let spec: Self = toml::from_str(text)?;
        spec.check()?;
        Ok(spec)
    }

    /// What is requested: packages, then meta-packages with their prefix.
    #[must_use]
    pub fn request(&self) -> Vec<String> {
        let metas = self
            .meta_packages
            .iter()
            .map(|name| if name.contains(':') { name.clone() } else { format!("meta:{name}") });
        self.packages.iter().cloned().chain(metas).collect()
    }

    /// Bytes of a partition: its size, or all that the others leave of the disk.
    #[must_use]
    pub fn partition_bytes(&self, partition: &DiskPartition) -> u64 {
        let left = || partition::left(&self.partitions, self.disk);
        partition.mebibytes().map_or_else(left, |size| size << 20)
    }

    /// Checks values that TOML alone does not.
    pub fn check(&self) -> Result<(), SpecError> {
        let letters = self.name.bytes();
        let well_formed = !self.name.is_empty()
            && self.name.len() <= LONGEST_NAME
            && letters
                .clone()
                .all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-')
            && letters.clone().next().is_some_and(|byte| byte.is_ascii_lowercase())
            && !self.name.ends_with('-');
        if !well_formed {
            return Err(SpecError::Name { name: self.name.clone() });
        }
        if !(1..=MOST_NODES).contains(&self.nodes) {
            return Err(SpecError::Nodes { nodes: self.nodes, most: MOST_NODES });
        }
        if self.memory.bytes() < LEAST_MEMORY {
            let least = ByteSize::new(LEAST_MEMORY);
            return Err(SpecError::Memory { memory: self.memory, least });
        }
        if self.debian.mirror.is_some() != self.debian.suite.is_some() {
            return Err(SpecError::MirrorWithoutSuite);
        }
        if !(1..=MOST_PROCESSORS).contains(&self.processors) {
            let (processors, most) = (self.processors, MOST_PROCESSORS);
            return Err(SpecError::Processors { processors, most });
        }
        self.deploy.check(self.nodes)?;
        if self.network.overlay != Overlay::None {
            return Err(SpecError::Overlay);
        }
        partition::check(&self.partitions, self.disk)?;
        if self.deploy.strategy != StrategyChoice::Install {
            if !self.partitions.is_empty() {
                return Err(SpecError::OnlyInstall { key: "partitions" });
            }
            if self.deploy.boot == BootMethod::Network {
                return Err(SpecError::OnlyInstall { key: "boot = \"network\"" });
            }
        }
        self.shared.iter().try_for_each(SharedDirectory::check)?;
        self.hooks.iter().try_for_each(Hook::check)?;
        self.files.iter().try_for_each(UploadedFile::check)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const LEAST: &str = "name = \"a\"\nnodes = 4\n";

    #[test]
    fn what_is_left_out_is_as_the_paper_has_it() {
        let spec = ClusterSpec::parse(LEAST).expect("a spec");
        assert_eq!(spec.memory.to_string(), "320MiB");
        assert_eq!(spec.disk.to_string(), "1.6GB");
        assert_eq!(spec.deploy.strategy.allowed(), Strategy::ALL);
        assert!(!spec.exact && spec.request().is_empty());
    }

    #[test]
    fn a_full_spec_survives_being_written_and_read() {
        let text = r#"
            name = "big-one"
            nodes = 16
            memory = "1GiB"
            disk = "4GB"
            packages = ["gcc", "make=4.3-4.1"]
            meta-packages = ["c-development", "task:ssh-server"]
            exact = true
            files = [{ source = "input.dat", target = "/home/user/input.dat", mode = "0600" }]
            processors = 2
            shared = [{ source = "/srv/data", target = "/data" }]
            hooks = [{ run = "make -C /data", user = "vclust", timeout = 300 }]
            partitions = [{ size = "256MiB", file-system = "swap" }, { target = "/" }]
            [debian]
            suite = "bookworm"
            mirror = "http://mirror.example/debian"
            [network]
            overlay = "none"
            outward = true
            [deploy]
            strategy = "install"
            hypervisor = "xen"
            init = "systemd"
            user = "physics"
            quorum = 12
            transfer = "chain"
            boot = "network"
            writes = "memory"
        "#;
        let spec = ClusterSpec::parse(text).expect("a spec");
        let wanted = ["gcc", "make=4.3-4.1", "meta:c-development", "task:ssh-server"];
        assert_eq!(spec.request(), wanted);
        assert_eq!(spec.files[0].mode.octal(), 0o600);
        assert_eq!((spec.processors, spec.deploy.quorum), (2, Some(12)));
        let written = toml::to_string(&spec).expect("specs can be written");
        assert_eq!(ClusterSpec::parse(&written).expect(&written), spec);
    }

    #[test]
    fn each_mistake_is_named() {
        for (text, message) in [
            ("name = \"a\"\n", "missing field `nodes`"),
            ("name = \"a\"\nnodes = 0\n", "0 nodes: a cluster has 1 to 100000"),
            ("name = \"a\"\nnodes = -1\n", "invalid value"),
            ("name = \"A b\"\nnodes = 1\n", "`A b` is no name for a cluster"),
            ("name = \"a\"\nnodes = 1\nmemroy = \"1GB\"\n", "unknown field `memroy`"),
            ("name = \"a\"\nnodes = 1\nmemory = \"lots\"\n", "`lots` is no size"),
            ("name = \"a\"\nnodes = 1\nmemory = \"1MB\"\n", "1MB of memory is too little"),
            (
                "name = \"a\"\nnodes = 1\n[deploy]\nstrategy = \"magic\"\n",
                "unknown variant `magic`",
            ),
            ("name = \"a\"\nnodes = 1\n[debian]\nsuite = \"x\"\n", "mirror and suite go together"),
            (
                "name = \"a\"\nnodes = 1\nfiles = [{source = \"x\", target = \"y\"}]\n",
                "`y` is no absolute path",
            ),
            ("name = \"a\"\nnodes = 2\n[deploy]\nquorum = 3\n", "a quorum of 3"),
            (
                "name = \"a\"\nnodes = 2\n[deploy]\nstrategy = \"clone\"\nhypervisor = \"xen\"\n",
                "xen cannot carry out the strategy clone; install, layers or auto are possible",
            ),
            (
                "name = \"a\"\nnodes = 2\n[deploy]\nuser = \"Root\"\n",
                "`Root` is no name for a user",
            ),
            ("name = \"a\"\nnodes = 2\nprocessors = 0\n", "0 processors"),
            (
                "name = \"a\"\nnodes = 2\n[network]\noverlay = \"openvpn\"\n",
                "there are no overlay networks yet; leave `overlay` out of [network]",
            ),
            (
                "name = \"a\"\nnodes = 2\n[deploy]\nboot = \"network\"\n",
                "`boot = \"network\"` is for nodes that install their own disk; write strategy",
            ),
            (
                "name = \"a\"\nnodes = 2\npartitions = [{target = \"/\"}]\n",
                "`partitions` is for nodes that install their own disk",
            ),
            (
                "name = \"a\"\nnodes = 2\npartitions = [{size = \"2GB\", target = \"/\"}]\n",
                "and `disk` gives each node 1.6GB",
            ),
            ("name = \"a\"\nnodes = 2\nhooks = [{run = \" \"}]\n", "a hook has no command"),
            (
                "name = \"a\"\nnodes = 1\nfiles = [{source = \"x\", target = \"/y\", mode = \"rw\"}]\n",
                "`rw` is no mode",
            ),
        ] {
            let error = ClusterSpec::parse(text).expect_err(text);
            let mut whole = error.to_string();
            if let Some(source) = std::error::Error::source(&error) {
                whole = format!("{whole}: {source}");
            }
            assert!(whole.contains(message), "{whole}");
        }
    }
}
