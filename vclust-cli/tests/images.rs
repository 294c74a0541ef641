//! `vclust cache build` and `vclust measure`, as users run them, on real packages.
//!
//! These tests need root and the machine's package archives. Packages and the minbase image are
//! shared between them; whatever a test changes, it changes in a state directory of its own.

use std::fs::{self, File};
use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use rustix::fs::{FlockOperation, flock};
use serde_json::Value;
use tempfile::TempDir;

/// A small set beyond minbase.
const SET: &str = "make,file";

fn command(state: &Path) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_vclust"));
    command.env("VCLUST_STATE_DIR", state).env_remove("SOURCE_DATE_EPOCH");
    command
}

fn run(state: &Path, arguments: &[&str]) -> Output {
    command(state).args(arguments).output().expect("the command starts")
}

fn json(state: &Path, arguments: &[&str]) -> Value {
    let output = run(state, &[&["--format", "json"], arguments].concat());
    let stderr = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{arguments:?}: {stderr}");
    serde_json::from_slice(&output.stdout).unwrap_or_else(|error| panic!("{error}: {stderr}"))
}

/// The state directory that tests share, with the minbase image in it.
fn shared() -> PathBuf {
    assert!(rustix::process::geteuid().is_root(), "these tests need root");
    let directory = Path::new(env!("CARGO_TARGET_TMPDIR")).join("images");
    fs::create_dir_all(&directory).unwrap();
    let lock = File::create(directory.join("lock")).unwrap();
    flock(&lock, FlockOperation::LockExclusive).unwrap();
    let state = directory.join("state");
    json(&state, &["cache", "build", "--variant", "minbase"]);
    state
}

/// A state directory of one's own, with the packages of the shared one.
fn own() -> TempDir {
    let shared = shared();
    let own = tempfile::tempdir_in(env!("CARGO_TARGET_TMPDIR")).unwrap();
    let packages = own.path().join("packages");
    fs::create_dir(&packages).unwrap();
    for entry in fs::read_dir(shared.join("packages")).unwrap().flatten() {
        if entry.path().is_file() {
            fs::hard_link(entry.path(), packages.join(entry.file_name())).unwrap();
        }
    }
    own
}

/// What is in the repository: nothing of a build that did not end.
fn leftovers(state: &Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(state.join("building")).into_iter().flatten().flatten();
    entries.map(|entry| entry.path()).collect()
}

/// The processes that a process started.
fn children_of(parent: u32) -> Vec<String> {
    let parent = format!("PPid:\t{parent}");
    let entries = fs::read_dir("/proc").unwrap().flatten();
    let children = entries.filter(|entry| {
        let status = fs::read_to_string(entry.path().join("status")).unwrap_or_default();
        status.lines().any(|line| line == parent)
    });
    children.map(|entry| entry.file_name().to_string_lossy().into_owned()).collect()
}

/// The processes of a command that supervises its worker: the worker, once it runs programs in a root.
fn programs_of(command: u32) -> Option<(u32, String)> {
    let worker: u32 = children_of(command).pop()?.parse().ok()?;
    Some((worker, children_of(worker).pop()?))
}

/// Waits until a build runs scripts in its root; a process of these.
fn until_scripts_run(command: u32) -> String {
    let deadline = Instant::now() + Duration::from_secs(120);
    while Instant::now() < deadline {
        if let Some((_, script)) = programs_of(command) {
            return script;
        }
        thread::sleep(Duration::from_millis(2));
    }
    panic!("the build did not get to its scripts");
}

/// Whether a process runs. One that ended and that nobody has waited for yet is dead enough.
fn lives(process: &str) -> bool {
    let status = fs::read_to_string(Path::new("/proc").join(process).join("status"));
    status.is_ok_and(|status| !status.contains("\nState:\tZ"))
}

fn mounts_below(state: &Path) -> Vec<String> {
    let mounts = fs::read_to_string("/proc/self/mounts").unwrap();
    let below = state.to_str().unwrap();
    mounts.lines().filter(|line| line.contains(below)).map(str::to_owned).collect()
}

#[test]
fn an_image_is_built_once_and_found_afterwards() {
    let state = shared();
    let first = json(&state, &["cache", "build", "--variant", "minbase"]);
    assert_eq!(first["built"], false);
    assert_eq!(first["variant"], "minbase");
    let names: Vec<&str> = first["packages"]
        .as_array()
        .unwrap()
        .iter()
        .filter_map(|p| p["package"].as_str())
        .collect();
    assert!(["apt", "dpkg", "libc6"].iter().all(|name| names.contains(name)), "{names:?}");
    let listed = json(&state, &["cache", "list"]);
    let listed = listed["images"].as_array().unwrap();
    assert!(listed.iter().any(|image| image["id"] == first["id"]));
    let id = first["id"].as_str().unwrap();
    assert!(run(&state, &["cache", "verify", id]).status.success());
}

#[test]
fn the_same_packages_give_the_same_bytes_whoever_builds() {
    let state = shared();
    let reference = json(&state, &["cache", "build", "--variant", "minbase"]);
    let own = own();
    let allowed = rustix::thread::sched_getaffinity(None).unwrap();
    let processor = (0..1024).find(|processor| allowed.is_set(*processor)).unwrap();
    let output = Command::new("taskset")
        .args(["-c", &processor.to_string(), env!("CARGO_BIN_EXE_vclust")])
        .args(["--format", "json", "cache", "build", "--variant", "minbase"])
        .env("VCLUST_STATE_DIR", own.path())
        .output()
        .unwrap();
    let again: Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(again["built"], true);
    assert_eq!(again["content"], reference["content"]);
    let image = |state: &Path| {
        fs::read(state.join("images").join(again["id"].as_str().unwrap()).join("root.erofs"))
    };
    assert!(image(own.path()).unwrap() == image(&state).unwrap(), "erofs images differ");
}

#[test]
fn a_layer_holds_what_packages_add() {
    let own = own();
    let state = own.path();
    let base = json(state, &["cache", "build", "--variant", "minbase"]);
    let id = base["id"].as_str().unwrap();
    let layer = json(state, &["cache", "build", "--base", id, "--packages", SET]);
    assert_eq!((layer["kind"].as_str(), layer["base"].as_str()), (Some("layer"), Some(id)));
    let names: Vec<&str> = layer["packages"]
        .as_array()
        .unwrap()
        .iter()
        .filter_map(|p| p["package"].as_str())
        .collect();
    assert!(names.contains(&"make") && names.contains(&"file") && !names.contains(&"dpkg"));
    let target = own.path().join("tree");
    let layer = layer["id"].as_str().unwrap();
    let exported = run(state, &["cache", "export", layer, target.to_str().unwrap()]);
    assert!(exported.status.success(), "{}", String::from_utf8_lossy(&exported.stderr));
    assert!(target.join("usr/bin/make").exists() && !target.join("usr/bin/dpkg").exists());
    // dpkg's database is whole: what lies below is in it, too
    let status = fs::read_to_string(target.join("var/lib/dpkg/status")).unwrap();
    assert!(status.contains("Package: make\nStatus: install ok installed\n"));
    assert!(status.contains("Package: dpkg\n"));
    let history = json(state, &["history", "list"]);
    assert!(history.to_string().contains("\"make\""), "the build was recorded");
}

#[test]
fn a_layer_that_would_hold_nothing_is_not_built() {
    let state = shared();
    let base = json(&state, &["cache", "build", "--variant", "minbase"]);
    let id = base["id"].as_str().unwrap();
    let events = |state: &Path| json(state, &["history", "list"])["events"].clone();
    let before = events(&state);
    for arguments in [
        &["cache", "build", "--base", id, "--packages", "dpkg,apt"][..],
        &["measure", "install", "--base", id, "--packages", "dpkg"],
    ] {
        let output = run(&state, &[&["--format", "json"], arguments].concat());
        assert_eq!(output.status.code(), Some(1), "{arguments:?}");
        let told = String::from_utf8_lossy(&output.stdout).into_owned();
        let wanted = format!("the image {id} holds all of that already");
        assert!(told.contains(&wanted), "{told}");
    }
    assert_eq!(events(&state), before);
}

#[test]
fn an_empty_time_of_the_build_is_none() {
    let state = shared();
    let output = command(&state)
        .env("SOURCE_DATE_EPOCH", "")
        .args(["--format", "json", "cache", "build", "--variant", "minbase"])
        .output()
        .unwrap();
    let built: Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(built["built"], false, "the image without a time of its own serves");
}

#[test]
fn what_is_measured_goes_to_the_history_and_nothing_stays() {
    let own = own();
    let state = own.path();
    let base = json(state, &["cache", "build", "--variant", "minbase"]);
    let id = base["id"].as_str().unwrap();
    let events = || json(state, &["history", "list"])["events"].as_array().unwrap().len();
    let before = events();
    let answer =
        json(state, &["measure", "install", "--base", id, "--packages", SET, "--packages", "file"]);
    let sets = answer["sets"].as_array().unwrap();
    assert_eq!(sets.len(), 2);
    assert!(
        sets.iter().all(|set| set["seconds"].as_f64().unwrap() > 0.0 && set["error"].is_null())
    );
    assert_eq!(events(), before + 2);
    assert_eq!(json(state, &["cache", "list"])["images"].as_array().unwrap().len(), 1);
    assert!(leftovers(state).is_empty());
}

#[test]
fn what_does_not_exist_is_named() {
    let state = shared();
    let output = run(&state, &["cache", "build", "--packages", "no-such-package"]);
    assert_eq!(output.status.code(), Some(1));
    assert!(String::from_utf8_lossy(&output.stderr).contains("no-such-package"));
    let output = run(&state, &["cache", "build", "--base", "0123456789", "--packages", "make"]);
    assert_eq!(output.status.code(), Some(1));
    assert!(String::from_utf8_lossy(&output.stderr).contains("0123456789"));
    let output = run(&state, &["cache", "build", "--variant", "huge"]);
    assert_eq!(output.status.code(), Some(2));
    let output = command(&state)
        .env("SOURCE_DATE_EPOCH", "yesterday")
        .args(["cache", "build", "--variant", "minbase"])
        .output()
        .unwrap();
    assert!(String::from_utf8_lossy(&output.stderr).contains("SOURCE_DATE_EPOCH is `yesterday`"));
}

#[test]
fn a_damaged_package_is_fetched_again() {
    let own = own();
    let packages = own.path().join("packages");
    let victim = fs::read_dir(&packages).unwrap().flatten().map(|entry| entry.path()).max();
    let victim = victim.unwrap();
    let size = victim.metadata().unwrap().len();
    // a new file, as the old one is linked to other directories
    fs::remove_file(&victim).unwrap();
    fs::write(&victim, vec![0; usize::try_from(size).unwrap()]).unwrap();
    let built = json(own.path(), &["cache", "build", "--variant", "minbase"]);
    assert_eq!(built["built"], true);
}

#[test]
fn a_build_that_is_killed_leaves_nothing_behind() {
    let own = own();
    let state = own.path();
    let mut child = command(state)
        .args(["cache", "build", "--variant", "minbase"])
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    let script = until_scripts_run(child.id());
    child.kill().unwrap();
    child.wait().unwrap();
    thread::sleep(Duration::from_millis(500));
    assert!(!lives(&script), "a process of the build lives on");
    assert!(mounts_below(state).is_empty());
    assert_eq!(json(state, &["cache", "list"])["images"].as_array().unwrap().len(), 0);
    // the next build puts in order what was left and is as good as any
    assert_eq!(json(state, &["cache", "build", "--variant", "minbase"])["built"], true);
    assert!(leftovers(state).is_empty());
}

#[test]
fn a_build_that_is_asked_to_end_takes_all_along() {
    use std::os::unix::process::ExitStatusExt;
    let own = own();
    let state = own.path();
    let signals = [rustix::process::Signal::INT, rustix::process::Signal::TERM];
    for signal in signals {
        let mut child = command(state)
            .args(["cache", "build", "--variant", "minbase"])
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let script = until_scripts_run(child.id());
        assert_eq!(leftovers(state).len(), 1);
        let process = rustix::process::Pid::from_child(&child);
        rustix::process::kill_process(process, signal).unwrap();
        let status = child.wait().unwrap();
        assert_eq!(status.signal(), Some(signal.as_raw()));
        assert!(leftovers(state).is_empty(), "{:?}", leftovers(state));
        assert!(!lives(&script) && mounts_below(state).is_empty());
    }
    assert_eq!(json(state, &["cache", "build", "--variant", "minbase"])["built"], true);
}

#[test]
fn a_worker_that_is_killed_is_cleaned_up_after() {
    use std::os::unix::process::ExitStatusExt;
    let own = own();
    let mut child = command(own.path())
        .args(["cache", "build", "--variant", "minbase"])
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    until_scripts_run(child.id());
    let (worker, _) = programs_of(child.id()).unwrap();
    let worker = rustix::process::Pid::from_raw(i32::try_from(worker).unwrap()).unwrap();
    rustix::process::kill_process(worker, rustix::process::Signal::KILL).unwrap();
    assert_eq!(child.wait().unwrap().signal(), Some(9));
    assert!(leftovers(own.path()).is_empty());
}

#[test]
fn a_full_disk_is_an_error_and_leaves_the_repository_as_it_was() {
    let shared = shared();
    let own = tempfile::tempdir_in(env!("CARGO_TARGET_TMPDIR")).unwrap();
    let script = format!(
        "mount -t tmpfs -o size=120m none {0} && mkdir {0}/packages && \
         ln -s {1}/packages/*.deb {0}/packages/ && shift 0 && \
         \"$@\"; code=$?; ls {0}/building {0}/images; exit $code",
        own.path().display(),
        shared.display()
    );
    let output = Command::new("unshare")
        .args(["--mount", "sh", "-c", &script, "sh", env!("CARGO_BIN_EXE_vclust")])
        .args(["cache", "build", "--variant", "minbase"])
        .env("VCLUST_STATE_DIR", own.path())
        .output()
        .unwrap();
    assert_eq!(output.status.code(), Some(1));
    let stderr = String::from_utf8_lossy(&output.stderr);
    assert!(stderr.contains("No space left on device"), "{stderr}");
    let listing = String::from_utf8_lossy(&output.stdout);
    let entries = listing.lines().filter(|line| !line.is_empty() && !line.ends_with(':'));
    assert_eq!(entries.count(), 0, "{listing}");
}

#[test]
fn two_builders_at_once_build_once() {
    let own = own();
    let spawn = || {
        command(own.path())
            .args(["--format", "json", "cache", "build", "--variant", "minbase"])
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .unwrap()
    };
    let children = [spawn(), spawn()];
    let answers = children.map(|child| {
        let output = child.wait_with_output().unwrap();
        serde_json::from_slice::<Value>(&output.stdout).unwrap()
    });
    assert_eq!(answers[0]["id"], answers[1]["id"]);
    let built = answers.iter().filter(|answer| answer["built"] == true).count();
    assert_eq!(built, 1);
}

#[test]
fn nobody_in_particular_builds_the_same_image() {
    let shared = shared();
    let reference = json(&shared, &["cache", "build", "--variant", "minbase"]);
    // a directory that everybody may enter, and ids lent in a mount namespace of the test's own
    let place = tempfile::tempdir().unwrap();
    fs::set_permissions(place.path(), fs::Permissions::from_mode(0o755)).unwrap();
    let program = place.path().join("vclust");
    fs::copy(env!("CARGO_BIN_EXE_vclust"), &program).unwrap();
    let state = place.path().join("state");
    fs::create_dir_all(state.join("packages")).unwrap();
    for entry in fs::read_dir(shared.join("packages")).unwrap().flatten() {
        if entry.path().is_file() {
            fs::copy(entry.path(), state.join("packages").join(entry.file_name())).unwrap();
        }
    }
    let built = as_nobody(place.path(), &state, &["cache", "build", "--variant", "minbase"]);
    assert_eq!((&built["built"], &built["id"]), (&Value::Bool(true), &reference["id"]));
    for (name, form) in [("root", "directory"), ("disk.img", "raw"), ("copy.erofs", "erofs")] {
        let target = place.path().join(name);
        let id = reference["id"].as_str().unwrap();
        let target = target.to_str().unwrap();
        let exported = as_nobody(place.path(), &state, &["cache", "export", id, target]);
        assert_eq!(exported["form"], form);
    }
    // shadow's group, 42: as it was lent to nobody in a directory, as it is in a disk
    let shadow = place.path().join("root/etc/shadow").metadata().unwrap();
    assert_eq!((shadow.uid(), shadow.gid()), (65_534, 100_041));
    let disk = place.path().join("disk.img");
    assert_eq!(disk.metadata().unwrap().uid(), 65_534);
    let output = Command::new("debugfs").args(["-R", "stat /etc/shadow"]).arg(&disk).output();
    let told = String::from_utf8(output.unwrap().stdout).unwrap();
    let owner = told.lines().find(|line| line.starts_with("User:")).unwrap();
    let words: Vec<&str> = owner.split_whitespace().collect();
    assert_eq!(words[..4], ["User:", "0", "Group:", "42"]);
    let copied = fs::read(place.path().join("copy.erofs")).unwrap();
    let image = shared.join("images").join(reference["id"].as_str().unwrap()).join("root.erofs");
    assert!(copied == fs::read(image).unwrap(), "erofs images differ");
}

/// Runs `vclust` from a directory as the user nobody, who is lent ids in a mount namespace of its own.
fn as_nobody(place: &Path, state: &Path, arguments: &[&str]) -> Value {
    let lent = place.join("lent");
    fs::write(&lent, "nobody:100000:65536\n").unwrap();
    let script = format!(
        "mount --bind {lent} /etc/subuid && mount --bind {lent} /etc/subgid && \
         chown nobody {place} && chown -R nobody {state}/packages && chown nobody {state} && cd / && \
         exec setpriv --reuid=65534 --regid=65534 --clear-groups {place}/vclust --format json \"$@\"",
        lent = lent.display(),
        place = place.display(),
        state = state.display(),
    );
    let output = Command::new("unshare")
        .args(["--mount", "sh", "-c", &script, "sh"])
        .args(arguments)
        .env("VCLUST_STATE_DIR", state)
        .env("HOME", place)
        .output()
        .unwrap();
    let stdout = String::from_utf8_lossy(&output.stdout);
    assert!(output.status.success(), "{arguments:?}: {stdout}");
    serde_json::from_str(&stdout).unwrap()
}
