//! A network with machines that install, and what they install.

use std::fs::{self, Permissions};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::thread;
use std::time::{Duration, Instant, SystemTime};

use tempfile::TempDir;
use vclust_agent::protocol::{
    Become, Disk, HostKey, Init, InterfaceAddress, Order, Partition, Prepare, Report, Root,
};
use vclust_core::Transfer;
use vclust_debian::{AddressPlan, ClusterNetwork, DhcpHost};
use vclust_grid::{
    BootFiles, IfFound, InstallIdentity, InstallPlan, InstallService, StoredArchive, StoredImage,
};
use vclust_process::Mark;

use super::machine::{DISK, Machine};
use crate::PATIENCE;
use crate::network::Place;
use crate::site::Site;

/// What nodes install, and start from.
pub(crate) struct Sources {
    pub(crate) image: StoredImage,
    pub(crate) archive: StoredArchive,
    programs: PathBuf,
    pub(crate) packages: Vec<PathBuf>,
    files: BootFiles,
    installer: PathBuf,
}

impl Sources {
    /// Builds what is not there of a minimal image, the root of the installation and packages.
    pub(crate) fn prepare(_: Place, packages: &[&str]) -> Self {
        let site = Site::at(&Path::new(env!("CARGO_TARGET_TMPDIR")).join("boot"), IfFound::Use);
        let image = site.minimal();
        Self {
            archive: site.archive(&image),
            programs: site.programs(),
            packages: site.differential(&image, packages),
            files: site.boot_files(),
            installer: site.installer(),
            image,
        }
    }
}

/// A cluster of machines that install.
pub(crate) struct Cluster {
    directory: TempDir,
    mark: Mark,
    addresses: AddressPlan,
    network: ClusterNetwork,
    key: PathBuf,
}

fn now() -> f64 {
    SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).expect("a clock").as_secs_f64()
}

/// Bytes that nobody else has, in hexadecimal digits.
fn seed(number: u32) -> String {
    format!("{:016x}{number:016x}", now().to_bits())
}

impl Cluster {
    pub(crate) fn new(nodes: u32) -> Self {
        // beside the repository, so that files of it can have another name here; not below /run
        let place = Path::new(env!("CARGO_TARGET_TMPDIR"));
        let directory = TempDir::new_in(place).expect("a directory");
        let key = directory.path().join("key");
        make_key(&key);
        let addresses = AddressPlan::new("install", nodes).expect("addresses");
        let mark: Mark = format!("test-{}", std::process::id()).parse().expect("a mark");
        let network = ClusterNetwork::create(&addresses.plan(), &mark, directory.path());
        let network = network.expect("a network");
        Self { directory, mark, addresses, network, key }
    }

    /// Starts what nodes are installed by.
    pub(crate) fn serve(&self, sources: &Sources, transfer: Transfer) -> InstallService<'_> {
        let files = self.directory.path().join("files");
        let keys = files.join("root/.ssh");
        fs::create_dir_all(&keys).expect("a directory");
        fs::create_dir_all(files.join("etc")).expect("a directory");
        fs::write(files.join("etc/motd"), "laid over the root\n").expect("a file");
        fs::copy(self.key.with_extension("pub"), keys.join("authorized_keys")).expect("a key");
        for path in [files.join("root"), keys] {
            fs::set_permissions(path, Permissions::from_mode(0o700)).expect("a mode");
        }
        let hosts = self.addresses.nodes().zip(1..).map(|(node, number)| {
            let name = format!("n{number}").parse().expect("a name");
            DhcpHost { name, mac: node.mac, address: node.address }
        });
        let plan = InstallPlan {
            addresses: self.addresses.clone(),
            hosts: hosts.collect(),
            router: None,
            boot: None,
            programs: sources.programs.clone(),
            archive: sources.archive.clone(),
            packages: sources.packages.clone(),
            remove: Vec::new(),
            files: Some(files),
            transfer,
            shared: Vec::new(),
        };
        let start = Instant::now();
        let directory = self.directory.path();
        let service = InstallService::start(&self.network, plan, &self.mark, directory);
        let service = service.expect("services");
        eprintln!("  {:6.2} s until the services answer", start.elapsed().as_secs_f64());
        service
    }

    fn machine(&self, number: u32, sources: &Sources, initramfs: &Path) -> Machine {
        let node = self.addresses.node(number).expect("an address");
        let kernel = sources.files.kernel.image();
        let directory = self.directory.path();
        let start = || Machine::start(directory, number, node, kernel, initramfs);
        let mut machine = self.network.enter(start).expect("the network");
        machine.wait("the agent", PATIENCE, |report| {
            matches!(report, Report::Hello { .. }).then_some(())
        });
        machine
    }

    /// Starts a machine and tells it to install.
    pub(crate) fn install(
        &self,
        number: u32,
        service: &InstallService<'_>,
        sources: &Sources,
    ) -> Machine {
        let mut machine = self.machine(number, sources, &sources.installer);
        let name = format!("n{number}").parse().expect("a name");
        let identity = InstallIdentity { name, time: now(), seed: seed(number) };
        let partition = |mebibytes, kind: &str, place: Option<&str>| Partition {
            mebibytes,
            file_system: kind.to_owned(),
            mount_point: place.map(str::to_owned),
        };
        let partitions =
            vec![partition(Some(64), "swap", None), partition(None, "ext4", Some("/"))];
        let order = service.order(number, identity, DISK, partitions);
        machine.order(&Order::Install(Box::new(order)));
        machine
    }

    /// Starts a machine from its disk and waits until it takes logins.
    pub(crate) fn boot(&self, number: u32, sources: &Sources) -> Machine {
        let mut machine = self.machine(number, sources, &sources.files.node);
        machine.order(&Order::Prepare(Prepare::default()));
        let node = self.addresses.node(number).expect("an address");
        let host_key = self.directory.path().join(format!("host-key-{number}"));
        make_key(&host_key);
        let read = |path: &Path| fs::read_to_string(path).expect("a key");
        machine.order(&Order::Become(Box::new(Become {
            host_name: format!("n{number}"),
            machine_id: format!("{number:032x}"),
            time: now(),
            seed: seed(number),
            root: Root::Disk(Disk {
                serial: DISK.to_owned(),
                partition: Some(2),
                file_system: "ext4".to_owned(),
            }),
            address: InterfaceAddress {
                mac: node.mac.to_string(),
                address: node.address.to_string(),
                prefix: AddressPlan::PREFIX,
                gateway: None,
            },
            host_keys: vec![HostKey {
                algorithm: "ed25519".to_owned(),
                private: read(&host_key),
                public: read(&host_key.with_extension("pub")),
            }],
            init: Init::Minimal,
            shared: Vec::new(),
            hooks: Vec::new(),
        })));
        machine.wait("a node that is ready", PATIENCE, |report| {
            matches!(report, Report::Ready { .. }).then_some(())
        });
        machine
    }

    /// Runs a command on a node, which must succeed; what it printed.
    pub(crate) fn ssh(&self, number: u32, command: &str) -> String {
        let address = self.addresses.node(number).expect("an address").address;
        let end = Instant::now() + PATIENCE;
        loop {
            let output = self.network.enter(|| {
                Command::new("ssh")
                    .args(["-F", "/dev/null", "-o", "BatchMode=yes", "-o", "ConnectTimeout=5"])
                    .args(["-o", "StrictHostKeyChecking=no"])
                    .args(["-o", "UserKnownHostsFile=/dev/null", "-o", "LogLevel=ERROR", "-i"])
                    .arg(&self.key)
                    .args([&format!("root@{address}"), command])
                    .stdin(Stdio::null())
                    .output()
                    .expect("ssh starts: the Debian package `openssh-client` has it")
            });
            let output = output.expect("the network");
            let text = String::from_utf8_lossy(&output.stdout).into_owned();
            let said = String::from_utf8_lossy(&output.stderr);
            // 255 is ssh's own: no connection
            if output.status.code() != Some(255) || Instant::now() > end {
                assert!(output.status.success(), "`{command}` on node {number}: {text}{said}");
                return text;
            }
            thread::sleep(Duration::from_millis(200));
        }
    }
}

impl Machine {
    /// Waits until the machine has installed.
    pub(crate) fn installed(&mut self, patience: Duration) {
        self.wait("an installed root", patience, |report| {
            matches!(report, Report::Installed { .. }).then_some(())
        });
    }
}

fn make_key(path: &Path) {
    let output = Command::new("ssh-keygen")
        .args(["-q", "-t", "ed25519", "-N", "", "-C", "test", "-f"])
        .arg(path)
        .output()
        .expect("ssh-keygen starts: the Debian package `openssh-client` has it");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
}
