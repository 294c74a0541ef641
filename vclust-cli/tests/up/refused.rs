//! What cannot be is refused, with what to do about it, and leaves nothing.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use crate::site::Site;

fn text(path: &Path) -> &str {
    path.to_str().expect("text")
}

#[test]
#[ignore = "fetches packages and needs root: `make test-up` runs it"]
fn clusters_that_cannot_be_are_refused_before_anything_starts() {
    let site = Site::new();
    let cases = [
        ("nodes = 250\nprocessors = 1", "strategy = \"layers\"", "250 nodes need"),
        ("nodes = 2\ndisk = \"900TB\"", "strategy = \"layers\"", "too large for a node's disk"),
        (
            "nodes = 1\nfiles = [{ source = \"missing\", target = \"/x\" }]",
            "strategy = \"layers\"",
            "cannot read",
        ),
        (
            "nodes = 1\nshared = [{ source = \"missing\", target = \"/x\" }]",
            "strategy = \"layers\"",
            "missing",
        ),
        ("nodes = 1", "strategy = \"layers\"\nuser = \"root\"", "cannot be the cluster's user"),
        (
            "nodes = 1",
            "strategy = \"layers\"\nhypervisor = \"xen\"",
            "not the control domain of a Xen host",
        ),
        ("nodes = 2", "quorum = 3", "a quorum of 3"),
        ("nodes = 1\ndisk = \"150MB\"", "strategy = \"install\"", "the root of a node needs"),
        ("nodes = 1", "strategy = \"layers\"\nboot = \"network\"", "nodes that install"),
        ("nodes = 1\npartitions = [{ target = \"/\" }]", "", "nodes that install"),
        ("nodes = 1", "[network]\noverlay = \"openvpn\"", "no overlay networks"),
        ("nodes = 0", "", "0 nodes"),
        ("nodes = 1\npackages = [\"no-such-package\"]", "", "no-such-package"),
    ];
    for (before, deploy, says) in cases {
        let memory = if before.contains("250") { "4GiB" } else { "256MiB" };
        let spec = site.write(
            "bad.toml",
            &format!("name = \"bad\"\nmemory = \"{memory}\"\n{before}\n[deploy]\n{deploy}\n"),
        );
        let ran = site.run(&["up", text(&spec)]);
        assert!(ran.stderr.contains(says), "{before} {deploy}: {}", ran.stderr);
        assert_eq!(ran.status.code(), Some(1), "{}", ran.stderr);
        site.nothing_is_left_but(&[]);
    }
    for arguments in
        [&["ps", "none"][..], &["down", "none"], &["ssh", "none/none-1"], &["logs", "none/none-1"]]
    {
        let said = site.run(arguments).stderr;
        assert!(said.contains("there is no cluster `none`; there are none"), "{said}");
    }
    site.nothing_is_left_but(&[]);
}

#[test]
#[ignore = "fetches packages and needs root: `make test-up` runs it"]
fn a_name_that_is_in_use_is_refused_and_its_cluster_stays() {
    let site = Site::new();
    let spec = site.spec("taken", "clone", "nodes = 1", "");
    let cluster = site.up(&spec);
    let said = site.run(&["up", text(&spec)]).failed();
    assert!(said.contains("there is a cluster `taken` already; `vclust down taken`"), "{said}");
    assert_eq!(cluster.on(1, "echo here"), "here\n");
    cluster.down();
    site.nothing_is_left_but(&[]);
}

#[test]
#[ignore = "fetches packages and needs root: `make test-up` runs it"]
fn of_two_starts_of_one_name_one_wins_and_two_names_share_a_template() {
    let site = Site::new();
    let _ = fs::remove_dir_all(site.state.join("templates"));
    let spec = site.spec("twin", "clone", "nodes = 1", "");
    let both = ["first", "second"].map(|name| site.start(name, &["up", text(&spec)]));
    let ran = both.map(super::site::Running::ends);
    let won: Vec<bool> = ran.iter().map(|ran| ran.status.success()).collect();
    assert!(won[0] != won[1], "{ran:?}");
    let lost = &ran[usize::from(won[0])].stderr;
    assert!(
        lost.contains("starting or stopping the cluster `twin`") || lost.contains("already"),
        "{lost}"
    );
    site.run(&["down", "twin"]).succeeded();
    site.nothing_is_left_but(&[]);

    let _ = fs::remove_dir_all(site.state.join("templates"));
    let specs = ["left", "right"].map(|name| site.spec(name, "clone", "nodes = 1", ""));
    let both = ["left", "right"].iter().zip(&specs);
    let running: Vec<_> = both
        .map(|(name, spec)| site.start(name, &["--format", "json", "up", text(spec)]))
        .collect();
    for running in running {
        running.ends().succeeded();
    }
    for name in ["left", "right"] {
        let node = format!("{name}/{name}-1");
        assert_eq!(site.run(&["ssh", &node, "--", "hostname"]).succeeded(), format!("{name}-1\n"));
    }
    let templates = fs::read_dir(site.state.join("templates")).expect("templates").flatten();
    let templates: Vec<_> = templates.map(|entry| entry.file_name()).collect();
    assert_eq!(templates.len(), 2, "one template and its locks: {templates:?}");
    site.run(&["down", "left", "right"]).succeeded();
    site.nothing_is_left_but(&[]);
}

#[test]
#[ignore = "fetches packages and needs root: `make test-up` runs it"]
fn a_machine_without_qemu_is_told_what_to_install() {
    let site = Site::new();
    let spec = site.spec("tools", "layers", "nodes = 1", "");
    // all programs but those of QEMU
    let programs = site.path("programs");
    fs::create_dir(&programs).expect("a directory");
    for directory in ["/usr/bin", "/usr/sbin", "/bin", "/sbin"] {
        for entry in fs::read_dir(directory).expect("programs").flatten() {
            let name = entry.file_name();
            if !name.to_string_lossy().starts_with("qemu-system") {
                let _ = std::os::unix::fs::symlink(entry.path(), programs.join(name));
            }
        }
    }
    let mut command = site.command(&["up", text(&spec)]);
    command.env("PATH", &programs);
    let said = site.start_command("up", command).ends().failed();
    assert!(said.contains("qemu-system-x86") && said.contains("apt-get install"), "{said}");
    site.nothing_is_left_but(&[]);
}

#[test]
#[ignore = "fetches packages and needs root: `make test-up` runs it"]
fn a_full_disk_is_told_and_leaves_nothing() {
    let site = Site::new();
    // what is needed to begin with
    site.up(&site.spec("before", "layers", "nodes = 1", "")).down();
    let small = site.path("small");
    fs::create_dir(&small).expect("a directory");
    let mount = |arguments: &[&str]| {
        let done = Command::new(arguments[0]).args(&arguments[1..]).arg(&small).status();
        assert!(done.expect("mount and umount start").success());
    };
    mount(&["mount", "-t", "tmpfs", "-o", "size=20M", "tmpfs"]);
    let unmount = Unmount(&small);
    // enough for the catalogue, too little for nodes; what is large is elsewhere
    for name in ["images", "kernels", "packages"] {
        std::os::unix::fs::symlink(site.state.join(name), small.join(name)).expect("a link");
    }
    for name in ["catalogue.sqlite", "acceleration.json"] {
        fs::copy(site.state.join(name), small.join(name)).expect("a copy");
    }
    let full = Site::at(&small);
    let spec = full.spec("full", "layers", "nodes = 2", "");
    let said = full.run(&["up", text(&spec)]).failed();
    assert!(
        said.contains("2 nodes may write 64MiB") && said.contains("VCLUST_STATE_DIR"),
        "{said}"
    );
    assert_eq!(full.left(&[]), Vec::<String>::new());
    drop(full);
    drop(unmount);
    site.nothing_is_left_but(&[]);
}

struct Unmount<'a>(&'a PathBuf);

impl Drop for Unmount<'_> {
    fn drop(&mut self) {
        let _ = Command::new("umount").arg("-l").arg(self.0).status();
    }
}
