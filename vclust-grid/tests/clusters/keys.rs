//! Keys and files of a cluster, read by the programs that will use them.

use std::fs;
use std::path::Path;
use std::process::Command;
use std::time::{Duration, Instant};

use vclust_grid::{
    ClusterKeys, NodeRecord, NodeState, SshKeyPair, hosts_file, known_hosts, mpi_hostfile,
};

fn nodes(count: u32) -> Vec<NodeRecord> {
    let node = |number: u32| NodeRecord {
        name: format!("n{number}").parse().unwrap(),
        mac: "52:54:00:00:00:01".parse().unwrap(),
        address: format!("10.77.1.{number}").parse().unwrap(),
        state: NodeState::Ready,
        ready_seconds: None,
    };
    (1..=count).map(node).collect()
}

fn keys(nodes: &[NodeRecord]) -> ClusterKeys {
    let names = nodes.iter().map(|node| node.name.as_str());
    ClusterKeys::generate("octave", "ada", names).unwrap()
}

fn ssh_keygen(arguments: &[&str], path: &Path) -> String {
    let output = Command::new("ssh-keygen").args(arguments).arg(path).output();
    let output = output.expect("ssh-keygen starts: the Debian package `openssh-client` has it");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap()
}

#[test]
fn openssh_reads_the_keys() {
    use std::os::unix::fs::PermissionsExt;
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("key");
    let keys = keys(&nodes(1));
    for (pair, comment) in [(keys.user(), "ada@octave"), (&keys.hosts()[0], "root@n1")] {
        fs::write(&path, pair.private()).unwrap();
        fs::set_permissions(&path, fs::Permissions::from_mode(0o600)).unwrap();
        assert_eq!(ssh_keygen(&["-y", "-P", "", "-f"], &path).trim(), pair.public());
        let fingerprint = ssh_keygen(&["-l", "-f"], &path);
        assert!(fingerprint.starts_with("256 SHA256:"), "{fingerprint}");
        assert!(fingerprint.trim().ends_with(&format!("{comment} (ED25519)")), "{fingerprint}");
    }
}

#[test]
fn openssh_finds_nodes_by_name_and_address() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("known_hosts");
    let nodes = nodes(3);
    let keys = keys(&nodes);
    fs::write(&path, known_hosts(&nodes, &keys)).unwrap();
    for host in ["n2", "10.77.1.2"] {
        let found = ssh_keygen(&["-F", host, "-f"], &path);
        let key = keys.hosts()[1].public().split(' ').nth(1).unwrap();
        assert!(found.contains(key), "{found}");
    }
}

#[test]
fn no_two_keys_are_the_same_and_none_is_shown() {
    let keys = keys(&nodes(64));
    let mut public: Vec<&str> = keys.hosts().iter().map(SshKeyPair::public).collect();
    public.push(keys.user().public());
    public.sort_by_key(|key| key.split(' ').nth(1));
    public.dedup_by_key(|key| key.split(' ').nth(1));
    assert_eq!(public.len(), 65);
    assert!(!format!("{keys:?}").contains("PRIVATE"));
}

#[test]
fn keys_of_64_nodes_are_made_in_little_time() {
    let nodes = nodes(64);
    let start = Instant::now();
    let keys = keys(&nodes);
    let took = start.elapsed();
    eprintln!("keys of 64 nodes: {:.1} ms", took.as_secs_f64() * 1e3);
    assert_eq!(keys.hosts().len(), 64);
    assert!(took < Duration::from_millis(500), "{took:?}");
}

#[test]
fn nodes_know_each_other_by_name() {
    let text = hosts_file("10.77.0.1".parse().unwrap(), &nodes(2));
    let expected = "127.0.0.1 localhost\n::1 localhost ip6-localhost ip6-loopback\n\
                    10.77.0.1 head\n10.77.1.1 n1\n10.77.1.2 n2\n";
    assert_eq!(text, expected);
    assert_eq!(mpi_hostfile(&nodes(2), 4), "n1 slots=4\nn2 slots=4\n");
}
