//! What belongs to a cluster is its owner's and its own network's, and nobody else's.

use std::fs;
use std::io::Read;
use std::net::{Ipv4Addr, SocketAddr, TcpStream};
use std::os::unix::fs::{FileTypeExt, MetadataExt};
use std::path::{Path, PathBuf};
use std::time::Duration;

use crate::site::Site;

/// Everything below a directory, with the directory.
fn below(directory: &Path) -> Vec<PathBuf> {
    let mut found = vec![directory.to_owned()];
    for entry in fs::read_dir(directory).expect("a directory").flatten() {
        if entry.file_type().expect("a type").is_dir() {
            found.extend(below(&entry.path()));
        } else {
            found.push(entry.path());
        }
    }
    found
}

/// Sockets of this process's network, TCP and UDP, at the ports of NFS, DNS and DHCP.
fn listening() -> Vec<String> {
    let mut found = Vec::new();
    for kind in ["tcp", "tcp6", "udp", "udp6"] {
        let table = fs::read_to_string(format!("/proc/self/net/{kind}")).unwrap_or_default();
        for line in table.lines().skip(1) {
            let local = line.split_whitespace().nth(1).unwrap_or_default();
            if [":0801", ":0035", ":0043"].iter().any(|port| local.ends_with(port)) {
                found.push(format!("{kind} {local}"));
            }
        }
    }
    found.sort();
    found
}

#[test]
#[ignore = "fetches packages and needs root: `make test-up` runs it"]
fn files_sockets_and_ports_of_a_cluster_are_its_own() {
    let site = Site::new();
    fs::create_dir(site.path("shared")).expect("a directory");
    let before = "nodes = 1\nshared = [{ source = \"shared\", target = \"/shared\" }]";
    let before_it = listening();
    let cluster = site.up(&site.spec("own", "clone", before, ""));

    let mut sockets = 0;
    for top in [cluster.directory(), site.state.join("templates")] {
        let mode = top.symlink_metadata().expect("a directory").mode() & 0o7777;
        assert_eq!(mode, 0o700, "{}: {mode:o}", top.display());
        for path in below(&top) {
            let data = path.symlink_metadata().expect("a file");
            assert_eq!(data.uid(), 0, "{}", path.display());
            let name = path.file_name().expect("a name").to_string_lossy().into_owned();
            let is_secret = data.file_type().is_socket()
                || ["id_ed25519", "cluster.json", "memory", "cluster.erofs"]
                    .contains(&name.as_str())
                || path.extension().is_some_and(|end| end == "disk");
            sockets += usize::from(data.file_type().is_socket());
            if is_secret {
                assert_eq!(data.mode() & 0o777, 0o600, "{}: {:o}", path.display(), data.mode());
            }
        }
    }
    assert!(sockets >= 3, "{sockets} sockets were seen");

    // from here nobody gets to the node; networks that take every connection give no SSH greeting
    let node = SocketAddr::from((Ipv4Addr::new(10, 77, 1, 1), 22));
    if let Ok(mut connection) = TcpStream::connect_timeout(&node, Duration::from_secs(2)) {
        connection.set_read_timeout(Some(Duration::from_secs(3))).expect("a time");
        let mut greeting = [0; 4];
        let read = connection.read_exact(&mut greeting);
        assert!(read.is_err() || &greeting != b"SSH-", "{node} can be reached");
    }
    // nor do the head node's servers listen here
    assert_eq!(listening(), before_it, "servers of the cluster listen outside it");
    // nor do the node's packets leave its network, or arrive at other servers of this machine
    let listener = std::net::TcpListener::bind("0.0.0.0:0").expect("a port");
    let port = listener.local_addr().expect("an address").port();
    for address in ["10.77.0.1", "192.0.2.1"] {
        let command = format!("timeout 5 bash -c '</dev/tcp/{address}/{port}'");
        assert!(!cluster.try_on("", 1, &command).status.success(), "{address} can be reached");
    }
    // the only way in is a key that this cluster has
    let stranger = site.path("stranger");
    let made = std::process::Command::new("ssh-keygen")
        .args(["-q", "-t", "ed25519", "-N", "", "-f"])
        .arg(&stranger)
        .status();
    assert!(made.expect("ssh-keygen starts: `openssh-client` has it").success());
    let own = cluster.directory().join("id_ed25519");
    let key = fs::read(&own).expect("a key");
    fs::write(&own, fs::read(&stranger).expect("a key")).expect("a writable key");
    let refused = cluster.try_on("", 1, "true");
    assert_eq!(refused.status.code(), Some(255), "{}", refused.stderr);
    assert!(refused.stderr.contains("Permission denied"), "{}", refused.stderr);
    fs::write(&own, key).expect("a writable key");
    assert_eq!(cluster.on(1, "echo in"), "in\n");
    cluster.down();
    site.nothing_is_left_but(&[]);
}
