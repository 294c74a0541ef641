//! Nodes that install: how they start, how their disks are divided, and what befalls them meanwhile.

use std::fs;
use std::path::Path;
use std::time::Duration;

use crate::failing::{domain, kill, server};
use crate::site::{Running, Site};

fn text(path: &Path) -> &str {
    path.to_str().expect("text")
}

fn start(site: &Site, spec: &Path) -> Running {
    site.start("up", &["--format", "json", "up", text(spec)])
}

#[test]
#[ignore = "fetches packages and needs root: `make test-up` runs it"]
fn a_node_installs_that_starts_from_the_network() {
    let site = Site::new();
    let spec = site.spec("offered", "install", "nodes = 1", "boot = \"network\"");
    let cluster = site.up(&spec);
    assert_eq!(
        cluster.on(1, "hostname; findmnt --noheadings --output SOURCE,FSTYPE /"),
        "offered-1\n/dev/vda1 ext4\n"
    );
    let machine = domain(&site, "offered", "offered-1").expect("its machine");
    let command = fs::read(format!("/proc/{machine}/cmdline")).expect("its command");
    let has = |word: &[u8]| command.split(|byte| *byte == 0).any(|one| one == word);
    assert!(has(b"-netdev") && !has(b"-kernel"), "QEMU loaded the kernel by itself");
    // what it started from is offered no longer
    assert!(!cluster.directory().join("install-boot").exists());
    cluster.down();
    site.nothing_is_left_but(&[]);
}

#[test]
#[ignore = "fetches packages and needs root: `make test-up` runs it"]
fn a_disk_is_divided_as_the_spec_says() {
    let site = Site::new();
    let before = "nodes = 1\ndisk = \"1GB\"\npartitions = [\n\
                  { size = \"64MiB\", file-system = \"swap\" },\n\
                  { size = \"700MiB\", target = \"/\" },\n\
                  { target = \"/scratch\", file-system = \"ext2\" },\n]\n\
                  hooks = [{ run = \"chown vclust /scratch\" }]";
    let cluster = site.up(&site.spec("parts", "install", before, ""));
    let mounts =
        "for place in / /scratch; do findmnt --noheadings --output SOURCE,FSTYPE $place; done";
    assert_eq!(cluster.on(1, mounts), "/dev/vda2 ext4\n/dev/vda3 ext2\n");
    let sectors = "cat /sys/class/block/vda1/size /sys/class/block/vda2/size";
    assert_eq!(cluster.on(1, sectors), format!("{}\n{}\n", 64 << 11, 700 << 11));
    let swaps = cluster.on(1, "cat /proc/swaps");
    assert!(swaps.lines().any(|line| line.starts_with("/dev/vda1 ")), "{swaps}");
    let left: u64 =
        cluster.on(1, "cat /sys/class/block/vda3/size").trim().parse().expect("sectors");
    let expected = 1_000_000_000 / 512 - ((64 + 700 + 2) << 11);
    assert!(left.abs_diff(expected) <= 1 << 11, "{left} sectors are left, not {expected}");
    assert_eq!(cluster.on(1, "echo kept >/scratch/file; cat /scratch/file"), "kept\n");
    cluster.down();
    site.nothing_is_left_but(&[]);
}

#[test]
#[ignore = "fetches packages and needs root: `make test-up` runs it"]
fn a_node_that_dies_as_it_installs_is_tried_again() {
    let site = Site::new();
    let mut running = start(&site, &site.spec("dies", "install", "nodes = 2", ""));
    running.comes_to("dies-2", "file-system", 1);
    kill(domain(&site, "dies", "dies-2").expect("its machine"));
    running.comes_to("dies-2", "retrying", 1);
    running.ends().succeeded();
    for node in ["dies-1", "dies-2"] {
        let said = site.run(&["ssh", &format!("dies/{node}"), "--", "hostname; dpkg --audit"]);
        assert_eq!(said.succeeded(), format!("{node}\n"));
    }
    site.run(&["down", "dies"]).succeeded();
    site.nothing_is_left_but(&[]);
}

#[test]
#[ignore = "fetches packages and needs root: `make test-up` runs it"]
fn a_node_that_dies_each_time_it_installs_is_left_out_where_a_quorum_allows() {
    let site = Site::new();
    let mut running = start(&site, &site.spec("lost", "install", "nodes = 2", "quorum = 1"));
    // as often as it is tried
    for attempt in 1..=3 {
        running.comes_to("lost-2", "file-system", attempt);
        kill(domain(&site, "lost", "lost-2").expect("its machine"));
    }
    running.comes_to("lost-2", "failed", 1);
    running.ends().succeeded();
    let nodes = site.json(&["ps", "lost"])["clusters"][0]["nodes"].clone();
    assert_eq!((&nodes[0]["state"], &nodes[1]["state"]), (&"ready".into(), &"failed".into()));
    assert_eq!(site.run(&["ssh", "lost/1", "--", "hostname"]).succeeded(), "lost-1\n");
    site.run(&["down", "lost"]).succeeded();
    site.nothing_is_left_but(&[]);
}

#[test]
#[ignore = "fetches packages and needs root: `make test-up` runs it"]
fn servers_that_die_as_nodes_install_are_started_again_once() {
    let site = Site::new();
    let spec = site.spec("served", "install", "nodes = 2", "");
    let mut running = start(&site, &spec);
    running.comes_to("served-1", "starting", 1);
    let directory = site.state.join("clusters/served");
    let [addresses, files] = ["dnsmasq.conf", "ganesha.conf"];
    // before a node has asked for its address, and while it reads its image
    kill(server(&directory, addresses).expect("dnsmasq"));
    running.comes_to("served-1", "file-system", 1);
    kill(server(&directory, files).expect("nfs-ganesha"));
    let ran = running.ends();
    let told = |service: &str| {
        let mut lines = ran.stderr.lines();
        lines.any(|line| {
            line.contains("notice") && line.contains(service) && line.contains("started again")
        })
    };
    assert!(told("DHCP") && told("NFS"), "{}", ran.stderr);
    ran.succeeded();
    assert_eq!(
        site.run(&["ssh", "served/2", "--", "dpkg --audit; hostname"]).succeeded(),
        "served-2\n"
    );
    site.run(&["down", "served"]).succeeded();
    site.nothing_is_left_but(&[]);

    for (number, (configuration, service)) in
        [(addresses, "DHCP"), (files, "NFS")].into_iter().enumerate()
    {
        let mut running = start(&site, &spec);
        running.comes_to("served-1", ["starting", "nfs-root"][number], 1);
        let mut killed = None;
        while !running.has_ended() {
            let process = server(&directory, configuration).filter(|one| killed != Some(*one));
            if let Some(process) = process {
                kill(process);
                killed = Some(process);
            }
            std::thread::sleep(Duration::from_millis(20));
        }
        let said = running.ends().failed();
        assert!(said.contains(&format!("the {service} server ended; its last words")), "{said}");
        site.nothing_is_left_but(&[]);
    }
}
