//! A head node's command that is killed leaves nothing but marked processes, and with them all goes.
//!
//! The test starts itself again as the command, told apart by a variable.

use std::fs;
use std::net::Ipv4Addr;
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use vclust_debian::{
    ClusterNetwork, DhcpPlan, DhcpServer, HttpFile, HttpServer, NameService, NfsAccess, NfsExport,
    NfsServer,
};
use vclust_process::{Mark, end_marked, marked};

use crate::place::{Place, addresses, output, wait};

const HEAD: Ipv4Addr = Ipv4Addr::new(10, 77, 0, 1);
/// The directory that the command uses, and the mark of what it starts.
const DIRECTORY: &str = "VCLUST_TEST_DIRECTORY";
const MARK: &str = "VCLUST_TEST_MARK";

/// The file that is there when everything is.
const ALL: &str = "all";
/// How often the command is killed.
const KILLS: u32 = 20;

/// Makes a network with all services, and waits to be killed.
fn work(directory: &Path, mark: &Mark) {
    let addresses = addresses(8);
    let network = ClusterNetwork::create(&addresses.plan(), mark, directory).expect("a network");
    let names = NameService::Cluster;
    let plan = DhcpPlan { addresses, hosts: Vec::new(), router: None, names, boot: None };
    let _dhcp = DhcpServer::start(&network, &plan, mark, directory).expect("a DHCP server");
    let export =
        NfsExport { path: directory.to_owned(), name: "root".to_owned(), access: NfsAccess::Read };
    let _nfs = NfsServer::start(&network, HEAD, &[export], mark, directory).expect("NFS");
    let file = HttpFile { name: "a".to_owned(), path: directory.join("dnsmasq.conf") };
    let _http = HttpServer::start(&network, HEAD, 8000, vec![file]).expect("an HTTP server");
    fs::write(directory.join(ALL), "").expect("a file");
    std::thread::sleep(Duration::from_secs(60));
}

/// Ends what is marked until nothing comes up any more: a program that was about to be started when the
/// command was killed has its mark only later.
fn end(mark: &Mark) -> usize {
    let (mut ended, mut quiet) = (0, 0);
    while quiet < 5 {
        let found = end_marked(mark, Duration::ZERO).expect("processes");
        ended += found;
        quiet = if found == 0 { quiet + 1 } else { 0 };
        std::thread::sleep(Duration::from_millis(10));
    }
    ended
}

#[test]
fn a_command_killed_at_any_moment_leaves_only_what_its_mark_finds() {
    if let (Some(directory), Ok(mark)) = (std::env::var_os(DIRECTORY), std::env::var(MARK)) {
        return work(Path::new(&directory), &mark.parse().expect("a mark"));
    }
    let test = "kills::a_command_killed_at_any_moment_leaves_only_what_its_mark_finds";
    let mut ended = Vec::new();
    let mut whole = Duration::ZERO;
    for round in 0..KILLS {
        let place = Place::new();
        let mut child = Command::new(std::env::current_exe().expect("this program's file"))
            .args(["--exact", test])
            .env(DIRECTORY, place.path())
            .env(MARK, place.mark.as_str())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .expect("the test starts again");
        wait("a first process", || place.path().join("network.log").exists());
        if round == 0 {
            // after everything; that says how long everything takes
            let begun = Instant::now();
            wait("the services", || place.path().join(ALL).exists());
            whole = begun.elapsed();
        } else {
            std::thread::sleep(whole * round / KILLS);
        }
        child.kill().expect("a child");
        child.wait().expect("a child");
        ended.push(end(&place.mark));
        assert!(marked(&place.mark).expect("processes").is_empty());
        let mounts = fs::read_to_string("/proc/self/mountinfo").expect("mounts");
        assert!(!mounts.contains(place.path().to_str().expect("UTF-8")), "{mounts}");
        let links = String::from_utf8(output("ip", &["-o", "link"]).stdout).expect("UTF-8");
        assert!(!links.contains(": br0") && !links.contains(": tap8"), "{links}");
    }
    eprintln!("processes ended after each kill: {ended:?}");
    assert_eq!(ended[0], 3, "a holder of the network and two servers");
    assert!(ended[1..].iter().any(|count| *count < 3), "none came before everything: {ended:?}");
}
