//! Disks that guests share, disks of their own, and the network of a cluster: a namespace with a bridge.

use std::fs;
use std::process::Command;

use vclust_core::{DiskAccess, DiskFormat, DomainDisk, DomainInterface, DomainState, Hypervisor};
use vclust_xen::GuestKind;

use crate::site::{PATIENCE, Site, run};

#[test]
#[ignore = "takes the control domain of a Xen host; `make test-xen` starts one"]
fn guests_share_a_disk_and_reach_the_head_node_in_its_namespace() {
    let site = Site::new(GuestKind::Pv);
    let xen = site.xen();
    let tree = site.path("tree");
    fs::create_dir(&tree).unwrap();
    fs::write(tree.join("file"), "FROM-THE-SHARED-DISK\n").unwrap();
    let shared = site.path("shared, with a comma.erofs");
    run("mkfs.erofs", &[shared.to_str().unwrap(), tree.to_str().unwrap()]);
    // this test's own network namespace, as that of a cluster
    let mut names = Vec::new();
    let mut configurations = Vec::new();
    for number in 1..=2 {
        let own = site.path(&format!("own{number}"));
        fs::File::create_new(&own).unwrap().set_len(1 << 20).unwrap();
        let name = format!("d{number}");
        let mut configuration = Site::configuration(&name, "test=devices");
        let disk = |serial: &str, path: &std::path::Path, access| DomainDisk {
            serial: serial.to_owned(),
            path: path.to_owned(),
            format: DiskFormat::Raw,
            access,
        };
        configuration.disks = vec![
            disk("base", &shared, DiskAccess::ReadOnly),
            disk("own", &own, DiskAccess::ReadWrite),
        ];
        configuration.interfaces = vec![DomainInterface {
            mac: format!("00:16:3e:00:00:0{number}").parse().unwrap(),
            host_device: format!("tap{number}"),
            bridge: Some("br0".to_owned()),
        }];
        xen.define(&configuration).unwrap();
        names.push(configuration.name.clone());
        configurations.push(own);
    }
    std::thread::scope(|scope| {
        let work = || {
            unshare_network();
            run("ip", &["link", "add", "br0", "type", "bridge"]);
            run("ip", &["address", "add", "10.77.0.1/16", "dev", "br0"]);
            run("ip", &["link", "set", "br0", "up"]);
            for (name, number) in names.iter().zip(1..) {
                xen.start(name).unwrap();
                site.says(name, "FROM-THE-SHARED-DISK");
                site.says(name, &format!("00:16:3e:00:00:0{number}"));
                site.says(name, "GUEST-REACHES-HEAD");
                // both guests of this test have one address, so only one at a time is on the bridge
                run("ip", &["link", "set", &format!("tap{number}"), "down"]);
            }
            let links = run("ip", &["-o", "link", "show", "master", "br0"]);
            assert!(links.contains("tap1") && links.contains("tap2"), "{links}");
        };
        scope.spawn(work).join().unwrap();
    });
    let log = xen.console_log(&names[0], 1 << 16).unwrap();
    assert!(!String::from_utf8_lossy(&log).contains("GUEST-WROTE-READ-ONLY"));
    for (name, own) in names.iter().zip(&configurations) {
        site.says(name, "GUEST-READY");
        xen.stop(name, PATIENCE).unwrap();
        assert_eq!(xen.state(name).unwrap(), DomainState::Off);
        assert!(fs::read(own).unwrap().starts_with(b"written\n"));
    }
    let loops = Command::new("losetup").arg("-a").output().unwrap();
    assert!(!String::from_utf8_lossy(&loops.stdout).contains("own"), "disks are let go");
}

#[expect(unsafe_code, reason = "a namespace can be had in no other way")]
fn unshare_network() {
    // SAFETY: what `unshare` can break is the sharing of file descriptors between threads, which is
    // not asked for; the network namespace concerns this thread alone.
    unsafe { rustix::thread::unshare_unsafe(rustix::thread::UnshareFlags::NEWNET) }.unwrap();
}
