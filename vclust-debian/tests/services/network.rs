use std::fs;
use std::time::{Duration, Instant};

use vclust_debian::{AddressPlan, ClusterNetwork, NetworkError, UserNamespace};
use vclust_process::{end_marked, marked};

use crate::place::{Place, addresses, bare, is_in_user_namespace, run, user_namespace, wait};

/// Namespaces of networks that processes are in.
fn namespaces() -> Vec<std::path::PathBuf> {
    let processes = fs::read_dir("/proc").expect("processes").flatten();
    processes.filter_map(|entry| fs::read_link(entry.path().join("ns/net")).ok()).collect()
}

#[test]
fn a_network_has_its_links_and_goes_with_its_processes() {
    let place = Place::new();
    let start = Instant::now();
    let network = place.network(&addresses(64).plan());
    eprintln!("a network with 64 taps: {:.1} ms", start.elapsed().as_secs_f64() * 1e3);
    let links = network.enter(|| run("ip", &["-o", "link", "show", "master", "br0"])).unwrap();
    assert_eq!(links.lines().count(), 64);
    assert!(links.lines().all(|link| link.contains("tap") && link.contains(",UP")), "{links}");
    let head = network.enter(|| run("ip", &["-o", "address", "show", "dev", "br0"])).unwrap();
    assert!(head.contains("inet 10.77.0.1/16 "), "{head}");
    assert!(!head.contains("inet6"), "{head}");
    let routes = network.enter(|| run("ip", &["route"])).unwrap();
    assert!(!routes.contains("default"), "{routes}");
    assert!(!run("ip", &["-o", "link"]).contains("tap64"), "a tap outside of the network");

    let inside = network.enter(|| fs::read_link("/proc/thread-self/ns/net").unwrap()).unwrap();
    assert!(namespaces().contains(&inside));
    assert_eq!(marked(&place.mark).unwrap(), [network.holder()]);
    let found = ClusterNetwork::find(network.holder()).unwrap();
    let same = found.enter(|| fs::read_link("/proc/thread-self/ns/net").unwrap()).unwrap();
    assert_eq!(same, inside);

    drop(found);
    let holder = network.holder();
    assert_eq!(end_marked(&place.mark, Duration::ZERO).unwrap(), 1);
    assert!(!namespaces().contains(&inside));
    let error = ClusterNetwork::find(holder).unwrap_err();
    assert!(matches!(error, NetworkError::Gone { .. }), "{error}");
    let left: Vec<_> = fs::read_dir(place.path()).unwrap().flatten().collect();
    assert_eq!(left.len(), 1, "more than a log is left: {left:?}");
}

#[test]
fn taps_can_be_added_and_wrong_names_are_refused() {
    let place = Place::new();
    let network = place.network(&bare(&addresses(1)));
    network.add_taps(&[AddressPlan::tap(1), AddressPlan::tap(2)], place.path()).unwrap();
    let links = network.enter(|| run("ip", &["-o", "link", "show", "master", "br0"])).unwrap();
    assert_eq!(links.lines().count(), 2);
    let error = network.add_taps(&["tap 3".to_owned()], place.path()).unwrap_err();
    assert!(error.to_string().starts_with("`tap 3` is no name for a tap"), "{error}");
    // `ip` says no: the tap is there
    let error = network.add_taps(&[AddressPlan::tap(1)], place.path()).unwrap_err();
    assert!(error.to_string().contains("`ip` failed"), "{error}");
    network.end();
    wait("the end of the network's process", || marked(&place.mark).unwrap().is_empty());
}

#[test]
fn a_network_that_cannot_be_made_leaves_no_process() {
    let place = Place::new();
    let mut plan = bare(&addresses(1));
    plan.prefix = 99;
    let error = ClusterNetwork::create(&plan, &place.mark, place.path()).unwrap_err();
    assert!(error.to_string().contains("`ip` failed"), "{error}");
    assert!(marked(&place.mark).unwrap().is_empty());
}

#[test]
fn clusters_with_the_same_addresses_do_not_meet() {
    let place = Place::new();
    let plan = addresses(2).plan();
    let networks = [place.network(&plan), place.network(&plan)];
    let [first, second] = networks.each_ref().map(|network| {
        network.enter(|| std::net::TcpListener::bind("10.77.0.1:7777")).unwrap().expect("a port")
    });
    drop((first, second));
}

#[test]
fn a_network_of_another_user_namespace_is_reached_through_it() {
    let place = Place::new();
    let holder = user_namespace(&place);
    let error = ClusterNetwork::find(holder).unwrap_err();
    assert!(matches!(error, NetworkError::OtherUserNamespace { .. }), "{error}");
    let expected = fs::read_link(format!("/proc/{}/ns/user", holder.number)).unwrap();
    let expected = expected.to_str().unwrap();
    let script = format!("test $(readlink /proc/self/ns/user) = '{expected}' && test $(id -u) = 0");
    let arguments = ["-c".into(), script.into()];
    let status = UserNamespace::run_beside(holder, "sh".as_ref(), arguments).unwrap();
    assert!(status.success());
}

#[test]
fn a_user_namespace_has_networks_with_taps_too() {
    if !is_in_user_namespace("network::a_user_namespace_has_networks_with_taps_too") {
        return;
    }
    let place = Place::new();
    let network = place.network(&addresses(2).plan());
    let found = ClusterNetwork::find(network.holder()).unwrap();
    let links = found.enter(|| run("ip", &["-o", "link", "show", "master", "br0"])).unwrap();
    assert_eq!(links.lines().count(), 2);
}
