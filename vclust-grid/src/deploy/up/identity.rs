//! Who each node is: its name, keys, address and what it shares with others.

use std::fs::{self, DirBuilder, OpenOptions};
use std::io::{Read, Write};
use std::net::Ipv4Addr;
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::Path;
use std::time::SystemTime;

use vclust_agent::protocol::{
    Become, Disk, HostKey, Init, InterfaceAddress, Root, Run, SharedDirectory, Upper,
};
use vclust_core::{InitKind, NodeDisk, Strategy};
use vclust_debian::{AddressPlan, NfsAccess, NfsExport};

use super::{Course, install};
use crate::cluster::{ClusterKeys, NodeRecord, NodeState, known_hosts};
use crate::deploy::error::DeployError;
use crate::deploy::hexadecimal;
use crate::deploy::machine::{CLUSTER, OWN, layer_serial};
use crate::deploy::node::now;

impl Course<'_> {
    /// The directories that nodes share: for the server, and for the nodes.
    pub(super) fn shared(
        &self,
        head: Ipv4Addr,
    ) -> Result<(Vec<NfsExport>, Vec<SharedDirectory>), DeployError> {
        let wanted = &self.order.spec.shared;
        let mut exports = Vec::new();
        let mut shared = Vec::new();
        for (number, one) in wanted.iter().enumerate() {
            let path = self.order.directory.join(&one.source);
            let path = path.canonicalize().map_err(DeployError::read(&path))?;
            if !path.is_dir() {
                let error = std::io::Error::other("it is no directory");
                return Err(DeployError::read(&path)(error));
            }
            let name = format!("shared-{number}");
            shared.push(SharedDirectory {
                server: head.to_string(),
                source: format!("/{name}"),
                target: one.target.clone(),
            });
            exports.push(NfsExport { path, name, access: NfsAccess::Write });
        }
        Ok((exports, shared))
    }

    /// Who a node is.
    pub(super) fn identity(
        &self,
        node: &NodeRecord,
        (private, public): (String, String),
        gateway: Option<Ipv4Addr>,
        shared: &[SharedDirectory],
    ) -> Result<Become, DeployError> {
        let spec = &self.order.spec;
        let layers = (0..self.order.images.len() - 1).map(layer_serial);
        let upper = match spec.deploy.writes {
            NodeDisk::Memory => Upper::Memory,
            NodeDisk::Disk => Upper::Disk(Disk {
                serial: OWN.to_owned(),
                partition: None,
                file_system: "ext4".to_owned(),
            }),
        };
        let hooks = spec.hooks.iter().zip(1..).map(|(hook, id)| Run {
            id,
            command: hook.run.clone(),
            user: hook.user.clone(),
            timeout: hook.timeout,
        });
        Ok(Become {
            host_name: node.name.to_string(),
            machine_id: random(16)?,
            time: now(),
            seed: random(64)?,
            root: match self.order.strategy {
                Strategy::Install => install::root(spec),
                Strategy::Layers | Strategy::Clone => {
                    Root::Layers { layers: layers.chain([CLUSTER.to_owned()]).collect(), upper }
                }
            },
            address: InterfaceAddress {
                mac: node.mac.to_string(),
                address: node.address.to_string(),
                prefix: AddressPlan::PREFIX,
                gateway: gateway.map(|gateway| gateway.to_string()),
            },
            host_keys: vec![HostKey {
                algorithm: "ed25519".to_owned(),
                private,
                public: format!("{public}\n"),
            }],
            init: match spec.deploy.init {
                InitKind::Minimal => Init::Minimal,
                InitKind::Systemd => Init::Systemd,
            },
            shared: shared.to_vec(),
            hooks: hooks.collect(),
        })
    }
}

pub(super) fn node_record(
    cluster: &str,
    number: u32,
    address: vclust_debian::NodeAddress,
) -> NodeRecord {
    let name = format!("{cluster}-{number}").parse();
    NodeRecord {
        // the spec's check leaves room for the number
        name: name.unwrap_or_else(|_| unreachable!("a cluster's name with a number is a name")),
        mac: address.mac,
        address: address.address,
        state: NodeState::Starting,
        ready_seconds: None,
    }
}

/// Whole seconds since 1970.
pub(super) fn seconds_now() -> u64 {
    let since = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH);
    since.unwrap_or_default().as_secs()
}

pub(super) fn private_directory(path: &Path) -> Result<(), DeployError> {
    DirBuilder::new().recursive(true).mode(0o700).create(path).map_err(DeployError::write(path))
}

/// So many random bytes as hexadecimal digits.
pub(super) fn random(bytes: usize) -> Result<String, DeployError> {
    let path = Path::new("/dev/urandom");
    let mut buffer = vec![0; bytes];
    let read = fs::File::open(path).and_then(|mut file| file.read_exact(&mut buffer));
    read.map_err(DeployError::read(path))?;
    Ok(hexadecimal(&buffer))
}

/// Keeps what `vclust ssh` needs.
pub(super) fn write_keys(
    directory: &Path,
    keys: &ClusterKeys,
    nodes: &[NodeRecord],
) -> Result<(), DeployError> {
    for (name, text) in
        [("id_ed25519", keys.user().private()), ("known_hosts", &known_hosts(nodes, keys))]
    {
        let path = directory.join(name);
        let mut options = OpenOptions::new();
        let file = options.write(true).create_new(true).mode(0o600).open(&path);
        file.and_then(|mut file| file.write_all(text.as_bytes()))
            .map_err(DeployError::write(&path))?;
    }
    Ok(())
}
