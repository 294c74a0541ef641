//! Nodes that share layers.

use std::path::Path;
use std::time::Instant;

use super::host::{disks_of, kind, kinds, names, nothing_is_left, site};

/// What `docs/src/xen.md` has as its example.
const SMALL: &str = r#"
name = "small"
nodes = 2
memory = "256MiB"
packages = ["hello"]
[deploy]
hypervisor = "xen"
strategy = "layers"
"#;

#[test]
#[ignore = "takes a Xen host: `make test-xen` starts one"]
fn nodes_share_layers_reach_each_other_and_go() {
    let site = site();
    let spec = site.write("small.toml", SMALL);
    let start = Instant::now();
    let cluster = site.up(&spec);
    let seconds = start.elapsed().as_secs_f64();
    println!(
        "up of 2 nodes by layers on Xen: {seconds:.1} s, of which from the kernel to ready {:.1} s",
        cluster.phase("boot").expect("a phase")
    );
    assert_eq!(cluster.states(), ["ready", "ready"]);
    assert_eq!(names(), ["small-1", "small-2"]);
    assert_eq!(kinds(), [kind(), kind()]);
    // the image and the layer are the same files for both, and none writes them
    let [first, second] = ["small-1", "small-2"].map(disks_of);
    let shared: Vec<_> = first.iter().filter(|(_, writable)| !writable).collect();
    let of_second: Vec<_> = second.iter().filter(|(_, writable)| !writable).collect();
    assert_eq!(shared, of_second);
    assert!(shared.len() >= 3, "the image, the layer and the cluster's files: {first:?}");
    let is_layer = |path: &str| Path::new(path).extension().is_some_and(|end| end == "erofs");
    assert!(shared.iter().all(|(path, _)| is_layer(path)), "{first:?}");

    let asked = "hostname; hello; findmnt --noheadings --output FSTYPE /; \
                 cat /sys/class/block/xvda/ro /sys/hypervisor/type; dpkg --audit";
    assert_eq!(
        cluster.on(2, asked),
        "small-2\nHello, world!\noverlay\n1\nxen\n",
        "what the second node says"
    );
    let login = "ssh -o BatchMode=yes small-2 'hostname; getent hosts head | cut -d \" \" -f 1'";
    assert_eq!(cluster.on(1, login), "small-2\n10.77.0.1\n");
    let said = site.run(&["logs", "small/2"]).succeeded();
    assert!(said.contains("small-2 is ready"), "{said}");
    let start = Instant::now();
    cluster.down();
    println!("down of 2 nodes on Xen: {:.1} s", start.elapsed().as_secs_f64());
    nothing_is_left(&site);
}
