//! A network with one node on it and nothing else: its own namespace, a tap, a DHCP server.
//!
//! Nothing started here can outlive the test: the test runs itself again as the first process of a
//! process namespace, which the kernel ends with its first process; and that process ends with the
//! one that waits for it.

use std::env;
use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

/// Set for the process that runs in the namespaces.
const INSIDE: &str = "VCLUST_TEST_INSIDE";
/// The network device of the host.
pub(crate) const TAP: &str = "tap0";
const HOST: &str = "10.77.0.1";

/// Where a part of a test runs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Place {
    /// Where packages can be fetched.
    Outside,
    /// Where nothing can be reached but what the test starts.
    Inside,
}

/// Prepares, and runs `work` in namespaces of its own, where it is the first process, as root. What was
/// prepared outside is there inside and only looked up once more.
///
/// `name` is that of the test that calls this; at the deadline, which counts from the end of the
/// preparation, it and all that it started are killed.
pub(crate) fn isolated<P>(
    name: &str,
    deadline: Duration,
    prepare: impl FnOnce(Place) -> P,
    work: impl FnOnce(P),
) {
    if env::var_os(INSIDE).is_some() {
        return work(prepare(Place::Inside));
    }
    assert!(
        rustix::process::geteuid().is_root(),
        "this test makes a network namespace and needs root: run `make test-boot` as root"
    );
    let start = Instant::now();
    prepare(Place::Outside);
    eprintln!("  {:6.2} s for images, kernel and initramfs", start.elapsed().as_secs_f64());
    let program = env::current_exe().expect("this program's file");
    let mut child = Command::new("setpriv")
        .args(["--pdeathsig", "KILL", "unshare", "--net", "--mount", "--pid", "--mount-proc"])
        .args(["--fork", "--kill-child", "--"])
        .arg(program)
        .args(["--exact", name, "--ignored", "--nocapture", "--test-threads=1"])
        .env(INSIDE, "1")
        .stdin(Stdio::null())
        .spawn()
        .expect("setpriv and unshare start: the Debian package `util-linux` has them");
    let end = Instant::now() + deadline;
    let status = loop {
        if let Some(status) = child.try_wait().expect("a child") {
            break status;
        }
        if Instant::now() >= end {
            child.kill().expect("a child");
            child.wait().expect("a child");
            panic!("{name} was not done after {} s", deadline.as_secs());
        }
        thread::sleep(Duration::from_millis(50));
    };
    assert!(status.success(), "{name} failed in its namespace; what it said is above");
}

/// A network with a DHCP server, which ends with the test.
pub(crate) struct Network {
    leases: PathBuf,
    _dnsmasq: Child,
}

impl Network {
    /// Makes the network in this process's namespace.
    pub(crate) fn new(directory: &Path) -> Self {
        ip(&["link", "set", "lo", "up"]);
        ip(&["tuntap", "add", "dev", TAP, "mode", "tap"]);
        ip(&["addr", "add", &format!("{HOST}/24"), "dev", TAP]);
        ip(&["link", "set", TAP, "up"]);
        let leases = directory.join("leases");
        fs::write(&leases, "").expect("a lease file");
        let log = File::create(directory.join("dnsmasq.log")).expect("a log");
        let dnsmasq = Command::new("dnsmasq")
            .args(["--conf-file=/dev/null", "--no-hosts", "--no-resolv", "--port=0"])
            .args(["--keep-in-foreground", "--log-facility=-", "--user=root", "--pid-file="])
            .args([&format!("--interface={TAP}"), "--bind-interfaces", "--no-ping"])
            .args(["--dhcp-range=10.77.0.100,10.77.0.200,255.255.255.0,infinite"])
            .args(["--dhcp-authoritative", "--dhcp-option=3"])
            .arg(format!("--dhcp-leasefile={}", leases.display()))
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(log)
            .spawn()
            .expect("dnsmasq starts: the Debian package `dnsmasq-base` has it");
        Self { leases, _dnsmasq: dnsmasq }
    }

    /// The address that was given to a MAC address.
    pub(crate) fn address(&self, mac: &str) -> Option<String> {
        let leases = fs::read_to_string(&self.leases).expect("a lease file");
        leases.lines().find_map(|line| {
            let mut fields = line.split(' ').skip(1);
            (fields.next() == Some(mac)).then(|| fields.next().map(str::to_owned))?
        })
    }
}

fn ip(arguments: &[&str]) {
    let output = Command::new("ip")
        .args(arguments)
        .output()
        .expect("ip starts: the Debian package `iproute2` has it");
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "ip {}: {said}", arguments.join(" "));
}
