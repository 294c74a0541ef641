use std::fs::{self, Permissions};
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::time::Instant;

use vclust_debian::{
    AddressPlan, ClusterNetwork, DhcpHost, DhcpPlan, DhcpServer, NameService, NetworkBoot,
};

use crate::place::{
    Place, addresses, bare, client, client_with_address, is_in_user_namespace, output, run, wait,
};

fn plan(addresses: &AddressPlan) -> DhcpPlan {
    let hosts = addresses.nodes().enumerate().map(|(number, node)| DhcpHost {
        name: format!("n{}", number + 1).parse().expect("a name"),
        mac: node.mac,
        address: node.address,
    });
    let hosts = hosts.collect();
    let addresses = addresses.clone();
    DhcpPlan { addresses, hosts, router: None, names: NameService::None, boot: None }
}

/// Asks for an address on `eth0` in the network of this thread; what was learned, unless nobody answers.
fn ask(directory: &Path) -> Option<String> {
    let learned = directory.join("learned");
    let script = directory.join("script");
    let text = "#!/bin/sh\n[ \"$1\" = bound ] && env >LEARNED\n:\n";
    fs::write(&script, text.replace("LEARNED", learned.to_str().expect("UTF-8"))).expect("a file");
    fs::set_permissions(&script, Permissions::from_mode(0o755)).expect("a mode");
    let script = script.to_str().expect("UTF-8");
    let arguments =
        ["udhcpc", "-i", "eth0", "-f", "-q", "-n", "-t", "2", "-T", "1", "-O", "dns", "-s", script];
    output("busybox", &arguments);
    fs::read_to_string(learned).ok()
}

fn server(place: &Place, network: &ClusterNetwork, plan: &DhcpPlan) -> DhcpServer {
    DhcpServer::start(network, plan, &place.mark, place.path()).expect("a server")
}

#[test]
fn a_node_gets_its_address_and_name_and_a_stranger_none() {
    let place = Place::new();
    let addresses = addresses(300);
    let network = place.network(&bare(&addresses));
    let start = Instant::now();
    let mut server = server(&place, &network, &plan(&addresses));
    eprintln!("a DHCP server for 300 nodes: {:.1} ms", start.elapsed().as_secs_f64() * 1e3);
    let node = client(&place, &network, &addresses, 257);
    let start = Instant::now();
    let learned = node.enter(|| ask(&place.make("node"))).unwrap().expect("an answer");
    eprintln!("an address: {:.1} ms", start.elapsed().as_secs_f64() * 1e3);
    let has = |line: &str| learned.lines().any(|other| other == line);
    assert!(has("ip=10.77.2.7") && has("mask=16") && has("hostname=n257"), "{learned}");
    assert!(has("lease=4294967295") && has("serverid=10.77.0.1"), "{learned}");
    assert!(!learned.contains("router=") && !learned.contains("dns="), "{learned}");

    let strange = || run("ip", &["link", "set", "eth0", "address", "52:54:00:ff:ff:ff"]);
    node.enter(strange).unwrap();
    assert_eq!(node.enter(|| ask(&place.make("stranger"))).unwrap(), None);
    server.check().expect("a server that goes on");

    let mode = |name: &str| fs::metadata(place.path().join(name)).unwrap().permissions().mode();
    assert_eq!(mode("dnsmasq.conf") & 0o777, 0o600);
    server.stop();
}

#[test]
fn a_user_namespace_has_a_server_too() {
    if !is_in_user_namespace("dhcp::a_user_namespace_has_a_server_too") {
        return;
    }
    let place = Place::new();
    let addresses = addresses(2);
    let network = place.network(&bare(&addresses));
    let _server = server(&place, &network, &plan(&addresses));
    let node = client(&place, &network, &addresses, 2);
    let learned = node.enter(|| ask(&place.make("node"))).unwrap().expect("an answer");
    assert!(learned.lines().any(|line| line == "ip=10.77.1.2"), "{learned}");
}

#[test]
fn a_server_that_ended_is_noticed_with_its_last_words() {
    let place = Place::new();
    let addresses = addresses(2);
    let network = place.network(&bare(&addresses));
    let mut server = server(&place, &network, &plan(&addresses));
    server.check().expect("a server");
    server.process().kill();
    wait("the end of the server", || server.check().is_err());
    let error = server.check().unwrap_err().to_string();
    assert!(error.starts_with("the DHCP server ended; its last words: "), "{error}");
    assert!(error.contains("started, version"), "{error}");
}

#[test]
fn a_server_that_cannot_start_says_why() {
    let place = Place::new();
    let addresses = addresses(1);
    let network = place.network(&bare(&addresses));
    let mut plan = plan(&addresses);
    let missing = place.path().join("missing");
    let (firmware, ipxe) = (Some("ipxe.efi".to_owned()), "boot.ipxe".to_owned());
    plan.boot = Some(NetworkBoot { directory: missing, firmware, ipxe });
    let error = DhcpServer::start(&network, &plan, &place.mark, place.path()).unwrap_err();
    let error = error.to_string();
    assert!(error.contains("TFTP directory") && error.contains("missing"), "{error}");
}

#[test]
fn names_and_files_to_boot_are_given_where_they_are_asked_for() {
    let place = Place::new();
    let addresses = addresses(2);
    let network = place.network(&bare(&addresses));
    let mut plan = plan(&addresses);
    plan.names = NameService::Cluster;
    plan.router = Some("10.77.0.2".parse().unwrap());
    let directory = place.make("boot");
    fs::write(directory.join("boot.ipxe"), "#!ipxe\n").unwrap();
    let (firmware, ipxe) = (Some("ipxe.efi".to_owned()), "boot.ipxe".to_owned());
    plan.boot = Some(NetworkBoot { directory, firmware, ipxe });
    let _server = server(&place, &network, &plan);
    let node = client_with_address(&place, &network, &addresses, 1);
    let learned = node.enter(|| ask(&place.make("node"))).unwrap().expect("an answer");
    let has = |line: &str| learned.lines().any(|other| other == line);
    assert!(has("dns=10.77.0.1") && has("router=10.77.0.2"), "{learned}");
    assert!(has("boot_file=ipxe.efi"), "{learned}");
    // its status also speaks of addresses of IPv6, which there are none of
    let find = |name| node.enter(|| output("busybox", &["nslookup", name, "10.77.0.1"])).unwrap();
    let found = String::from_utf8(find("n2").stdout).unwrap();
    assert!(found.contains("10.77.1.2"), "{found}");
    let unknown = String::from_utf8(find("n3").stdout).unwrap();
    assert!(!unknown.contains("10.77.1."), "{unknown}");
    let target = place.path().join("got");
    let arguments = ["tftp", "-g", "-r", "boot.ipxe", "-l", target.to_str().unwrap(), "10.77.0.1"];
    node.enter(|| run("busybox", &arguments)).unwrap();
    assert_eq!(fs::read_to_string(target).unwrap(), "#!ipxe\n");
}
