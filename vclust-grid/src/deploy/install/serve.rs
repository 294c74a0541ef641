//! The services of a head node while nodes install: DHCP, NFS, and HTTP where images go that way.

use std::fs::{self, DirBuilder};
use std::io;
use std::net::{Ipv4Addr, SocketAddrV4};
use std::os::unix::fs::DirBuilderExt;
use std::path::{Path, PathBuf};

use thiserror::Error;
use vclust_core::Transfer;
use vclust_debian::{
    AddressPlan, ClusterNetwork, DebError, DhcpHost, DhcpPlan, DhcpServer, DpkgRun, HttpFile,
    HttpServer, NameService, NetworkBoot, NfsAccess, NfsExport, NfsServer, ServiceError,
    dpkg_course,
};
use vclust_process::{Mark, ProcessId};

use super::boot::{self, InstallBoot};
use crate::file::FileError;
use crate::repository::StoredArchive;

/// What nodes mount as the root of the installation.
pub(super) const PROGRAMS_EXPORT: &str = "programs";
/// What nodes mount with all that they install.
pub(super) const DATA: &str = "data";
/// The archive among the data.
pub(super) const ARCHIVE: &str = "root.tar.zst";
/// The packages among the data.
pub(super) const PACKAGES: &str = "packages";
/// The cluster's files among the data.
pub(super) const FILES: &str = "files";
/// How often a server that ended is started again.
const RESTARTS: u32 = 1;

/// What nodes are installed with.
#[derive(Debug, Clone)]
pub struct InstallPlan {
    /// The cluster's addresses.
    pub addresses: AddressPlan,
    /// The nodes by name.
    pub hosts: Vec<DhcpHost>,
    /// Where nodes send what is not for each other, if there is such a place.
    pub router: Option<Ipv4Addr>,
    /// What nodes start that start from the network, and not from a kernel that is given to them.
    pub boot: Option<InstallBoot>,
    /// The root of the installation, as a directory.
    pub programs: PathBuf,
    /// The image's archive.
    pub archive: StoredArchive,
    /// What the image lacks: package files, in the order in which apt would give them to dpkg.
    pub packages: Vec<PathBuf>,
    /// Names of packages of the image that go.
    pub remove: Vec<String>,
    /// A directory with the cluster's files as they are to be on nodes. It is moved to the data, so it has
    /// to be on the file system of the cluster's directory.
    pub files: Option<PathBuf>,
    /// How the archive comes to the nodes.
    pub transfer: Transfer,
    /// Other directories that nodes can mount, as long as the cluster lives.
    pub shared: Vec<NfsExport>,
}

/// Why nodes cannot be installed.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum InstallServiceError {
    /// A server does not work.
    #[error(transparent)]
    Service(#[from] ServiceError),
    /// A package cannot be read.
    #[error(transparent)]
    Package(#[from] DebError),
    /// What nodes are to get cannot be laid out.
    #[error(transparent)]
    File(#[from] FileError),
}

/// The services that nodes are installed by. Those that are programs go on if this is dropped, and are
/// found by the cluster's mark.
#[derive(Debug)]
pub struct InstallService<'a> {
    network: &'a ClusterNetwork,
    mark: &'a Mark,
    directory: PathBuf,
    plan: InstallPlan,
    boot: Option<NetworkBoot>,
    runs: Vec<DpkgRun>,
    exports: Vec<NfsExport>,
    dhcp: DhcpServer,
    nfs: NfsServer,
    http: Option<HttpServer>,
    /// How often a server was started again: that of DHCP, that of NFS.
    restarts: (u32, u32),
}

impl<'a> InstallService<'a> {
    /// Lays out below the cluster's directory what nodes need, starts the servers and waits until they
    /// answer. Needs root.
    pub fn start(
        network: &'a ClusterNetwork,
        mut plan: InstallPlan,
        mark: &'a Mark,
        directory: &Path,
    ) -> Result<Self, InstallServiceError> {
        let data = directory.join("install");
        plan.files = lay_out(&plan, &data)?;
        let runs = dpkg_course(&plan.packages)?;
        let read = |path: &Path, name: &str| NfsExport {
            path: path.to_owned(),
            name: name.to_owned(),
            access: NfsAccess::Read,
        };
        let mut exports = vec![read(&plan.programs, PROGRAMS_EXPORT), read(&data, DATA)];
        exports.extend(plan.shared.iter().cloned());
        let head = plan.addresses.head().address;
        let mut files = Vec::new();
        if plan.transfer != Transfer::Nfs {
            files.push(HttpFile { name: ARCHIVE.to_owned(), path: data.join(ARCHIVE) });
        }
        files.extend(plan.boot.iter().flat_map(InstallBoot::files));
        let http =
            if files.is_empty() { None } else { Some(HttpServer::start(network, head, 0, files)?) };
        let boot = match (&plan.boot, &http) {
            (Some(boot), Some(http)) => Some(boot.lay_out(http.address(), directory)?),
            _ => None,
        };
        let dhcp = DhcpServer::start(network, &dhcp_plan(&plan, boot.as_ref()), mark, directory)?;
        let nfs = match NfsServer::start(network, head, &exports, mark, directory) {
            Ok(nfs) => nfs,
            Err(error) => {
                dhcp.stop();
                return Err(error.into());
            }
        };
        Ok(Self {
            network,
            mark,
            directory: directory.to_owned(),
            plan,
            boot,
            runs,
            exports,
            dhcp,
            nfs,
            http,
            restarts: (0, 0),
        })
    }

    pub(super) fn plan(&self) -> &InstallPlan {
        &self.plan
    }

    pub(super) fn runs(&self) -> &[DpkgRun] {
        &self.runs
    }

    pub(super) fn http_address(&self) -> Option<SocketAddrV4> {
        self.http.as_ref().map(HttpServer::address)
    }

    /// Bytes of the archive that the head node has sent over HTTP.
    #[must_use]
    pub fn sent_bytes(&self) -> u64 {
        self.http.as_ref().map_or(0, HttpServer::sent_bytes)
    }

    /// The processes of the servers: that of DHCP, that of NFS.
    #[must_use]
    pub fn processes(&self) -> [ProcessId; 2] {
        [self.dhcp.process(), self.nfs.process()]
    }

    /// Looks after the servers. One that ended is started again, once; what is answered says so. If it
    /// ends again, that is an error with its last words.
    pub fn check(&mut self) -> Result<Option<String>, InstallServiceError> {
        if let Err(ended) = self.dhcp.check() {
            self.restarts.0 += 1;
            if self.restarts.0 > RESTARTS {
                return Err(ended.into());
            }
            let plan = dhcp_plan(&self.plan, self.boot.as_ref());
            self.dhcp = DhcpServer::start(self.network, &plan, self.mark, &self.directory)?;
            return Ok(Some(format!("{ended}; it was started again")));
        }
        if let Err(ended) = self.nfs.check() {
            self.restarts.1 += 1;
            if self.restarts.1 > RESTARTS {
                return Err(ended.into());
            }
            let head = self.plan.addresses.head().address;
            let (network, mark) = (self.network, self.mark);
            self.nfs = NfsServer::start(network, head, &self.exports, mark, &self.directory)?;
            return Ok(Some(format!("{ended}; it was started again")));
        }
        Ok(None)
    }

    /// Ends the installation: the servers end, except that of NFS if nodes go on needing it; what was
    /// laid out is removed.
    pub fn finish(self) -> Result<(), InstallServiceError> {
        let data = self.directory.join("install");
        if self.boot.is_some() {
            boot::remove(&self.directory)?;
        }
        if self.plan.shared.is_empty() {
            self.stop();
        } else {
            drop(self.http);
            self.dhcp.stop();
            self.nfs.detach();
        }
        Ok(fs::remove_dir_all(&data).map_err(FileError::write(&data))?)
    }

    /// Ends all servers.
    pub fn stop(self) {
        drop(self.http);
        self.dhcp.stop();
        self.nfs.stop();
    }
}

fn dhcp_plan(plan: &InstallPlan, boot: Option<&NetworkBoot>) -> DhcpPlan {
    DhcpPlan {
        addresses: plan.addresses.clone(),
        hosts: plan.hosts.clone(),
        router: plan.router,
        names: NameService::None,
        boot: boot.cloned(),
    }
}

/// The name of a package's file among the data.
pub(super) fn package_name(number: usize) -> String {
    format!("{number:04}.deb")
}

/// Lays out what nodes get; answers where the cluster's files are now. Nodes cannot write here, so files
/// of the repository and the pool may be the same ones.
fn lay_out(plan: &InstallPlan, data: &Path) -> Result<Option<PathBuf>, FileError> {
    let packages = data.join(PACKAGES);
    let mut builder = DirBuilder::new();
    builder.recursive(true).mode(0o700);
    builder.create(&packages).map_err(FileError::write(&packages))?;
    let archive = data.join(ARCHIVE);
    link(&plan.archive.path, &archive).map_err(FileError::write(&archive))?;
    for (number, package) in plan.packages.iter().enumerate() {
        let path = packages.join(package_name(number));
        link(package, &path).map_err(FileError::write(&path))?;
    }
    let Some(files) = &plan.files else { return Ok(None) };
    let path = data.join(FILES);
    fs::rename(files, &path).map_err(FileError::write(&path))?;
    Ok(Some(path))
}

/// One more name for a file, or a copy where that cannot be.
fn link(from: &Path, to: &Path) -> io::Result<()> {
    match fs::hard_link(from, to) {
        Err(error) if error.kind() == io::ErrorKind::CrossesDevices => fs::copy(from, to).map(drop),
        result => result,
    }
}
