//! The arguments of `vclust up` and of what follows it.

use std::ffi::OsString;
use std::path::PathBuf;

use clap::{Args, ValueEnum, ValueHint};
use vclust_core::{ByteSize, DomainName};

use super::Source;

pub(super) const EXAMPLES: &str = "\
The same spec as for `vclust plan`; these keys are for `up`:
  disk = \"1.6GB\"                      # each node's own disk
  processors = 1
  files = [{ source = \"in.dat\", target = \"/srv/in.dat\", mode = \"0644\", owner = \"vclust\" }]
  shared = [{ source = \"data\", target = \"/data\" }]   # a directory here that all nodes have
  hooks = [{ run = \"make -C /data\", user = \"vclust\", timeout = 60 }]
  [network]
  outward = false                     # or nodes may reach what this machine reaches
  [deploy]
  strategy = \"auto\"                   # install, layers, clone
  init = \"minimal\"                    # or systemd
  user = \"vclust\"                     # who goes from node to node
  quorum = 12                         # so many nodes have to be ready; all by default
  writes = \"disk\"                     # or memory

Examples:
  vclust up mpi.toml
  vclust up --nodes 4 --memory 256MiB --packages build-essential,openmpi-bin,libopenmpi-dev
  vclust up mpi.toml --dry-run
  vclust ssh mpi/mpi-1 -- mpirun hostname
  vclust down mpi";

/// A strategy, or the one that is predicted to take least.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Choice {
    Auto,
    Install,
    Layers,
    Clone,
}

#[derive(Debug, Args)]
pub(crate) struct Up {
    #[command(flatten)]
    pub(crate) source: Source,

    /// The number of nodes, where there is no spec.
    #[arg(long, value_name = "N", required_unless_present = "spec", conflicts_with = "spec")]
    pub(crate) nodes: Option<u32>,

    /// Packages of every node, where there is no spec; separated by commas, or given several times.
    #[arg(long, value_name = "P", value_delimiter = ',', conflicts_with = "spec")]
    pub(crate) packages: Vec<String>,

    /// Memory of each node, such as 320MiB; instead of the spec's.
    #[arg(long, value_name = "SIZE")]
    pub(crate) memory: Option<ByteSize>,

    /// The cluster's name; instead of the spec's [default: cluster].
    #[arg(long, value_name = "NAME")]
    pub(crate) name: Option<String>,

    /// How nodes get their root; instead of the spec's.
    #[arg(long, value_name = "S", value_enum)]
    pub(crate) strategy: Option<Choice>,

    /// Read further meta-packages from this TOML file.
    #[arg(long, value_name = "TOML", value_hint = ValueHint::FilePath)]
    pub(crate) meta_packages: Vec<PathBuf>,

    /// The site that the history has the build under, and whose measurements count.
    #[arg(long, value_name = "SITE", default_value = "here")]
    pub(crate) site: String,

    /// Show the plan and do nothing.
    #[arg(long)]
    pub(crate) dry_run: bool,

    /// The cluster to bring up.
    #[arg(value_name = "SPEC.toml", value_hint = ValueHint::FilePath)]
    pub(crate) spec: Option<PathBuf>,
}

#[derive(Debug, Args)]
pub(crate) struct Ps {
    /// Only these clusters, with their nodes.
    #[arg(value_name = "CLUSTER")]
    pub(crate) clusters: Vec<DomainName>,
}

#[derive(Debug, Args)]
pub(crate) struct Down {
    /// The clusters.
    #[arg(value_name = "CLUSTER", required = true)]
    pub(crate) clusters: Vec<DomainName>,
}

/// A node: `CLUSTER/NODE`, where a number is enough for the node.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct NodeName {
    pub(crate) user: Option<String>,
    pub(crate) cluster: DomainName,
    pub(crate) node: String,
}

impl std::str::FromStr for NodeName {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let (user, rest) = match text.split_once('@') {
            Some((user, rest)) => (Some(user.to_owned()), rest),
            None => (None, text),
        };
        let (cluster, node) = rest.split_once('/').unwrap_or((rest, "1"));
        let cluster = cluster.parse::<DomainName>().map_err(|error| error.to_string())?;
        let node = match node.parse::<u32>() {
            Ok(number) => format!("{cluster}-{number}"),
            Err(_) => node.to_owned(),
        };
        Ok(Self { user, cluster, node })
    }
}

#[derive(Debug, Args)]
pub(crate) struct Ssh {
    /// The node, as CLUSTER/NODE or USER@CLUSTER/NODE; a number is enough for it. The user otherwise is
    /// the cluster's; root may log in, too.
    #[arg(value_name = "CLUSTER/NODE")]
    pub(crate) node: NodeName,

    /// What to run there instead of a shell.
    #[arg(value_name = "COMMAND", last = true)]
    pub(crate) command: Vec<OsString>,
}

#[derive(Debug, Args)]
pub(crate) struct Logs {
    /// The node, as CLUSTER/NODE.
    #[arg(value_name = "CLUSTER/NODE")]
    pub(crate) node: NodeName,
}

#[derive(Debug, Args)]
pub(crate) struct Doctor {
    /// Remove what killed commands left.
    #[arg(long)]
    pub(crate) clean: bool,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_node_can_be_named_by_its_number() {
        let name = |text: &str| text.parse::<NodeName>();
        let node = name("mpi/3").unwrap();
        assert_eq!((node.cluster.as_str(), node.node.as_str(), node.user), ("mpi", "mpi-3", None));
        assert_eq!(name("mpi").unwrap().node, "mpi-1");
        assert_eq!(name("root@mpi/mpi-2").unwrap().user.as_deref(), Some("root"));
        assert!(name("Mpi/1").is_err());
    }
}
