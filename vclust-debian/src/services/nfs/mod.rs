//! Directories for nodes: `nfs-ganesha`, an NFS server that is a program like any other.
//!
//! It offers version 4 alone, over one TCP port, so nodes need no port mapper and the head node none
//! either. Many clusters have a server each, and none needs the kernel's. The server looks for the
//! machine's message bus and port mapper under `/run`, and would announce itself to both; so it gets a
//! `/run` of its own. It opens files by their handles, which takes rights over the whole machine: there
//! is none in a user namespace, where [`HttpServer`](super::HttpServer) does instead.

mod probe;

use std::fmt::Write as _;
use std::fs;
use std::net::{Ipv4Addr, SocketAddrV4};
use std::path::{Path, PathBuf};
use std::process::Command;

use vclust_process::{Daemon, Mark};

use super::error::ServiceError;
use super::server::{Server, quotable, write_private};
use crate::network::ClusterNetwork;
use crate::sandbox::in_private_memory;
use crate::user_namespace::UserNamespace;
use probe::Answer;

const SERVICE: &str = "NFS";
const PORT: u16 = 2049;
/// Where the server looks for services of the machine.
const RUN: &str = "/run";
/// More than the server puts there.
const RUN_BYTES: u64 = 16 << 20;

/// What nodes may do with a directory.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum NfsAccess {
    /// Read it.
    Read,
    /// Read and write it; a node's root is root there.
    Write,
}

/// A directory that nodes can mount.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NfsExport {
    /// The directory.
    pub path: PathBuf,
    /// What nodes mount it as, without a slash: letters, digits and hyphens.
    pub name: String,
    /// What nodes may do with it.
    pub access: NfsAccess,
}

/// What tells an NFS server from others.
#[derive(Debug)]
pub enum Nfs {}

/// An NFS server of a cluster.
pub type NfsServer = Server<Nfs>;

impl NfsServer {
    /// Starts the server on the head node's address and waits until it offers every directory. Its
    /// configuration (`ganesha.conf`), state and log are in the directory. Needs root.
    pub fn start(
        network: &ClusterNetwork,
        head: Ipv4Addr,
        exports: &[NfsExport],
        mark: &Mark,
        directory: &Path,
    ) -> Result<Self, ServiceError> {
        if UserNamespace::is_of_user() {
            // it would start, and then refuse every file
            return Err(ServiceError::NfsNeedsRoot);
        }
        let configuration = directory.join("ganesha.conf");
        write_private(&configuration, &text(head, exports, directory)?)?;
        let state = directory.join("nfs-state");
        fs::create_dir_all(&state)
            .map_err(|source| ServiceError::Write { path: state.clone(), source })?;
        let mut command = Command::new("ganesha.nfsd");
        command.arg("-F").args(["-L", "STDERR"]).arg("-f").arg(&configuration);
        command.arg("-p").arg(Path::new(RUN).join("ganesha.pid")).current_dir("/");
        let log = directory.join("ganesha.log");
        network.enter(|| {
            let start = || Daemon::start(command, "nfs-ganesha nfs-ganesha-vfs", mark, &log);
            let daemon = in_private_memory(Path::new(RUN), RUN_BYTES, start)??;
            let server = Self::new(SERVICE, daemon);
            let address = SocketAddrV4::new(head, PORT);
            // one that is missing now will not come: the server reads its configuration first
            let (server, missing) = {
                let mut missing = None;
                let server = server.answers(|| {
                    for export in exports {
                        match probe::look_up(address, &export.name) {
                            Answer::There => {}
                            Answer::Nobody | Answer::Later => return Ok(false),
                            Answer::Refused(status) => {
                                missing = Some((export.name.clone(), status));
                                return Ok(true);
                            }
                        }
                    }
                    Ok(true)
                })?;
                (server, missing)
            };
            match missing {
                None => Ok(server),
                Some((export, status)) => {
                    let said = server.last_words();
                    server.stop();
                    Err(ServiceError::NotExported { export, status, said })
                }
            }
        })?
    }

    /// The options by which a kernel mounts `HEAD:/NAME` with file system `nfs4`, without any program's
    /// help.
    #[must_use]
    pub fn mount_options(head: Ipv4Addr) -> String {
        format!("vers=4.2,addr={head},clientaddr=0.0.0.0")
    }
}

/// The configuration, see ganesha-core-config(8) and ganesha-export-config(8).
fn text(head: Ipv4Addr, exports: &[NfsExport], directory: &Path) -> Result<String, ServiceError> {
    let state = directory.join("nfs-state");
    let state = visible(&state)?;
    // nodes' identities are numbers, and none outlives the server: no grace for those before it
    let mut text = format!(
        "NFS_CORE_PARAM {{ Protocols = 4; NFS_Port = {PORT}; Bind_addr = {head}; \
         Enable_NLM = false; Enable_RQUOTA = false; }}\n\
         NFS_KRB5 {{ Active_krb5 = false; CCacheDir = \"{RUN}/ganesha\"; }}\n\
         NFSV4 {{ Graceless = true; RecoveryBackend = fs; RecoveryRoot = \"{state}\"; \
         Delegations = false; Only_Numeric_Owners = true; Minor_Versions = 0, 1, 2; }}\n\
         EXPORT_DEFAULTS {{ Squash = No_Root_Squash; SecType = sys; Protocols = 4; Transports = TCP; }}\n\
         LOG {{ Default_Log_Level = EVENT; }}\n"
    );
    for (number, NfsExport { path, name, access }) in exports.iter().enumerate() {
        let letter = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'-';
        if name.is_empty() || name.len() > 63 || !name.bytes().all(letter) {
            let reason = "a name has 1 to 63 letters, digits and hyphens";
            return Err(ServiceError::Value { service: SERVICE, value: name.clone(), reason });
        }
        let path = path.canonicalize();
        let path = path
            .map_err(|source| ServiceError::Read { path: exports[number].path.clone(), source })?;
        let path = visible(&path)?;
        let access = match access {
            NfsAccess::Read => "RO",
            NfsAccess::Write => "RW",
        };
        // writing to a string does not fail
        let _ = writeln!(
            text,
            "EXPORT {{ Export_Id = {}; Path = \"{path}\"; Pseudo = \"/{name}\"; \
             Access_Type = {access}; FSAL {{ Name = VFS; }} }}",
            number + 1
        );
    }
    Ok(text)
}

/// A path that the server sees, too.
fn visible(path: &Path) -> Result<&str, ServiceError> {
    if path.starts_with(RUN) || path.starts_with("/var/run") {
        let reason = "the server has a /run of its own; put it elsewhere";
        let value = path.display().to_string();
        return Err(ServiceError::Value { service: SERVICE, value, reason });
    }
    quotable(SERVICE, path)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_and_names_that_would_be_read_otherwise_are_refused() {
        let place = tempfile::tempdir().unwrap();
        let export = |name: &str| NfsExport {
            path: place.path().to_owned(),
            name: name.to_owned(),
            access: NfsAccess::Read,
        };
        let of = |export: NfsExport| text(Ipv4Addr::LOCALHOST, &[export], Path::new("/srv"));
        assert!(of(export("root")).unwrap().contains("Pseudo = \"/root\"; Access_Type = RO;"));
        for name in ["", "a/b", "a\"; b", "a b"] {
            assert!(matches!(of(export(name)), Err(ServiceError::Value { .. })), "{name}");
        }
        let missing = NfsExport { path: place.path().join("no"), ..export("no") };
        assert!(matches!(of(missing), Err(ServiceError::Read { .. })));
        let hidden = NfsExport { path: "/run".into(), ..export("run") };
        assert!(matches!(of(hidden), Err(ServiceError::Value { .. })));
    }
}
