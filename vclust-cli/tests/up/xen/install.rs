//! Nodes that install their own disks: the paper's flow.

use std::time::Instant;

use super::host::{disks_of, kind, kinds, names, nothing_is_left, site, spec};

#[test]
#[ignore = "takes a Xen host: `make test-xen-install` starts one"]
fn a_node_installs_from_the_head_node_and_starts_again_from_its_disk() {
    let site = site();
    let before = "nodes = 1\ndisk = \"1GB\"\npackages = [\"hello\"]";
    let start = Instant::now();
    let cluster = site.up(&spec(&site, "inst", "install", before));
    println!(
        "up of a node by install on Xen ({}): {:.1} s",
        kind().name(),
        start.elapsed().as_secs_f64()
    );
    for phase in ["boot", "transfer", "unpack", "install", "reboot"] {
        println!("  {phase}: {:.1} s", cluster.phase(phase).expect("a phase"));
    }
    assert_eq!(cluster.states(), ["ready"]);
    assert_eq!((names(), kinds()), (vec!["inst-1".to_owned()], vec![kind()]));
    // nothing is shared: it has its own disk alone
    let disks = disks_of("inst-1");
    let is_own = |path: &str| path.ends_with("inst-1.disk");
    assert!(matches!(&disks[..], [(path, true)] if is_own(path)), "{disks:?}");
    let asked = "hostname; hello; findmnt --noheadings --output SOURCE,FSTYPE /; dpkg --audit";
    assert_eq!(cluster.on(1, asked), "inst-1\nHello, world!\n/dev/xvda1 ext4\n");
    cluster.down();
    nothing_is_left(&site);
}
