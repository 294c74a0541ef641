//! Nodes that install their own disks: the paper's flow.

use std::time::Instant;

use super::host::{disks_of, kind, kinds, names, nothing_is_left, site, spec};

#[test]
#[ignore = "takes a Xen host: `make test-xen-install` starts one"]
fn nodes_install_from_the_head_node_and_start_again_from_their_disks() {
    let site = site();
    let before = "nodes = 2\ndisk = \"1GB\"\npackages = [\"hello\"]";
    let start = Instant::now();
    let cluster = site.up(&spec(&site, "inst", "install", before));
    println!(
        "up of 2 nodes by install on Xen ({}): {:.1} s",
        kind().name(),
        start.elapsed().as_secs_f64()
    );
    for phase in ["boot", "transfer", "unpack", "install", "reboot"] {
        println!("  {phase}: {:.1} s", cluster.phase(phase).expect("a phase"));
    }
    assert_eq!(cluster.states(), ["ready", "ready"]);
    assert_eq!(names(), ["inst-1", "inst-2"]);
    assert_eq!(kinds(), [kind(), kind()]);
    for node in 1..=2 {
        // nothing is shared: a node has its own disk alone
        let disks = disks_of(&format!("inst-{node}"));
        assert!(
            matches!(&disks[..], [(path, true)] if path.ends_with(&format!("inst-{node}.disk"))),
            "{disks:?}"
        );
        let asked = "hostname; hello; findmnt --noheadings --output SOURCE,FSTYPE /; dpkg --audit";
        assert_eq!(
            cluster.on(node, asked),
            format!("inst-{node}\nHello, world!\n/dev/xvda1 ext4\n"),
            "what node {node} says"
        );
    }
    assert_eq!(cluster.on(1, "ssh -o BatchMode=yes inst-2 hostname"), "inst-2\n");
    cluster.down();
    nothing_is_left(&site);
}
