//! What each node is told to do.

use vclust_agent::protocol::{
    HttpSource, ImageArchive, ImageSource, Install, PackageStep, Packages, Partition,
};
use vclust_core::{ClusterSpec, DiskPartition, DomainName, Transfer};
use vclust_debian::DpkgRun;

use super::serve::{ARCHIVE, DATA, FILES, InstallService, PACKAGES, PROGRAMS_EXPORT, package_name};

/// The port at which nodes of a chain serve each other.
const CHAIN_PORT: u16 = 7077;
/// How many nodes before it a node knows. If all of them die, the head node is left.
const NEIGHBOURS: u32 = 8;

/// Who a node is while it installs.
#[derive(Debug, Clone, PartialEq)]
pub struct InstallIdentity {
    /// Its name.
    pub name: DomainName,
    /// Seconds since 1970.
    pub time: f64,
    /// Random bytes, in hexadecimal digits.
    pub seed: String,
}

/// How the nodes of a spec divide their disks: as it says, or into the root and nothing else.
#[must_use]
pub fn node_partitions(spec: &ClusterSpec) -> Vec<Partition> {
    if spec.partitions.is_empty() {
        let (file_system, mount_point) = ("ext4".to_owned(), Some("/".to_owned()));
        return vec![Partition { mebibytes: None, file_system, mount_point }];
    }
    let partition = |one: &DiskPartition| Partition {
        mebibytes: one.mebibytes(),
        file_system: one.file_system.name().to_owned(),
        mount_point: one.target.clone(),
    };
    spec.partitions.iter().map(partition).collect()
}

impl InstallService<'_> {
    /// What a node is told; the first has number 1. `disk` is the serial number of the disk that it
    /// fills.
    #[must_use]
    pub fn order(
        &self,
        number: u32,
        identity: InstallIdentity,
        disk: &str,
        partitions: Vec<Partition>,
    ) -> Install {
        let plan = self.plan();
        let InstallIdentity { name, time, seed } = identity;
        let archive = &plan.archive;
        let from = match (plan.transfer, self.http()) {
            (Transfer::Http, Some(http)) => ImageSource::Http(http),
            (Transfer::Chain, Some(head)) => {
                let before = (1..number).rev().take(NEIGHBOURS as usize);
                let before = before.filter_map(|number| plan.addresses.node(number));
                let before = before.map(|node| node.address.to_string()).collect();
                ImageSource::Chain { port: CHAIN_PORT, before, head }
            }
            _ => ImageSource::Nfs { file: ARCHIVE.to_owned() },
        };
        let head = plan.addresses.head().address.to_string();
        let has_packages = !plan.packages.is_empty() || !plan.remove.is_empty();
        Install {
            host_name: name.to_string(),
            time,
            seed,
            address: None,
            server: head,
            programs: PROGRAMS_EXPORT.to_owned(),
            data: DATA.to_owned(),
            disk: disk.to_owned(),
            partitions,
            image: ImageArchive { bytes: archive.bytes, sha256: archive.sha256.to_string(), from },
            packages: has_packages.then(|| Packages {
                directory: PACKAGES.to_owned(),
                steps: steps(self.runs(), &plan.remove),
            }),
            files: plan.files.is_some().then(|| FILES.to_owned()),
        }
    }

    /// Where nodes get the archive over HTTP, if they do.
    fn http(&self) -> Option<HttpSource> {
        let server = self.http_address()?;
        Some(HttpSource { server: server.to_string(), path: format!("/{ARCHIVE}") })
    }
}

fn steps(runs: &[DpkgRun], remove: &[String]) -> Vec<PackageStep> {
    let removal = (!remove.is_empty()).then(|| PackageStep::Remove(remove.to_vec()));
    let steps = runs.iter().map(|run| match run {
        DpkgRun::Unpack(numbers) => {
            PackageStep::Unpack(numbers.iter().copied().map(package_name).collect())
        }
        DpkgRun::Configure(names) => PackageStep::Configure(names.clone()),
        DpkgRun::Finish => PackageStep::Finish,
    });
    removal.into_iter().chain(steps).collect()
}
