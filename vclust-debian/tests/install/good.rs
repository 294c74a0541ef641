//! What installing leaves in a root.

use std::fmt::Write;
use std::os::unix::fs::{FileTypeExt, MetadataExt};

use vclust_core::StepKind;

use crate::root::{Package, install, install_with};

const STATUS: &str = "var/lib/dpkg/status";

#[test]
fn packages_are_installed_in_the_database_and_on_disk() {
    let library = Package::new("made-library", "").file("usr/lib/made/one", "1", 0o644);
    let program = Package::new("made-program", "Depends: made-library\n")
        .file("usr/bin/made", "#!/bin/sh\ncat /usr/lib/made/one\n", 0o755)
        .script("postinst", "/usr/bin/made >/var/lib/made");
    let layer = install(&[&library, &program]).unwrap();
    assert_eq!(layer.read("var/lib/made"), "1");
    assert_eq!(
        layer.read("var/lib/dpkg/info/made-library.list"),
        "/.\n/usr\n/usr/lib\n/usr/lib/made\n/usr/lib/made/one\n"
    );
    let status = layer.read(STATUS);
    let paragraph = status.split("\n\n").find(|text| text.starts_with("Package: made-program\n"));
    assert!(paragraph.unwrap().contains("\nStatus: install ok installed\n"), "{paragraph:?}");
    let configured: Vec<&str> = layer
        .installed
        .steps
        .iter()
        .filter(|step| step.step == StepKind::Configure)
        .map(|step| step.package.as_str())
        .collect();
    assert_eq!(configured, ["made-library", "made-program"]);
    assert!(layer.installed.through_dpkg.is_empty());
}

#[test]
fn a_preinst_that_acts_runs_before_the_files_are_there() {
    let tool = Package::new("made-tool", "")
        .file("usr/bin/made-tool", "#!/bin/sh\necho ready\n", 0o755)
        .script("postinst", "touch /var/lib/made-tool-is-ready");
    let package = Package::new("made", "Pre-Depends: made-tool\n")
        .file("usr/share/made/file", "x", 0o644)
        .script(
            "preinst",
            "test ! -e /usr/share/made/file\ntest -e /var/lib/made-tool-is-ready\n\
             made-tool >/var/lib/made-was-ready",
        );
    let layer = install(&[&tool, &package]).unwrap();
    assert_eq!(layer.read("var/lib/made-was-ready"), "ready\n");
    assert_eq!(layer.installed.through_dpkg, ["made"]);
}

#[test]
fn packages_of_shared_directories_stay_whatever_dpkg_unpacks() {
    // dpkg drops such a package when another one is unpacked
    let acting = |name: &str| {
        let package = Package::new(name, "").script("preinst", "touch /var/lib/made-acted");
        package.file(&format!("usr/share/{name}"), "x", 0o644)
    };
    let (first, last) = (acting("made-first"), acting("made-last"));
    let bare = |name: &str| Package::new(name, "").directory("usr/share");
    let (one, two) = (bare("made-bare-one"), bare("made-bare-two"));
    let through = Package::new("made-bare-three", "").directory("usr/share");
    let through = through.script("preinst", "touch /var/lib/made-bare-acted");
    let layer = install(&[&one, &through, &first, &two, &last]).unwrap();
    let status = layer.read(STATUS);
    for name in ["made-bare-one", "made-bare-two", "made-bare-three"] {
        let wanted = format!("Package: {name}\nStatus: install ok installed\n");
        assert!(status.contains(&wanted), "{name}");
    }
    assert_eq!(layer.installed.through_dpkg, ["made-bare-three", "made-first", "made-last"]);
}

#[test]
fn the_time_of_the_build_counts_packages_that_go_through_dpkg() {
    let (older, newer) = (1_500_000_000, 1_600_000_000);
    let acting = Package::new("made", "")
        .script("preinst", "touch /var/lib/made-acted")
        .file("usr/share/made", "x", 0o644)
        .modified("usr/share/made", newer);
    let plain = Package::new("made-plain", "")
        .file("usr/share/made-plain", "x", 0o644)
        .modified("usr/share/made-plain", older);
    let layer = install(&[&acting, &plain]).unwrap();
    assert_eq!(layer.installed.through_dpkg, ["made"]);
    assert_eq!(layer.installed.source_date_epoch, i64::from(newer));
}

#[test]
fn each_trigger_runs_once_whatever_set_it_off() {
    let listener = Package::new("made-listener", "")
        .file("DEBIAN/triggers", "interest-noawait /usr/share/made\ninterest-noawait made\n", 0o644)
        .script("postinst", "echo \"$@\" >>/var/lib/made-log");
    let first = install(&[&listener]).unwrap();
    assert_eq!(first.read("var/lib/made-log"), "configure \n");

    let one = Package::new("made-one", "").file("usr/share/made/one", "1", 0o644);
    let two = Package::new("made-two", "").file("usr/share/made/two", "2", 0o644).file(
        "DEBIAN/triggers",
        "activate-noawait made\n",
        0o644,
    );
    // the listener is configured in the same run, or in one before
    let layer = install(&[&listener, &one, &two]).unwrap();
    let log = layer.read("var/lib/made-log");
    assert!(log.lines().filter(|line| line.starts_with("triggered")).count() <= 1, "{log}");

    // debianutils is configured in the root, and interested in this directory
    let shell = Package::new("made-shell", "").file("bin/made-shell", "", 0o755).file(
        "usr/share/debianutils/shells.d/made",
        "/bin/made-shell\n",
        0o644,
    );
    let layer = install(&[&shell]).unwrap();
    assert!(layer.read("etc/shells").contains("/bin/made-shell"));
    let triggers =
        layer.installed.steps.iter().filter(|step| step.step == StepKind::Trigger).count();
    assert_eq!(triggers, 1);
}

#[test]
fn diversions_of_the_root_hold() {
    let diverting = Package::new("made-diverting", "")
        .script(
            "preinst",
            "dpkg-divert --package made-diverting --add --rename \
            --divert /usr/share/made/file.other /usr/share/made/file",
        )
        .file("usr/share/made/file", "mine", 0o644);
    let other = Package::new("made-other", "Depends: made-diverting\n").file(
        "usr/share/made/file",
        "other",
        0o644,
    );
    let layer = install(&[&diverting, &other]).unwrap();
    assert_eq!(layer.read("usr/share/made/file"), "mine");
    assert_eq!(layer.read("usr/share/made/file.other"), "other");
    assert!(layer.installed.through_dpkg.contains(&"made-diverting".to_owned()));
}

#[test]
fn no_service_is_started_and_no_policy_left() {
    let package = Package::new("made-service", "")
        .file("etc/init.d/made", "#!/bin/sh\ntouch /var/lib/made-was-started\n", 0o755)
        .script("postinst", "if invoke-rc.d made start; then :; fi\ntest -x /usr/sbin/policy-rc.d");
    let layer = install(&[&package]).unwrap();
    assert!(!layer.has("var/lib/made-was-started"));
    let policy = layer.tree.join("usr/sbin/policy-rc.d").symlink_metadata();
    // it was made and removed in the overlay, so nothing is left, not even a whiteout
    assert!(policy.is_err(), "{policy:?}");
}

#[test]
fn an_older_version_in_the_root_is_upgraded_by_dpkg() {
    let package = Package::new("hostname", "Version: 99\nEssential: yes\n").file(
        "bin/hostname",
        "#!/bin/sh\n",
        0o755,
    );
    let layer = install(&[&package]).unwrap();
    assert_eq!(layer.installed.through_dpkg, ["hostname"]);
    assert!(layer.read(STATUS).contains("Version: 99\n"));
    // what the new version does not ship any more is whited out
    let gone = layer.tree.join("usr/bin/domainname").symlink_metadata().unwrap();
    assert!(gone.file_type().is_char_device() && gone.rdev() == 0);
}

#[test]
fn removals_come_first_and_leave_whiteouts() {
    let package = Package::new("made", "").file("usr/share/made", "", 0o644);
    let layer = install_with(&[&package], |installation| installation.remove(["tzdata"])).unwrap();
    assert!(!layer.read(STATUS).contains("Package: tzdata\nStatus: install ok installed"));
    let gone = layer.tree.join("usr/share/zoneinfo").symlink_metadata().unwrap();
    assert!(gone.file_type().is_char_device() && gone.rdev() == 0);
}

#[test]
fn scripts_see_neither_the_network_nor_the_machine() {
    let package = Package::new("made", "").script(
        "postinst",
        "test \"$(cat /proc/sys/kernel/hostname)\" = localhost\n\
         test \"$(ls /proc | grep -c '^[0-9]')\" -lt 20\ntest ! -e /sys/kernel\n\
         test \"$(grep -c : /proc/net/dev)\" = 1",
    );
    install(&[&package]).unwrap();
}

#[test]
fn scripts_cannot_reach_for_the_kernel() {
    // numbers of calls on x86-64 and arm64, with what scripts are told
    let calls: &[(u32, &str)] = if cfg!(target_arch = "x86_64") {
        &[
            (246, "kexec_load"),
            (175, "init_module"),
            (313, "finit_module"),
            (321, "bpf"),
            (298, "perf_event_open"),
            (169, "reboot"),
            (167, "swapon"),
            (165, "mount"),
            (272, "unshare"),
            (250, "keyctl"),
        ]
    } else {
        &[(104, "kexec_load"), (105, "init_module"), (280, "bpf"), (142, "reboot"), (97, "unshare")]
    };
    let mut script = String::from("perl -e 'print \"perl works\\n\"'\n");
    for (number, name) in calls {
        // a namespace of users (CLONE_NEWUSER) is what anybody may have
        let arguments = if *name == "unshare" { "0x10000000" } else { "0, 0, 0, 0, 0" };
        let _ = writeln!(
            script,
            "perl -e 'exit(syscall({number}, {arguments}) == -1 && $! == 1 ? 0 : 1)' || \
             {{ echo {name} was let through; exit 1; }}"
        );
    }
    // what forks, makes threads and asks the kernel for everyday things goes on as before
    script.push_str("perl -e 'fork and wait; exit 0' && sync && ls -l /proc/self/fd >/dev/null\n");
    let layer = install(&[&Package::new("made", "").script("postinst", &script)]).unwrap();
    assert!(layer.installed.log.contains("perl works"), "{}", layer.installed.log);
}

#[test]
fn scripts_know_that_their_system_does_not_run() {
    install(&[&Package::new("made", "").script("postinst", "ischroot\ntest $$ -gt 1")]).unwrap();
}
