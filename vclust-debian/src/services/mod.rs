//! What a head node offers to the nodes of its cluster: addresses, files over NFS, files over HTTP.
//!
//! Every service is bound to the head node's address inside the cluster's network, so nobody outside
//! of it can reach one. Servers of addresses and of NFS are programs that go on when this one ends, and
//! carry the cluster's mark; the one of HTTP is a few threads of this process, since it is used only as
//! long as nodes are installed. A service that was started answers: that is waited for.

mod dhcp;
mod error;
mod http;
mod nfs;
mod server;

pub use dhcp::{DhcpHost, DhcpPlan, DhcpServer, NameService, NetworkBoot};
pub use error::ServiceError;
pub use http::{HttpFile, HttpServer};
pub use nfs::{NfsAccess, NfsExport, NfsServer};
