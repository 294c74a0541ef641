use std::io;
use std::net::SocketAddrV4;
use std::path::PathBuf;
use std::time::Duration;

use thiserror::Error;
use vclust_process::DaemonError;

use crate::network::NetworkError;
use crate::sandbox::SandboxError;

/// Why a service of a head node is not there.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum ServiceError {
    /// Its program cannot be started.
    #[error(transparent)]
    Daemon(#[from] DaemonError),
    /// The cluster's network cannot be entered.
    #[error(transparent)]
    Network(#[from] NetworkError),
    /// It cannot be kept apart from the machine's own services.
    #[error(transparent)]
    Sandbox(#[from] SandboxError),
    /// NFS was asked for in a user namespace.
    #[error(
        "there can be no NFS server in a user namespace, as it opens files by their handles; run this as \
         root, or have nodes use HTTP"
    )]
    NfsNeedsRoot,
    /// A file of its configuration cannot be written.
    #[error("cannot write {}", path.display())]
    Write {
        /// The file.
        path: PathBuf,
        /// What the system says.
        source: io::Error,
    },
    /// A file it is to offer cannot be read.
    #[error("cannot read {}, which nodes are to be given", path.display())]
    Read {
        /// The file.
        path: PathBuf,
        /// What the system says.
        source: io::Error,
    },
    /// A name or path that its configuration cannot hold.
    #[error("the {service} server cannot serve {value:?}: {reason}")]
    Value {
        /// The service.
        service: &'static str,
        /// The name or path.
        value: String,
        /// What is wrong with it.
        reason: &'static str,
    },
    /// It has ended.
    #[error("the {service} server ended; its last words: {said}")]
    Ended {
        /// The service.
        service: &'static str,
        /// The end of its log.
        said: String,
    },
    /// It does not answer.
    #[error("the {service} server does not answer after {} s; its last words: {said}", waited.as_secs())]
    Silent {
        /// The service.
        service: &'static str,
        /// How long it was given.
        waited: Duration,
        /// The end of its log.
        said: String,
    },
    /// It runs, but does not offer what it was told to.
    #[error(
        "the NFS server does not offer `{export}` (NFS error {status}); its last words: {said}"
    )]
    NotExported {
        /// The export's name.
        export: String,
        /// The error's number (RFC 7530, section 13).
        status: u32,
        /// The end of its log.
        said: String,
    },
    /// An address cannot be listened on.
    #[error("cannot listen on {address} for the {service} server")]
    Listen {
        /// The service.
        service: &'static str,
        /// The address.
        address: SocketAddrV4,
        /// What the system says.
        source: io::Error,
    },
}
