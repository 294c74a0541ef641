//! Clusters that come up can be used: names, logins, files, identities, sizes, shared directories.

use std::collections::BTreeMap;
use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::time::{SystemTime, UNIX_EPOCH};

use crate::site::{Cluster, Site};

const MEMORY: u64 = 256 << 20;
const DISK: u64 = 700_000_000;

/// What every node of these clusters has been given.
const BEFORE: &str = r#"
nodes = 2
disk = "700MB"
files = [
    { source = "input", target = "/srv/data/input", mode = "0640", owner = "vclust:users" },
    { source = "program", target = "/usr/local/bin/program", mode = "0755" },
]
hooks = [
    { run = "hostname >/var/hooked; id -un >>/var/hooked" },
    { run = "program >who", user = "vclust" },
]
"#;

/// Asks a node about itself: one login, one answer a line. The name of another node is `$OTHER`.
const QUESTIONS: &str = r#"
say() { key=$1; shift; echo "$key=$("$@" 2>&1 | tr '\n' ' ' | sed 's/ $//')"; }
say name hostname
say user id -un
say machine cat /etc/machine-id
say boot cat /proc/sys/kernel/random/boot_id
say random cat /proc/sys/kernel/random/uuid /proc/sys/kernel/random/uuid
say bytes sh -c 'od -An -N32 -tx1 /dev/urandom'
say mac sh -c 'cat /sys/class/net/e*/address'
say key cat /etc/ssh/ssh_host_ed25519_key.pub
say time date +%s
say memory sh -c 'sed -n "s/^MemTotal: *\([0-9]*\) kB/\1/p" /proc/meminfo'
say disk sh -c 'df -B1 --output=size / | tail -1'
say names sh -c "getent ahostsv4 $FIRST $SECOND head | sed -n 's/ *STREAM *.*//p'"
say hosts cat /etc/vclust/hostfile
say file stat -c '%a %U:%G %s' /srv/data/input
say hooked cat /var/hooked
say who cat who
say other ssh -o BatchMode=yes $OTHER hostname
say back ssh -o BatchMode=yes $OTHER ssh -o BatchMode=yes $(hostname) id -un
say packages sh -c 'dpkg --audit; echo audited'
"#;

impl Cluster<'_> {
    /// What a node of two answers about itself.
    fn asked(&self, node: u32) -> BTreeMap<String, String> {
        let names = [1, 2].map(|number| format!("{}-{number}", self.name));
        let other = &names[usize::from(node == 1)];
        let command = format!("FIRST={} SECOND={} OTHER={other}\n{QUESTIONS}", names[0], names[1]);
        let before = seconds();
        let answers = self.on(node, &command);
        let after = seconds();
        let answers: BTreeMap<String, String> = answers
            .lines()
            .filter_map(|line| line.split_once('='))
            .map(|(key, value)| (key.to_owned(), value.to_owned()))
            .collect();
        let time: u64 = answers["time"].parse().expect("seconds");
        assert!((before - 1..=after + 1).contains(&time), "{time} is not {before} to {after}");
        answers
    }
}

fn seconds() -> u64 {
    SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |time| time.as_secs())
}

fn site() -> Site {
    let site = Site::new();
    site.write("input", "some data\n");
    let program = site.write("program", "#!/bin/sh\nid -un\n");
    // the spec decides about modes, not the file
    fs::set_permissions(program, fs::Permissions::from_mode(0o600)).expect("a mode");
    site
}

/// Looks at all that a node should be, and that no two nodes are the same.
fn is_usable(cluster: &Cluster<'_>) {
    let nodes = [cluster.asked(1), cluster.asked(2)];
    let name = &cluster.name;
    let records = cluster.answer["cluster"]["nodes"].as_array().expect("nodes");
    for (place, (node, record)) in nodes.iter().zip(records).enumerate() {
        let own = format!("{name}-{}", place + 1);
        let is = |key: &str, value: &str| assert_eq!(node[key], value, "{key} of {own}");
        is("name", &own);
        is("user", "vclust");
        is("mac", record["mac"].as_str().expect("a MAC"));
        is("names", "10.77.1.1 10.77.1.2 10.77.0.1");
        is("hosts", &format!("{name}-1 slots=1 {name}-2 slots=1"));
        is("file", "640 vclust:users 10");
        is("hooked", &format!("{own} root"));
        is("who", "vclust");
        is("other", &format!("{name}-{}", 2 - place));
        is("back", "vclust");
        is("packages", "audited");
        assert_eq!(node["machine"].len(), 32);
        let number = |key: &str| node[key].parse::<u64>().expect(key);
        // the kernel keeps some of it for itself, as a file system does
        let memory = number("memory") << 10;
        assert!((MEMORY * 3 / 4..=MEMORY).contains(&memory), "{memory} bytes of memory");
        assert!((DISK * 4 / 5..=DISK).contains(&number("disk")), "{} of disk", node["disk"]);
    }
    for key in ["machine", "boot", "random", "bytes", "mac", "key"] {
        assert_ne!(nodes[0][key], nodes[1][key], "both nodes have the same {key}");
    }
    for node in &nodes {
        let (first, second) = node["random"].split_once(' ').expect("two");
        assert_ne!(first, second);
    }
}

/// What commands answer about a cluster that is up.
fn is_told_of(cluster: &Cluster<'_>) {
    let site = cluster.site;
    let answer = site.json(&["ps"]);
    let names: Vec<_> = answer["clusters"].as_array().expect("clusters").iter().collect();
    assert_eq!(names.len(), 1);
    assert_eq!(names[0]["name"], cluster.name.as_str());
    assert_eq!(cluster.states(), ["ready", "ready"]);
    let node = format!("{name}/{name}-2", name = cluster.name);
    let console = site.json(&["logs", &node]);
    let text = console["console"].as_str().expect("text");
    assert!(text.contains(&format!("{}-2 is ready", cluster.name)), "{text}");
    assert!(!text.contains('\u{1b}'), "a console could move the cursor");
    // the exit code is that of the command, as with ssh itself
    let ran = cluster.try_on("", 1, "exit 7");
    assert_eq!(ran.status.code(), Some(7), "{}", ran.stderr);
    let unknown =
        site.run(&["ssh", &format!("{name}/{name}-3", name = cluster.name), "--", "true"]);
    assert!(!unknown.status.success() && unknown.stderr.contains("2 nodes"), "{}", unknown.stderr);
}

#[test]
#[ignore = "fetches packages and needs root: `make test-up` runs it"]
fn clones_can_be_used_and_the_next_cluster_skips_the_boot() {
    let site = site();
    let spec = site.spec("copies", "clone", BEFORE, "");
    let plan = site.json(&["up", "--dry-run", spec.to_str().expect("text")]);
    assert!(plan.get("cluster").is_none() && site.clusters().is_empty());
    assert_eq!(plan["chosen"]["strategy"], "clone");

    let cluster = site.up(&spec);
    is_usable(&cluster);
    is_told_of(&cluster);
    let first = cluster.asked(1);
    assert!(cluster.down() > 0);
    site.nothing_is_left_but(&[]);

    let again = site.up(&spec);
    assert_eq!(again.phase("boot"), None, "the template is there already");
    assert!(again.phase("ready").is_some());
    // another cluster of the same name is another cluster
    let second = again.asked(1);
    for key in ["machine", "boot", "random", "key", "mac"] {
        assert_ne!(first[key], second[key], "{key} came again");
    }
    again.down();
    site.nothing_is_left_but(&[]);
}

#[test]
#[ignore = "fetches packages and needs root: `make test-up` runs it"]
fn nodes_on_layers_can_be_used() {
    let site = site();
    let cluster = site.up(&site.spec("sheets", "layers", BEFORE, ""));
    is_usable(&cluster);
    is_told_of(&cluster);
    assert!(cluster.phase("boot").is_some());
    cluster.down();
    site.nothing_is_left_but(&[]);
}

#[test]
#[ignore = "fetches packages and needs root: `make test-up` runs it"]
fn nodes_with_systemd_can_be_used() {
    let site = site();
    let cluster = site.up(&site.spec("system", "layers", BEFORE, "init = \"systemd\""));
    is_usable(&cluster);
    // others than root need the message bus, which the minimal image does not have
    let as_root = |command: &str| cluster.try_on("root@", 1, command).succeeded();
    let state = as_root("systemctl is-system-running --wait; systemctl --failed --no-legend");
    assert_eq!(state, "running\n");
    assert_eq!(as_root("systemctl is-active vclust-agent ssh"), "active\nactive\n");
    cluster.down();
    site.nothing_is_left_but(&[]);
}

#[test]
#[ignore = "fetches packages and needs root: `make test-up` runs it"]
fn nodes_that_are_switched_off_or_restarted_from_inside_are_gone_and_told() {
    let site = Site::new();
    let cluster = site.up(&site.spec("ends", "clone", "nodes = 2", ""));
    // the connection may break before or after the answer
    cluster.try_on("root@", 1, "poweroff");
    cluster.comes_to(&["failed", "ready"]);
    assert_eq!(cluster.on(2, "echo works"), "works\n");
    // who it is comes from the head node, once, so a node that restarts ends
    cluster.try_on("root@", 2, "reboot");
    cluster.comes_to(&["failed", "failed"]);
    cluster.down();
    site.nothing_is_left_but(&[]);
}

#[test]
#[ignore = "fetches packages and needs root: `make test-up` runs it"]
fn nodes_share_a_directory_of_the_head_node() {
    let site = Site::new();
    let shared = site.path("shared");
    fs::create_dir(&shared).expect("a directory");
    fs::set_permissions(&shared, fs::Permissions::from_mode(0o777)).expect("a mode");
    fs::write(shared.join("from-head"), "hello\n").expect("a file");
    let before = "nodes = 2\nshared = [{ source = \"shared\", target = \"/shared\" }]";
    let cluster = site.up(&site.spec("common", "clone", before, ""));
    assert_eq!(cluster.on(1, "cat /shared/from-head; echo one >/shared/from-node"), "hello\n");
    assert_eq!(cluster.on(2, "cat /shared/from-node"), "one\n");
    assert_eq!(fs::read_to_string(shared.join("from-node")).expect("a file"), "one\n");
    cluster.down();
    site.nothing_is_left_but(&[]);
    // what they wrote stays
    assert!(shared.join("from-node").exists());
}
