//! Nodes that cannot start, or cannot write: an end within a bounded time, with what the node said.

use std::fs;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::{Duration, Instant};

use crate::site::Site;

/// A state directory of its own with what the common one has, of which `own` are copies.
fn beside(site: &Site, state: &Path, own: &[&str]) -> Site {
    for name in ["images", "kernels", "packages", "derived"] {
        let (from, to) = (site.state.join(name), state.join(name));
        if own.contains(&name) {
            let copied = Command::new("cp").arg("-a").args([&from, &to]).status();
            assert!(copied.expect("cp starts").success());
        } else {
            symlink(from, to).expect("a link");
        }
    }
    for name in ["catalogue.sqlite", "acceleration.json"] {
        fs::copy(site.state.join(name), state.join(name)).expect("a copy");
    }
    Site::at(state)
}

/// The common state directory with all that an installation needs.
fn warm() -> Site {
    let site = Site::new();
    site.up(&site.spec("before", "install", "nodes = 1", "")).down();
    site
}

/// Fails a start, and answers what it said and how long it took.
fn fails(site: &Site, name: &str) -> (String, Duration) {
    let spec = site.spec(name, "install", "nodes = 1", "");
    let start = Instant::now();
    let said = site.run(&["up", spec.to_str().expect("text")]).failed();
    assert_eq!(site.left(&[]), Vec::<String>::new());
    (said, start.elapsed())
}

fn files_below(directory: &Path, wanted: &dyn Fn(&str) -> bool) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for entry in fs::read_dir(directory).expect("a directory").flatten() {
        let name = entry.file_name().to_string_lossy().into_owned();
        if entry.file_type().is_ok_and(|kind| kind.is_file()) && wanted(&name) {
            found.push(entry.path());
        } else if entry.file_type().is_ok_and(|kind| kind.is_dir()) && !name.starts_with("lib") {
            found.extend(files_below(&entry.path(), wanted));
        }
    }
    found
}

#[test]
#[ignore = "fetches packages and needs root: `make test-up` runs it"]
fn nodes_that_never_start_end_the_attempt_soon_with_what_they_said() {
    let warm = warm();
    let place = warm.path("state");
    fs::create_dir(&place).expect("a directory");
    let site = beside(&warm, &place, &["kernels"]);
    // what was remembered is of the other directory
    for remembered in files_below(&place.join("kernels"), &|name| {
        Path::new(name).extension().is_some_and(|end| end == "json")
    }) {
        fs::remove_file(remembered).expect("a file");
    }
    site.up(&site.spec("whole", "install", "nodes = 1", "")).down();
    // a kernel that does not find its first program says so and ends
    for initramfs in files_below(&place.join("kernels"), &|name| name.ends_with(".initramfs")) {
        fs::write(initramfs, vec![0; 4096]).expect("a file");
    }
    let (said, took) = fails(&site, "no-initramfs");
    assert!(said.contains("no-initramfs-1 did not come up: its machine ended"), "{said}");
    assert!(said.contains("its console ends:") && said.contains("Kernel panic"), "{said}");
    assert!(took < Duration::from_secs(120), "{took:?}");
    // what is no kernel at all is refused by QEMU
    let kernels = files_below(&place.join("kernels"), &|name| name.starts_with("vmlinu"));
    assert!(!kernels.is_empty());
    for kernel in kernels {
        fs::write(kernel, "no kernel").expect("a file");
    }
    let (said, took) = fails(&site, "no-kernel");
    assert!(said.contains("no-kernel-1 did not come up") && said.contains("kernel"), "{said}");
    assert!(took < Duration::from_secs(60), "{took:?}");
    drop(site);
    warm.nothing_is_left_but(&[]);
}

#[test]
#[ignore = "fetches packages and needs root: `make test-up` runs it"]
fn a_disk_that_fails_as_a_node_installs_ends_the_start_with_its_console() {
    let warm = warm();
    let small = warm.path("small");
    fs::create_dir(&small).expect("a directory");
    let mount = |arguments: &[&str]| {
        let done = Command::new("mount").args(arguments).arg(&small).status();
        assert!(done.expect("mount starts").success(), "{arguments:?}");
    };
    mount(&["-t", "tmpfs", "-o", "size=1G,mode=700", "tmpfs"]);
    let unmount = Unmount(&small);
    let site = beside(&warm, &small, &[]);
    let spec = site.spec("full", "install", "nodes = 1", "");
    let mut running = site.start("up", &["--format", "json", "up", spec.to_str().expect("text")]);
    running.comes_to("full-1", "file-system", 1);
    // from here on nothing more can be written to the disk
    let status = rustix::fs::statvfs(&small).expect("a file system");
    let used = (status.f_blocks - status.f_bfree) * status.f_frsize;
    mount(&["-o", &format!("remount,size={}", used + (4 << 20))]);
    let said = running.ends().failed();
    assert!(said.contains("full-1 did not come up") && said.contains("console"), "{said}");
    assert_eq!(site.left(&[]), Vec::<String>::new());
    drop(site);
    drop(unmount);
    warm.nothing_is_left_but(&[]);
}

struct Unmount<'a>(&'a PathBuf);

impl Drop for Unmount<'_> {
    fn drop(&mut self) {
        let _ = Command::new("umount").arg("-l").arg(self.0).status();
    }
}
