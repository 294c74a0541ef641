//! Programs in a root of their own: what they see, what they may do, and that all of it ends.

use std::fs;
use std::path::Path;

use super::*;

/// A root with this machine's shell, its libraries and `sleep`.
fn shell_root() -> tempfile::TempDir {
    let root = tempfile::tempdir().unwrap();
    for program in ["sh", "sleep", "sync", "mknod", "cat", "ls"] {
        let from = Path::new("/bin").join(program);
        let libraries = Command::new("ldd").arg(&from).output().unwrap().stdout;
        let libraries = String::from_utf8(libraries).unwrap();
        let files = libraries.split_whitespace().filter(|word| word.starts_with('/'));
        for file in files.chain([from.to_str().unwrap()]) {
            let to = root.path().join(&file[1..]);
            fs::create_dir_all(to.parent().unwrap()).unwrap();
            fs::copy(file, to).unwrap();
        }
    }
    fs::create_dir(root.path().join("tmp")).unwrap();
    root
}

fn shell(root: &Path, script: &str) -> Result<Output, SandboxError> {
    shell_within(root, script, Duration::from_secs(60))
}

fn shell_within(root: &Path, script: &str, timeout: Duration) -> Result<Output, SandboxError> {
    let command = SandboxCommand::new("sh").arg("-c").arg(script).timeout(timeout);
    Sandbox::new(root).run(&command, &mut |_, _| ())
}

#[test]
fn a_program_sees_its_root_and_its_processes_alone() {
    let root = shell_root();
    let output = shell(root.path(), "echo $$ /proc/[0-9]*; ls /; exit 3").unwrap();
    assert_eq!(output.status.code(), Some(3));
    let lines: Vec<&str> = output.log.lines().collect();
    assert_eq!(lines[0], "2 /proc/1 /proc/2");
    assert!(lines[1..].iter().all(|name| root.path().join(name).exists()), "{lines:?}");
}

#[test]
fn what_a_program_leaves_running_is_ended() {
    let root = shell_root();
    let start = Instant::now();
    let output = shell(root.path(), "(sleep 0.5; echo late >/tmp/late) & echo done").unwrap();
    assert_eq!(output.log, "done\n");
    assert!(start.elapsed() < Duration::from_secs(2));
    thread::sleep(Duration::from_millis(700));
    assert!(!root.path().join("tmp/late").exists());
}

#[test]
fn a_program_that_hangs_is_ended_and_quoted() {
    let root = shell_root();
    let start = Instant::now();
    let timeout = Duration::from_millis(300);
    let error = shell_within(root.path(), "echo busy; sleep 60 & sleep 60", timeout);
    assert!(error.unwrap_err().to_string().ends_with("its last words: busy"));
    assert!(start.elapsed() < Duration::from_secs(10));
}

#[test]
fn devices_that_a_package_brings_cannot_be_opened() {
    let root = shell_root();
    let zero = root.path().join("tmp/zero");
    let made = Command::new("mknod").arg(zero).args(["c", "1", "5"]).status();
    assert!(made.unwrap().success());
    let script = "! mknod /tmp/more c 1 5 && ! cat /tmp/zero && : >/dev/null";
    let output = shell(root.path(), script).unwrap();
    assert!(output.status.success(), "{}", output.log);
}

#[test]
fn a_program_has_no_rights_beyond_its_root() {
    let root = shell_root();
    let script = "! echo x >/proc/sys/kernel/core_pattern && \
                  cat /proc/self/status | while read name value; do \
                  test \"$name\" = CapEff: && echo $value; done; :";
    let output = shell(root.path(), script).unwrap();
    let rights = output.log.lines().last().unwrap();
    let rights = u64::from_str_radix(rights, 16).unwrap_or_else(|_| panic!("{}", output.log));
    // administration, raw I/O, tracing, devices, handles of files
    for number in [21, 17, 19, 27, 2] {
        assert_eq!(rights >> number & 1, 0, "capability {number} of {rights:x}");
    }
}

/// A program of another instruction set, 32-bit x86, that ends at once: an ELF header, one segment,
/// and `exit(0)`.
#[cfg(target_arch = "x86_64")]
fn foreign_program() -> Vec<u8> {
    let mut program = b"\x7fELF\x01\x01\x01".to_vec();
    program.resize(16, 0);
    let base = 0x0804_8000_u32;
    let code = [0xb8_u8, 1, 0, 0, 0, 0x31, 0xdb, 0xcd, 0x80];
    let size = 84 + code.len() as u32;
    for half in [2_u16, 3] {
        program.extend(half.to_le_bytes());
    }
    for word in [1, base + 84, 52, 0, 0] {
        program.extend(u32::to_le_bytes(word));
    }
    for half in [52_u16, 32, 1, 0, 0, 0] {
        program.extend(half.to_le_bytes());
    }
    for word in [1, 0, base, base, size, size, 5, 0x1000] {
        program.extend(u32::to_le_bytes(word));
    }
    program.extend(code);
    program
}

#[cfg(target_arch = "x86_64")]
#[test]
fn programs_of_another_instruction_set_are_killed_unless_packages_bring_them() {
    let root = shell_root();
    let path = root.path().join("bin/foreign");
    fs::write(&path, foreign_program()).unwrap();
    let mode = std::os::unix::fs::PermissionsExt::from_mode(0o755);
    fs::set_permissions(&path, mode).unwrap();
    if !Command::new(&path).status().is_ok_and(|status| status.success()) {
        // a kernel that cannot run it kills it, too
        return;
    }
    let command = SandboxCommand::new("sh").arg("-c").arg("/bin/foreign; echo $?");
    let run = |foreign| {
        let sandbox = Sandbox::new(root.path()).foreign_calls(foreign);
        sandbox.run(&command, &mut |_, _| ()).unwrap().log
    };
    assert_eq!(run(ForeignCalls::Allowed), "0\n");
    assert!(run(ForeignCalls::Refused).ends_with("159\n"), "killed by SIGSYS, 31");
}

#[test]
fn mounts_are_gone_when_a_program_has_ended() {
    let root = shell_root();
    shell(root.path(), "ls /dev/null /proc/self").unwrap();
    let mounts = fs::read_to_string("/proc/self/mounts").unwrap();
    assert!(!mounts.contains(root.path().to_str().unwrap()), "{mounts}");
    assert!(fs::read_dir(root.path().join("dev")).unwrap().next().is_none());
}

#[test]
fn a_link_in_place_of_a_directory_is_refused() {
    let root = shell_root();
    std::os::unix::fs::symlink("/tmp", root.path().join("dev")).unwrap();
    let error = shell(root.path(), "true").unwrap_err();
    assert!(matches!(error, SandboxError::NoDirectory { .. }), "{error}");
}

#[test]
fn a_missing_program_is_named() {
    let root = shell_root();
    let error = Sandbox::new(root.path()).run(&SandboxCommand::new("/bin/none"), &mut |_, _| ());
    assert_eq!(error.unwrap_err().to_string(), "cannot run `/bin/none` in the root");
}

#[test]
fn progress_is_reported_line_by_line() {
    let root = shell_root();
    let script = root.path().join("bin/report");
    fs::write(&script, "#!/bin/sh\neval \"echo one >&$2; echo two >&$2\"\n").unwrap();
    let mode = std::os::unix::fs::PermissionsExt::from_mode(0o755);
    fs::set_permissions(&script, mode).unwrap();
    let command = SandboxCommand::new("/bin/report").status_option("--status-fd");
    let mut lines = Vec::new();
    let output =
        Sandbox::new(root.path()).run(&command, &mut |_, line| lines.push(line.to_owned()));
    assert!(output.unwrap().status.success());
    assert_eq!(lines, ["one", "two"]);
}

#[test]
fn the_end_of_a_log_starts_with_a_line() {
    let log = "x".repeat(1000) + "\n" + &"y".repeat(2010) + "\nlast\n";
    assert_eq!(last_words(&log), "last");
    assert_eq!(last_words("short\n"), "short");
}
