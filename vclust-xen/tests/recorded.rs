//! The parsers, against everything that Xen's programs were recorded to print.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use vclust_xen::GuestKind;
use vclust_xen::recorded::{
    Failure, Listed, ShutdownReason, classify, configured, host_information, listed, store_entries,
    telling,
};

/// A call of a program, as it was recorded.
struct Recording {
    command: String,
    status: i32,
    stdout: String,
    stderr: String,
}

fn recordings() -> BTreeMap<String, Recording> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/recorded");
    let mut found = BTreeMap::new();
    for directory in fs::read_dir(&root).expect("recordings").flatten() {
        let Ok(files) = fs::read_dir(directory.path()) else { continue };
        for file in files.flatten() {
            let path = file.path();
            let text = fs::read_to_string(&path).expect("UTF-8");
            let below = path.strip_prefix(&root).expect("below").with_extension("");
            found.insert(below.display().to_string(), Recording::of(&text));
        }
    }
    assert!(found.len() > 100, "the recordings are there");
    found
}

impl Recording {
    fn of(text: &str) -> Self {
        let (head, rest) = text.split_once("--- stdout\n").expect("an output");
        let (stdout, stderr) = rest.split_once("--- stderr\n").expect("errors");
        let command = head.lines().next().and_then(|line| line.strip_prefix("$ "));
        let status = head.split("rc=").nth(1).and_then(|rest| rest.split_whitespace().next());
        Self {
            command: command.expect("a command").to_owned(),
            status: status.and_then(|status| status.parse().ok()).expect("a status"),
            stdout: stdout.to_owned(),
            stderr: stderr.to_owned(),
        }
    }

    /// The words of the command, without what limited its time.
    fn words(&self) -> Vec<&str> {
        let words: Vec<&str> = self.command.split_whitespace().collect();
        match words.as_slice() {
            ["timeout", _, rest @ ..] => rest.to_vec(),
            all => all.to_vec(),
        }
    }
}

#[test]
fn every_list_and_every_document_that_was_recorded_is_read() {
    let (mut lists, mut documents, mut others) = (0, 0, 0);
    for (name, recording) in recordings() {
        if recording.status != 0 || recording.stdout.is_empty() {
            continue;
        }
        let text = &recording.stdout;
        match recording.words().as_slice() {
            ["xl", "list", "-l", ..] => {
                let domains = configured(text).unwrap_or_else(|error| panic!("{name}: {error}"));
                assert!(!domains.is_empty(), "{name}");
                documents += 1;
            }
            ["xl", "list", "-Z"] => {}
            ["xl", "list", ..] => {
                let domains = listed(text).unwrap_or_else(|error| panic!("{name}: {error}"));
                assert_eq!(domains.len(), text.lines().count() - 1, "{name}");
                lists += 1;
            }
            ["xl", "info"] => {
                let host = host_information(text).unwrap();
                assert_eq!((host.version.as_str(), host.memory_mib), ("4.17.7", 2047), "{name}");
                assert!(host.has_hvm && host.has_fixed_control_memory(), "{name}");
                assert!((1100..1300).contains(&host.free_mib), "{name}");
                others += 1;
            }
            ["xenstore-ls", "-f", ..] => {
                let entries = store_entries(text).unwrap();
                assert_eq!(entries.len(), text.lines().count(), "{name}");
                others += 1;
            }
            _ => {}
        }
    }
    assert!(lists >= 30 && documents >= 10 && others >= 4, "{lists} {documents} {others}");
}

#[test]
fn every_failure_that_was_recorded_is_known() {
    let expected = [
        ("already exists", Failure::NameTaken),
        ("Out of memory", Failure::Memory),
        ("Invalid kernel", Failure::Kernel),
        ("xc_dom_kernel_file failed", Failure::Kernel),
        ("disk defaults", Failure::Disk),
        ("disk devices", Failure::Disk),
        ("vif devices", Failure::Interface),
        ("config parsing error", Failure::Configuration),
        ("Neither kernel", Failure::Configuration),
        ("Unknown on_crash", Failure::Configuration),
        ("Invalid domain type", Failure::Configuration),
        ("must be specified", Failure::Configuration),
        ("Failed to parse UUID", Failure::Configuration),
        ("Failed to read config", Failure::Configuration),
        ("acknowledge control", Failure::Silent),
        ("privileged command interface", Failure::NoXen),
        ("invalid domain identifier", Failure::NoDomain),
        ("does not exist", Failure::NoDomain),
        ("domain type for domid=", Failure::NoDomain),
        ("destroy failed (rc=-21)", Failure::NoDomain),
    ];
    // usage, the store, and what was killed because it waited
    let others = [
        "command not implemented",
        "not supported.",
        "requires at least 1 argument",
        "Config file not specified",
        "Not destroying domain 0",
        "logfile = open(fullname",
        "Unable to remove vbd",
        "xs_directory",
    ];
    let mut found = 0;
    for (name, recording) in recordings() {
        if recording.status == 0 || recording.status == 143 {
            continue;
        }
        let said = &recording.stderr;
        let wanted = expected.iter().find(|(text, _)| said.contains(text));
        let known = others.iter().any(|text| said.contains(text));
        let wanted = match wanted {
            Some((_, failure)) if !known => *failure,
            _ => {
                assert!(known, "{name}: nobody expects {said}");
                continue;
            }
        };
        assert_eq!(classify(said), wanted, "{name}: {said}");
        assert!(!telling(said).contains("Non-existant") || wanted == Failure::NoDomain, "{name}");
        found += 1;
    }
    assert!(found > 30, "{found} failures");
}

/// The domains of a recorded list by their names.
fn list(name: &str) -> BTreeMap<String, Listed> {
    let recording = recordings().remove(name).unwrap_or_else(|| panic!("{name}"));
    let domains = listed(&recording.stdout).expect("a list");
    domains.into_iter().map(|domain| (domain.name.clone(), domain)).collect()
}

#[test]
fn flags_tell_what_a_domain_does() {
    let running = list("lifecycle/list1");
    assert!(running["pv1"].state.blocked && running["Domain-0"].state.running);
    assert!(list("lifecycle/list-paused")["pv1"].state.paused);
    let ended = list("errors/list-preserved");
    let (quick, crash) = (ended["quick"].state, ended["crash"].state);
    assert_eq!((quick.shut_down, quick.reason), (true, ShutdownReason::Off));
    assert_eq!((crash.shut_down, crash.reason), (true, ShutdownReason::Crash));
    // held twice and let go on once it is still held
    assert!(list("reboots/list-2pause-1unpause")["pp"].state.paused);
    assert!(!list("reboots/list-2pause-2unpause")["pp"].state.paused);
    // a restarted domain has another number, and nothing at first
    let (before, after) = (list("reboots/list-2pause-2unpause"), list("reboots/list-rebooted"));
    assert_ne!(before["pp"].id, after["pp"].id);
    assert_eq!((after["pp"].memory_mib, after["pp"].processors), (0, 0));
    // a name with blanks
    assert_eq!(list("errors/name-weird-list")["a b/c;é"].id, 11);
    // what a guest gave back is the host's
    assert_eq!(list("errors/list-memset")["p2"].memory_mib, 64);
}

#[test]
fn the_long_list_tells_uuids_but_for_the_control_domain() {
    let domains = list("errors/dominfo-uuid");
    let uuid = domains["p1"].uuid.expect("a UUID");
    assert_eq!(uuid.to_string(), "12345678-1234-4234-8234-1234567890ab");
    assert!(domains["Domain-0"].uuid.is_some_and(|uuid| uuid.is_nil()));
    assert_eq!(list("lifecycle/list1")["pv1"].uuid, None);

    let all = recordings();
    let one = configured(&all["errors/list-l-paused"].stdout).unwrap().remove(0);
    assert_eq!((one.id, one.uuid, one.processors), (12, Some(uuid), 2));
    assert_eq!((one.kind, one.memory_kib), (Some(GuestKind::Pv), Some(98304)));
    let pvh = configured(&all["lifecycle/list-pvh-l"].stdout).unwrap().remove(0);
    assert_eq!((pvh.kind, pvh.id), (Some(GuestKind::Pvh), 3));
    let host = configured(&all["lifecycle/list0-l"].stdout).unwrap().remove(0);
    assert_eq!((host.uuid, host.id, host.name.as_deref()), (None, 0, Some("Domain-0")));

    let devices = configured(&all["devices/list-dv-l"].stdout).unwrap().remove(0);
    let (disk, interface) = (&devices.disks[0], &devices.interfaces[0]);
    assert_eq!((disk.device.as_deref(), disk.is_writable), (Some("xvda"), true));
    assert_eq!(interface.bridge.as_deref(), Some("xenbr0"));
    assert_eq!(interface.mac.as_deref(), Some("00:16:3e:01:02:03"));
}

#[test]
fn the_store_tells_where_a_console_is() {
    let entries = store_entries(&recordings()["lifecycle/xsls"].stdout).unwrap();
    let value = |path: &str| {
        let entry = entries.iter().find(|entry| entry.path == path).expect(path);
        String::from_utf8(entry.value.clone()).unwrap()
    };
    assert_eq!(value("/local/domain/1/console/tty"), "/dev/pts/0");
    assert_eq!(value("/local/domain/0/name"), "Domain-0");
}

#[test]
fn what_is_cut_off_anywhere_is_refused_or_read_and_never_more() {
    for (name, recording) in recordings() {
        let text = &recording.stdout;
        for end in (0..text.len()).filter(|end| text.is_char_boundary(*end)).step_by(7) {
            let part = &text[..end];
            if let Ok(domains) = listed(part) {
                assert!(domains.len() <= part.lines().count(), "{name}");
            }
            let _ = (configured(part), host_information(part), store_entries(part));
            assert!(telling(part).len() <= part.len() * 2, "{name}");
        }
    }
}
