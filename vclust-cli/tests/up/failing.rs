//! Nodes and servers that fail: tried again, counted against the quorum, told with their console.

use std::fs;
use std::path::Path;
use std::thread;
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process};

use crate::left::numbers;
use crate::site::{Running, Site};

/// The process of a domain that belongs to this cluster's directory; the newest if there were several.
pub(crate) fn domain(site: &Site, cluster: &str, name: &str) -> Option<u32> {
    let directory = site.state.join("clusters").join(cluster);
    numbers(Path::new("/proc")).into_iter().rfind(|number| {
        let command = fs::read(format!("/proc/{number}/cmdline")).unwrap_or_default();
        let command: Vec<&[u8]> = command.split(|byte| *byte == 0).collect();
        let is_named = command.windows(2).any(|pair| pair == [b"-name", name.as_bytes()]);
        let place = fs::read_link(format!("/proc/{number}/cwd")).unwrap_or_default();
        is_named && place.starts_with(&directory)
    })
}

pub(crate) fn kill(number: u32) {
    let pid = i32::try_from(number).ok().and_then(Pid::from_raw).expect("a process number");
    // it may have ended by itself
    let _ = kill_process(pid, Signal::KILL);
}

/// Kills a domain's machine so many times, each soon after it has started.
fn kill_as_it_starts(
    site: &Site,
    running: &mut Running,
    cluster: &str,
    node: &str,
    times: u32,
) -> u32 {
    let mut killed = Vec::new();
    let end = Instant::now() + Duration::from_secs(300);
    while killed.len() < times as usize && Instant::now() < end && !running.has_ended() {
        if let Some(number) = domain(site, cluster, node).filter(|one| !killed.contains(one)) {
            thread::sleep(Duration::from_millis(300));
            kill(number);
            killed.push(number);
        }
        thread::sleep(Duration::from_millis(2));
    }
    u32::try_from(killed.len()).expect("few")
}

fn text(path: &Path) -> &str {
    path.to_str().expect("text")
}

#[test]
#[ignore = "fetches packages and needs root: `make test-up` runs it"]
fn a_node_that_dies_as_it_starts_is_tried_again() {
    let site = Site::new();
    let spec = site.spec("again", "layers", "nodes = 2", "");
    let mut running = site.start("up", &["--format", "json", "up", text(&spec)]);
    assert_eq!(kill_as_it_starts(&site, &mut running, "again", "again-2", 1), 1);
    let ran = running.ends();
    assert!(ran.stderr.contains("again-2"), "{}", ran.stderr);
    let told = ran.stderr.lines().any(|line| line.contains("again-2") && line.contains("ended"));
    assert!(told, "that the node was tried again is told: {}", ran.stderr);
    ran.succeeded();
    site.run(&["down", "again"]).succeeded();
    site.nothing_is_left_but(&[]);
}

#[test]
#[ignore = "fetches packages and needs root: `make test-up` runs it"]
fn a_node_that_always_dies_ends_the_start_with_its_console() {
    let site = Site::new();
    let spec = site.spec("never", "layers", "nodes = 2", "");
    let mut running = site.start("up", &["up", text(&spec)]);
    // as often as it is tried
    assert_eq!(kill_as_it_starts(&site, &mut running, "never", "never-1", 3), 3);
    let said = running.ends().failed();
    assert!(said.contains("1 of 2 nodes are ready, and 2 have to be"), "{said}");
    assert!(said.contains("never-1 did not come up") && said.contains("console"), "{said}");
    site.nothing_is_left_but(&[]);
}

#[test]
#[ignore = "fetches packages and needs root: `make test-up` runs it"]
fn a_quorum_decides_whether_a_cluster_with_a_failed_node_is_ready() {
    let site = Site::new();
    let before =
        "nodes = 2\nhooks = [{ run = \"case $(hostname) in *-2) echo no luck; exit 3;; esac\" }]";
    let spec = site.spec("most", "clone", before, "quorum = 1");
    let cluster = site.up(&spec);
    assert_eq!(cluster.states(), ["ready", "failed"]);
    assert_eq!(cluster.on(1, "hostname"), "most-1\n");
    cluster.down();
    site.nothing_is_left_but(&[]);

    let spec = site.spec("all", "clone", before, "");
    let said = site.run(&["up", text(&spec)]).failed();
    assert!(said.contains("1 of 2 nodes are ready, and 2 have to be"), "{said}");
    assert!(said.contains("all-2") && said.contains("exit status 3"), "{said}");
    assert!(said.contains("no luck"), "what the hook said is told: {said}");
    site.nothing_is_left_but(&[]);
}

#[test]
#[ignore = "fetches packages and needs root: `make test-up` runs it"]
fn a_node_that_dies_later_and_a_server_that_dies_are_noticed() {
    let site = Site::new();
    fs::create_dir(site.path("shared")).expect("a directory");
    let before = "nodes = 2\nshared = [{ source = \"shared\", target = \"/shared\" }]";
    let cluster = site.up(&site.spec("later", "clone", before, ""));
    kill(domain(&site, "later", "later-2").expect("its machine"));
    cluster.comes_to(&["ready", "failed"]);
    let nfs =
        server(&cluster.directory(), "ganesha.conf").expect("the server of the shared directory");
    assert_eq!(site.json(&["ps", "later"])["clusters"][0]["problems"], serde_json::json!([]));
    kill(nfs);
    let problem = site.json(&["ps", "later"])["clusters"][0]["problems"][0].to_string();
    assert!(problem.contains("NFS"), "{problem}");
    let found = site.json(&["doctor"])["findings"].to_string();
    assert!(found.contains("later"), "{found}");
    cluster.down();
    site.nothing_is_left_but(&[]);
}

/// The process of the server that was started for a cluster with a configuration.
pub(crate) fn server(directory: &Path, configuration: &str) -> Option<u32> {
    let configuration = directory.join(configuration);
    let configuration = configuration.as_os_str().as_encoded_bytes();
    numbers(Path::new("/proc")).into_iter().find(|number| {
        let command = fs::read(format!("/proc/{number}/cmdline")).unwrap_or_default();
        let mut words = command.split(|byte| *byte == 0);
        words.any(|word| word.ends_with(configuration))
    })
}
