//! Places to test in: a cluster's network with a client on it, which both go when a test ends.

use std::net::{SocketAddrV4, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Command, Output};
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::{Duration, Instant};

use vclust_debian::{AddressPlan, ClusterNetwork, NetworkPlan, UserNamespace};
use vclust_process::{Daemon, Mark, ProcessId, end_marked};

static NUMBER: AtomicU32 = AtomicU32::new(0);

/// Processes of a test, and a directory. All go with it.
pub(crate) struct Place {
    pub(crate) mark: Mark,
    directory: tempfile::TempDir,
}

impl Place {
    pub(crate) fn new() -> Self {
        assert!(
            rustix::process::geteuid().is_root(),
            "this test makes network namespaces and needs root: run it as root"
        );
        let number = NUMBER.fetch_add(1, Ordering::Relaxed);
        let mark = format!("vclust-test-services-{}-{number}", std::process::id());
        let directory = tempfile::tempdir().expect("a directory");
        Self { mark: mark.parse().expect("a mark"), directory }
    }

    pub(crate) fn path(&self) -> &Path {
        self.directory.path()
    }

    /// A directory in the place.
    pub(crate) fn make(&self, name: &str) -> PathBuf {
        let path = self.path().join(name);
        std::fs::create_dir_all(&path).expect("a directory");
        path
    }

    pub(crate) fn network(&self, plan: &NetworkPlan) -> ClusterNetwork {
        ClusterNetwork::create(plan, &self.mark, self.path()).expect("a network")
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        let _ = end_marked(&self.mark, Duration::ZERO);
    }
}

/// A process in a user namespace of its own, with all ids that users have.
pub(crate) fn user_namespace(place: &Place) -> ProcessId {
    let mut command = Command::new("unshare");
    command.args(["--user", "--net", "sleep", "60"]);
    let log = place.path().join("unshare.log");
    let holder = Daemon::start(command, "util-linux", &place.mark, &log).expect("unshare").detach();
    let users = |process: &str| std::fs::read_link(format!("/proc/{process}/ns/user"));
    let own = users("self").expect("a namespace");
    wait("a user namespace", || users(&holder.number.to_string()).expect("a namespace") != own);
    for map in ["uid_map", "gid_map"] {
        std::fs::write(format!("/proc/{}/{map}", holder.number), "0 0 65536").expect("a map");
    }
    holder
}

/// Runs the test of that name again in a user namespace. Answers whether this is there already.
pub(crate) fn is_in_user_namespace(test: &str) -> bool {
    if UserNamespace::is_inside() {
        return true;
    }
    let place = Place::new();
    let program = std::env::current_exe().expect("this program's file");
    let program = program.to_str().expect("UTF-8");
    // a name that no test has would be no failure
    let script = "\"$@\" 2>&1 | tee /dev/stderr | grep -q '^test result: ok. 1 passed'";
    let arguments = ["-c", script, "sh", program, "--exact", test, "--nocapture"].map(Into::into);
    let holder = user_namespace(&place);
    let status = UserNamespace::run_beside(holder, "sh".as_ref(), arguments);
    assert!(status.expect("a shell").success(), "{test} failed in its user namespace");
    false
}

/// The addresses of a small cluster.
pub(crate) fn addresses(nodes: u32) -> AddressPlan {
    AddressPlan::new("test", nodes).expect("few nodes")
}

/// A plan without taps.
pub(crate) fn bare(addresses: &AddressPlan) -> NetworkPlan {
    NetworkPlan { taps: Vec::new(), ..addresses.plan() }
}

/// A network with the link `eth0` on a cluster's bridge, as the node of a number has it.
pub(crate) fn client(
    place: &Place,
    cluster: &ClusterNetwork,
    addresses: &AddressPlan,
    number: u32,
) -> ClusterNetwork {
    // its own bridge is not connected to anything
    let mut plan = bare(addresses);
    plan.head = "192.0.2.1".parse().expect("an address");
    plan.prefix = 24;
    let client = place.network(&plan);
    let process = client.holder().number.to_string();
    let port = format!("port{number}");
    cluster
        .enter(|| {
            run("ip", &["link", "add", &port, "type", "veth", "peer", "eth0", "netns", &process]);
            run("ip", &["link", "set", &port, "master", "br0", "up"]);
        })
        .expect("the network");
    let mac = addresses.node(number).expect("a node").mac.to_string();
    let up = || run("ip", &["link", "set", "eth0", "address", &mac, "up"]);
    client.enter(up).expect("the network");
    client
}

/// A client that has the node's address without asking for it.
pub(crate) fn client_with_address(
    place: &Place,
    cluster: &ClusterNetwork,
    addresses: &AddressPlan,
    number: u32,
) -> ClusterNetwork {
    let client = client(place, cluster, addresses, number);
    let address = format!("{}/16", addresses.node(number).expect("a node").address);
    let add = || run("ip", &["address", "add", &address, "dev", "eth0"]);
    client.enter(add).expect("the network");
    client
}

/// Runs a program in the network of this thread.
pub(crate) fn output(program: &str, arguments: &[&str]) -> Output {
    let output = Command::new(program).args(arguments).output();
    output.unwrap_or_else(|error| panic!("{program}: {error}; `scripts/setup test` installs it"))
}

/// Runs a program that succeeds; what it says.
pub(crate) fn run(program: &str, arguments: &[&str]) -> String {
    let output = output(program, arguments);
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    let said = text(&output.stderr);
    assert!(output.status.success(), "{program} {arguments:?}: {said}");
    text(&output.stdout)
}

/// Whether a TCP port can be reached from the network of this thread.
pub(crate) fn is_open(address: SocketAddrV4) -> bool {
    TcpStream::connect_timeout(&address.into(), Duration::from_millis(500)).is_ok()
}

/// Waits until something is so.
pub(crate) fn wait(what: &str, mut is_so: impl FnMut() -> bool) {
    let end = Instant::now() + Duration::from_secs(20);
    while !is_so() {
        assert!(Instant::now() < end, "{what} did not happen");
        std::thread::sleep(Duration::from_millis(5));
    }
}
