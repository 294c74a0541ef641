use std::fs;
use std::net::{Ipv4Addr, SocketAddrV4};
use std::time::Instant;

use vclust_debian::{ClusterNetwork, NfsAccess, NfsExport, NfsServer, ServiceError};
use vclust_process::marked;

use crate::place::{
    Place, addresses, bare, client_with_address, is_in_user_namespace, is_open, output, run, wait,
};

const HEAD: Ipv4Addr = Ipv4Addr::new(10, 77, 0, 1);

/// A network, and exports of two directories: `root`, to read, and `shared`, to write.
fn exported(place: &Place) -> (ClusterNetwork, Vec<NfsExport>) {
    let network = place.network(&bare(&addresses(2)));
    let export =
        |name: &str, access| NfsExport { path: place.make(name), name: name.to_owned(), access };
    (network, vec![export("root", NfsAccess::Read), export("shared", NfsAccess::Write)])
}

fn url(path: &str) -> String {
    format!("nfs://10.77.0.1/{path}?version=4")
}

#[test]
fn nodes_read_and_write_what_they_may_and_nobody_outside_does() {
    let place = Place::new();
    let (network, exports) = exported(&place);
    fs::write(exports[0].path.join("file"), "content\n").unwrap();
    let start = Instant::now();
    let mut server = NfsServer::start(&network, HEAD, &exports, &place.mark, place.path()).unwrap();
    eprintln!("an NFS server: {:.1} ms", start.elapsed().as_secs_f64() * 1e3);
    let node = client_with_address(&place, &network, &addresses(2), 1);
    node.enter(|| {
        assert_eq!(run("nfs-cat", &[&url("root/file")]), "content\n");
        let local = place.path().join("local");
        fs::write(&local, "from a node\n").unwrap();
        let local = local.to_str().unwrap();
        run("nfs-cp", &[local, &url("shared/written")]);
        let refused = output("nfs-cp", &[local, &url("root/written")]);
        let said = String::from_utf8_lossy(&refused.stderr);
        assert!(said.contains("ROFS"), "{said}");
        assert!(!is_open(SocketAddrV4::new(HEAD, 111)), "a port mapper");
    })
    .unwrap();
    assert_eq!(fs::read_to_string(exports[1].path.join("written")).unwrap(), "from a node\n");
    assert!(!exports[0].path.join("written").exists());
    assert!(!output("nfs-ls", &[&url("root")]).status.success(), "open outside of the network");
    server.check().unwrap();
    let start = Instant::now();
    server.stop();
    eprintln!("its end: {:.1} ms", start.elapsed().as_secs_f64() * 1e3);
    // what it mounted for itself, nobody else saw
    assert!(!std::path::Path::new("/run/ganesha.pid").exists());
}

#[test]
fn a_user_namespace_has_no_server_and_is_told_what_to_do() {
    if !is_in_user_namespace("nfs::a_user_namespace_has_no_server_and_is_told_what_to_do") {
        return;
    }
    let place = Place::new();
    let (network, exports) = exported(&place);
    let error = NfsServer::start(&network, HEAD, &exports, &place.mark, place.path()).unwrap_err();
    assert!(error.to_string().contains("have nodes use HTTP"), "{error}");
}

#[test]
fn a_server_that_ended_is_noticed_with_its_last_words() {
    let place = Place::new();
    let (network, exports) = exported(&place);
    let mut server = NfsServer::start(&network, HEAD, &exports, &place.mark, place.path()).unwrap();
    server.process().kill();
    wait("the end of the server", || server.check().is_err());
    let error = server.check().unwrap_err().to_string();
    assert!(error.starts_with("the NFS server ended; its last words: "), "{error}");
    // another one takes its place
    NfsServer::start(&network, HEAD, &exports, &place.mark, place.path()).unwrap().stop();
}

#[test]
fn a_server_that_cannot_listen_says_why_and_is_ended() {
    let place = Place::new();
    let (network, exports) = exported(&place);
    let taken = network.enter(|| std::net::TcpListener::bind((HEAD, 2049)).unwrap()).unwrap();
    let error = NfsServer::start(&network, HEAD, &exports, &place.mark, place.path());
    drop(taken);
    let error = error.unwrap_err();
    assert!(matches!(error, ServiceError::Ended { .. }), "{error}");
    assert!(error.to_string().contains("bind"), "{error}");
    assert_eq!(marked(&place.mark).unwrap(), [network.holder()]);
}
