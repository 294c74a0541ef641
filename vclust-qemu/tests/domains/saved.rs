//! Saved states and the domains that start from them.

use std::fs;
use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::thread;

use vclust_core::{ByteSize, DomainConfiguration, DomainMemory, Hypervisor, HypervisorProblem};

use crate::DomainState::{Off, Running};
use crate::guest;
use crate::site::{Site, cause};

#[test]
fn many_domains_start_at_once_from_one_saved_state() {
    let site = Site::new();
    let qemu = site.qemu();
    let mut template = site.configuration("template");
    template.memory_use = DomainMemory::Saveable;
    qemu.define(&template).unwrap();
    qemu.start(&template.name).unwrap();
    site.says(&template.name, "B");
    site.tell(&template.name, b"ii");
    site.says(&template.name, "B12");
    let saved = site.path("saved");
    qemu.save(&template.name, &saved).unwrap();
    assert_eq!(qemu.state(&template.name).unwrap(), Off);
    assert!(!site.path("domains/template/memory").exists());
    for (path, mode) in [("saved", 0o700), ("saved/memory", 0o600), ("saved/state", 0o600)] {
        let found = fs::metadata(site.path(path)).unwrap().permissions().mode();
        assert_eq!(found & 0o777, mode, "{path}");
    }
    // pages that nobody has written take no space
    let memory = fs::metadata(saved.join("memory")).unwrap();
    let allocated = memory.blocks() * 512;
    assert!(allocated < memory.len() / 2, "{allocated} of {}", memory.len());

    let before = fs::read(saved.join("memory")).unwrap();
    let clones: Vec<_> = (0..4).map(|number| format!("clone-{number}")).collect();
    thread::scope(|scope| {
        for (number, name) in clones.iter().enumerate() {
            let (site, saved, qemu) = (&site, &saved, &qemu);
            scope.spawn(move || {
                let mut clone = site.configuration(name);
                // another disk of the same size
                let disk = site.path(&format!("disk-{number}"));
                guest::second_disk(&disk, b'a' + number as u8, 1 << 20);
                clone.disks[1].path = disk;
                qemu.define(&clone).unwrap();
                qemu.restore(&clone.name, saved).unwrap();
                site.tell(&clone.name, &b"iiii"[..=number]);
            });
        }
    });
    for (number, name) in clones.iter().enumerate() {
        let name = name.parse().unwrap();
        site.says(&name, &"3456"[..=number]);
        site.tell(&name, b"d");
        site.says(&name, &format!("{}{}", &"3456"[..=number], (b'a' + number as u8) as char));
        assert_eq!(qemu.state(&name).unwrap(), Running);
        let error = qemu.save(&name, &site.path("again")).unwrap_err();
        assert!(cause(&error).contains("saveable"), "{}", cause(&error));
    }
    assert!(fs::read(saved.join("memory")).unwrap() == before, "no clone writes to it");
}

#[test]
fn a_held_domain_is_saved_and_runs_on_when_it_is_restored() {
    let site = Site::new();
    let qemu = site.qemu();
    let mut template = site.configuration("template");
    template.memory_use = DomainMemory::Saveable;
    qemu.define(&template).unwrap();
    qemu.start(&template.name).unwrap();
    site.says(&template.name, "B");
    qemu.pause(&template.name).unwrap();
    let full = site.path("full");
    fs::create_dir(&full).unwrap();
    fs::write(full.join("file"), "").unwrap();
    let error = qemu.save(&template.name, &full).unwrap_err();
    assert!(cause(&error).contains("is not empty"), "{}", cause(&error));
    let saved = site.path("saved");
    qemu.save(&template.name, &saved).unwrap();
    qemu.restore(&template.name, &saved).unwrap();
    site.tell(&template.name, b"i");
    site.says(&template.name, "1");
    let error = qemu.save(&template.name, &site.path("again")).unwrap_err();
    assert!(cause(&error).contains("was started from a saved state"), "{}", cause(&error));
    qemu.kill(&template.name).unwrap();
    let error = qemu.save(&template.name, &site.path("again")).unwrap_err();
    assert!(matches!(error.problem, HypervisorProblem::State { state: Off }), "{error}");
}

#[test]
fn a_saved_state_of_another_machine_is_refused_with_what_differs() {
    let site = Site::new();
    let qemu = site.qemu();
    let mut template = site.configuration("template");
    template.memory_use = DomainMemory::Saveable;
    qemu.define(&template).unwrap();
    qemu.start(&template.name).unwrap();
    let saved = site.path("saved");
    qemu.save(&template.name, &saved).unwrap();

    let refused = |name: &str, change: &dyn Fn(&mut DomainConfiguration)| {
        let mut clone = site.configuration(name);
        change(&mut clone);
        qemu.define(&clone).unwrap();
        let text = cause(&qemu.restore(&clone.name, &saved).unwrap_err());
        assert_eq!(qemu.state(&clone.name).unwrap(), Off);
        text
    };
    let text = refused("memory", &|clone| clone.memory = ByteSize::new(64 << 20));
    assert!(text.contains("memory is 32 MiB, and this domain's is 64 MiB"), "{text}");
    let text = refused("disks", &|clone| drop(clone.disks.pop()));
    assert!(text.contains("its list of disks is"), "{text}");
    let text = refused("processors", &|clone| clone.processors = 2);
    assert!(text.contains("its number of processors is 1, and this domain's is 2"), "{text}");
    let larger = site.path("larger");
    guest::second_disk(&larger, b'L', 2 << 20);
    let text = refused("disk", &|clone| clone.disks[1].path = larger.clone());
    assert!(text.contains("second of 2097152 bytes"), "{text}");

    // another QEMU, a state that is no state, a save that was cut off
    let path = saved.join("saved.json");
    let text = fs::read_to_string(&path).unwrap();
    let mut description: serde_json::Value = serde_json::from_str(&text).unwrap();
    description["qemu"] = "1.2.3".into();
    fs::write(&path, description.to_string()).unwrap();
    let said = refused("version", &|_| ());
    assert!(said.contains("its version of QEMU is 1.2.3"), "{said}");
    fs::write(&path, &text).unwrap();
    let state = fs::read(saved.join("state")).unwrap();
    fs::write(saved.join("state"), &state[..state.len() / 2]).unwrap();
    let said = refused("state", &|_| ());
    assert!(said.contains("the hypervisor failed; it said: "), "{said}");
    fs::remove_file(&path).unwrap();
    let said = refused("cut", &|_| ());
    assert!(said.contains("cannot read") && said.contains("saved.json"), "{said}");
}
