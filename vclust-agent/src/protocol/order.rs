//! What the head node tells an agent.

use serde::{Deserialize, Serialize};

use super::Install;

/// What the head node tells an agent.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "order", rename_all = "kebab-case")]
pub enum Order {
    /// Do what can be done before the node is somebody.
    Prepare(Prepare),
    /// Be a node.
    Become(Box<Become>),
    /// Install a root to the node's own disk, and switch off.
    Install(Box<Install>),
    /// Run a command.
    Run(Run),
    /// Switch off in good order.
    Halt,
}

/// What can be done before a node is somebody: a node that has done so may be copied.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Prepare {
    /// Serial number of the disk with the image; none if the root is on a disk of the node's own.
    pub base: Option<String>,
    /// Files of the image that will be needed soon, to be read ahead.
    #[serde(default)]
    pub warm: Vec<String>,
}

/// Who a node is and what its root is made of.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Become {
    /// Its host name.
    pub host_name: String,
    /// Its machine id: 32 hexadecimal digits.
    pub machine_id: String,
    /// Seconds since 1970.
    pub time: f64,
    /// Random bytes, in hexadecimal digits, for the kernel's random number generator.
    pub seed: String,
    /// The root.
    pub root: Root,
    /// The address of its interface.
    pub address: InterfaceAddress,
    /// Its host keys for ssh.
    pub host_keys: Vec<HostKey>,
    /// What runs once the root is there.
    pub init: Init,
    /// Directories that the head node shares.
    #[serde(default)]
    pub shared: Vec<SharedDirectory>,
    /// Commands to run before the node is ready, one after the other.
    #[serde(default)]
    pub hooks: Vec<Run>,
}

/// What a root is made of.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Root {
    /// The prepared image, with layers over it.
    Layers {
        /// Serial numbers of disks with layers, the lowest first.
        layers: Vec<String>,
        /// Where the node writes.
        upper: Upper,
    },
    /// A disk of the node's own, with all of it.
    Disk(Disk),
}

/// Where a node writes what it changes of its layers.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Upper {
    /// Into memory.
    Memory,
    /// Onto a disk.
    Disk(Disk),
}

/// A file system on a disk.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Disk {
    /// The disk's serial number.
    pub serial: String,
    /// The number of the partition; none if the file system is on the disk as a whole.
    pub partition: Option<u32>,
    /// The file system's type.
    pub file_system: String,
}

/// What a node's interface is given.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct InterfaceAddress {
    /// Its hardware address.
    pub mac: String,
    /// Its address, as IPv4 writes it.
    pub address: String,
    /// Bits of the network's part of the address.
    pub prefix: u8,
    /// Where packets to elsewhere go, if they may go there.
    pub gateway: Option<String>,
}

/// A pair of keys of a host.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct HostKey {
    /// The algorithm, as in `ssh_host_ALGORITHM_key`.
    pub algorithm: String,
    /// The private key, as OpenSSH writes it.
    pub private: String,
    /// The public key.
    pub public: String,
}

/// A node's first process.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Init {
    /// The agent itself, which serves ssh and nothing else.
    #[default]
    Minimal,
    /// The root's own, with all its services.
    Systemd,
}

/// A directory that the head node shares.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SharedDirectory {
    /// The server's address.
    pub server: String,
    /// Its name at the server.
    pub source: String,
    /// Where it goes.
    pub target: String,
}

/// A command.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Run {
    /// A number that the answer bears.
    pub id: u64,
    /// The command, for a shell.
    pub command: String,
    /// The user who runs it.
    pub user: String,
    /// Seconds after which it is killed.
    pub timeout: u32,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn orders_have_a_form_that_can_be_read_by_eye() {
        let order = Order::Prepare(Prepare { base: Some("base".to_owned()), warm: Vec::new() });
        let text = serde_json::to_string(&order).unwrap();
        assert_eq!(text, r#"{"order":"prepare","base":"base","warm":[]}"#);
        assert_eq!(serde_json::from_str::<Order>(&text).unwrap(), order);
        assert_eq!(serde_json::to_string(&Order::Halt).unwrap(), r#"{"order":"halt"}"#);
    }
}
