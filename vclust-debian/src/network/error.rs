use std::io;
use std::path::PathBuf;

use thiserror::Error;
use vclust_process::{DaemonError, ProcessId};

use crate::command::CommandError;

/// Why there is no network for a cluster.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum NetworkError {
    /// Namespaces of one's own need rights that this process does not have.
    #[error(
        "cannot have a network of one's own ({step}); run as root, or allow user namespaces and \
         subordinate ids (`apt-get install uidmap`)"
    )]
    Namespace {
        /// What was asked of the system.
        step: &'static str,
        /// What it said.
        source: io::Error,
    },
    /// The kernel has no taps.
    #[error("there is no /dev/net/tun, which nodes are connected by; `modprobe tun` makes it")]
    NoDevice,
    /// Taps may not be made.
    #[error(
        "/dev/net/tun, which nodes are connected by, may not be opened; an administrator can: \
         `chmod 0666 /dev/net/tun`. Or run this as root"
    )]
    DeviceRefused(#[source] io::Error),
    /// A name that no tap can have.
    #[error("`{0}` is no name for a tap; one has 1 to 15 small letters, digits and hyphens")]
    TapName(String),
    /// A program is missing or failed.
    #[error(transparent)]
    Command(#[from] CommandError),
    /// A program that stays could not be started.
    #[error(transparent)]
    Daemon(#[from] DaemonError),
    /// A file cannot be written.
    #[error("cannot write {}", path.display())]
    Write {
        /// The file or its directory.
        path: PathBuf,
        /// What the system says.
        source: io::Error,
    },
    /// The process that kept the network has ended.
    #[error("the cluster's network is gone: {holder}, which kept it, has ended")]
    Gone {
        /// The process.
        holder: ProcessId,
    },
    /// The network cannot be looked at.
    #[error("cannot find the network that {holder} keeps; whoever started the cluster can")]
    Find {
        /// The process.
        holder: ProcessId,
        /// What the system says.
        source: io::Error,
    },
    /// The network belongs to a user namespace that this process is not in.
    #[error(
        "the network that {holder} keeps belongs to a user namespace that has to be joined first (`UserNamespace::run_beside`)"
    )]
    OtherUserNamespace {
        /// The process.
        holder: ProcessId,
    },
    /// The program that leads outward does not come up.
    #[error("`slirp4netns` gives no way out of the cluster's network; it said: {said}")]
    Outward {
        /// Its last words.
        said: String,
    },
    /// There is no client to log in with.
    #[error("`ssh` is not installed; `apt-get install openssh-client` installs it")]
    NoSsh,
    /// The client cannot be started.
    #[error("cannot run `ssh`")]
    Ssh(#[source] io::Error),
}
