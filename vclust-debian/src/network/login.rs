//! Programs of people inside a cluster's network, such as `ssh` to one of its nodes.

use std::ffi::OsString;
use std::net::Ipv4Addr;
use std::path::Path;
use std::process::{Command, ExitStatus};

use super::ClusterNetwork;
use super::error::NetworkError;

impl ClusterNetwork {
    /// Logs in to a node with this process's input and outputs, and waits until that ends.
    ///
    /// The private key and the file of known hosts are the cluster's; nothing of the caller's own
    /// configuration counts. Without a command there is a shell.
    pub fn ssh(
        &self,
        user: &str,
        node: Ipv4Addr,
        key: &Path,
        known_hosts: &Path,
        command: &[OsString],
    ) -> Result<ExitStatus, NetworkError> {
        let known = format!("UserKnownHostsFile={}", known_hosts.display());
        let mut ssh = Command::new("ssh");
        ssh.args(["-F", "none", "-o", "StrictHostKeyChecking=yes", "-o", "IdentitiesOnly=yes"])
            .args(["-o", "BatchMode=yes", "-o", "LogLevel=ERROR", "-o", "ConnectTimeout=20"])
            // a node that is gone says nothing, not even that
            .args(["-o", "ServerAliveInterval=10", "-o", "ServerAliveCountMax=3"])
            .args(["-o", "GlobalKnownHostsFile=/dev/null", "-o", &known])
            // an emulated node feels what the other ways to agree on a key cost
            .args(["-o", "KexAlgorithms=^curve25519-sha256", "-i"])
            .arg(key)
            .args(["-l", user])
            .arg(node.to_string());
        if !command.is_empty() {
            ssh.arg("--").args(command);
        }
        self.enter(|| ssh.status())?.map_err(|source| match source.kind() {
            std::io::ErrorKind::NotFound => NetworkError::NoSsh,
            _ => NetworkError::Ssh(source),
        })
    }
}
