//! What befalls a start on Xen: domains that are destroyed, a tool stack that hangs, a command that is
//! killed.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::time::Instant;

use super::host::{commands_end, names, nothing_is_left, runs, site, spec, xl};
use crate::site::{Running, Site};

fn text(path: &Path) -> &str {
    path.to_str().expect("text")
}

fn start(site: &Site, spec: &Path) -> Running {
    site.start("up", &["--format", "json", "up", text(spec)])
}

#[test]
#[ignore = "takes a Xen host: `make test-xen` starts one"]
fn a_domain_that_is_destroyed_as_it_starts_is_made_again() {
    let site = site();
    let mut running = start(&site, &spec(&site, "again", "layers", "nodes = 1"));
    runs(&mut running, "again-1");
    xl(&["destroy", "again-1"]);
    running.comes_to("again-1", "retrying", 1);
    running.ends().succeeded();
    assert_eq!(site.run(&["ssh", "again/1", "--", "hostname"]).succeeded(), "again-1\n");
    // later, it is missed
    xl(&["destroy", "again-1"]);
    let nodes = site.json(&["ps", "again"])["clusters"][0]["nodes"].clone();
    assert_eq!(nodes[0]["state"], "failed");
    site.run(&["down", "again"]).succeeded();
    nothing_is_left(&site);
}

#[test]
#[ignore = "takes a Xen host: `make test-xen` starts one"]
fn a_tool_stack_that_hangs_is_ended_and_asked_again() {
    let site = site();
    let programs = site.path("programs");
    fs::create_dir(&programs).expect("a directory");
    let hangs = site.write("hangs", "");
    let path = std::env::var("PATH").expect("a path");
    // the first list of domains takes for ever
    let script = format!(
        "#!/bin/sh\n[ \"$1\" != list ] || ! rm {} 2>/dev/null || exec sleep 1000\n\
         PATH={path}\nexec xl \"$@\"\n",
        text(&hangs)
    );
    let fake = site.write("programs/xl", &script);
    fs::set_permissions(&fake, fs::Permissions::from_mode(0o755)).expect("a mode");
    let spec = spec(&site, "hangs", "layers", "nodes = 1");
    let mut command = site.command(&["--format", "json", "up", text(&spec)]);
    command.env("PATH", format!("{}:{path}", text(&programs)));
    let begin = Instant::now();
    let ran = site.start_command("up", command).ends();
    println!("a start with a call that hangs: {:.1} s", begin.elapsed().as_secs_f64());
    let told = ran.stderr.lines().find(|line| line.contains("retrying")).unwrap_or_default();
    assert!(told.contains("it was not done after 20.0 s"), "{}", ran.stderr);
    assert!(!hangs.exists());
    ran.succeeded();
    site.run(&["down", "hangs"]).succeeded();
    nothing_is_left(&site);
}

#[test]
#[ignore = "takes a Xen host: `make test-xen` starts one"]
fn whoever_is_killed_leaves_nothing_that_doctor_does_not_remove() {
    let site = site();
    let spec = spec(&site, "killed", "layers", "nodes = 2");
    // while the tool stack works for it, and when nodes have started
    for stage in ["starting", "agent"] {
        let mut running = start(&site, &spec);
        running.comes_to("killed-1", stage, 1);
        while names().is_empty() {
            assert!(!running.has_ended(), "there are no domains: {}", running.said());
        }
        running.child.kill().expect("it runs");
        running.ends();
        commands_end();
        assert!(!names().is_empty(), "domains go on");
        let said = site.run(&["doctor", "--clean"]).succeeded();
        assert!(said.contains("control domain of Xen"), "{said}");
        nothing_is_left(&site);
    }
}
