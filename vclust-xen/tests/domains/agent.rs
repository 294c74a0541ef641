//! vclust's own agent in a guest: it finds its channel, its modules and its disks.

use std::fs;
use std::path::Path;

use vclust_agent::PROGRAM;
use vclust_agent::protocol::{LONGEST_REPORT, Lines, Order, Prepare, Report, VERSION, write_line};
use vclust_core::{DiskAccess, DiskFormat, DomainBoot, DomainDisk, DomainState, Hypervisor};
use vclust_xen::GuestKind;

use crate::site::{PATIENCE, Site, run};

#[test]
#[ignore = "takes the control domain of a Xen host; `make test-xen` starts one"]
fn the_agent_answers_through_the_console_and_mounts_a_shared_disk() {
    for kind in [GuestKind::Pv, GuestKind::Pvh] {
        let site = Site::new(kind);
        let xen = site.xen();
        let tree = site.path("tree");
        fs::create_dir(&tree).unwrap();
        fs::write(tree.join("file"), "x").unwrap();
        let base = site.path("base.erofs");
        run("mkfs.erofs", &[base.to_str().unwrap(), tree.to_str().unwrap()]);
        let mut configuration = Site::configuration("a1", "");
        let DomainBoot::Kernel { initramfs: Some(initramfs), .. } = &mut configuration.boot else {
            panic!("guests start from a kernel");
        };
        *initramfs = with_agent(initramfs, &site.path("initramfs"));
        configuration.disks = vec![DomainDisk {
            serial: "base".to_owned(),
            path: base,
            format: DiskFormat::Raw,
            access: DiskAccess::ReadOnly,
        }];
        xen.define(&configuration).unwrap();
        let name = configuration.name;
        xen.start(&name).unwrap();

        let line = xen.channel(&name).unwrap();
        let (mut reports, mut orders) = (Lines::new(line.reader, LONGEST_REPORT), line.writer);
        let mut next = || -> Report { reports.next_document().unwrap().expect("the guest runs") };
        let hello = next();
        assert!(matches!(hello, Report::Hello { version: VERSION, .. }), "{hello:?}");
        // a disk that is not there is told, and one that is there is mounted
        let prepare = Prepare { base: Some("base".to_owned()), warm: vec!["/file".to_owned()] };
        write_line(&mut orders, &Order::Prepare(prepare)).unwrap();
        loop {
            match next() {
                Report::Prepared => break,
                Report::Done { .. } => {}
                other => panic!("{other:?}"),
            }
        }
        write_line(&mut orders, &Order::Halt).unwrap();
        assert_eq!(xen.wait(&name, &[DomainState::Off], PATIENCE).unwrap(), DomainState::Off);
    }
}

/// The initramfs of guests with the agent as its first program, and with its modules in the agent's lists.
fn with_agent(initramfs: &Path, target: &Path) -> std::path::PathBuf {
    let tree = target.with_extension("tree");
    fs::create_dir(&tree).unwrap();
    let shell = |script: String| run("sh", &["-c", &script]);
    let (from, tree) = (initramfs.display(), tree.display());
    shell(format!("cd {tree} && busybox cpio -i 2>/dev/null <{from}"));
    fs::write(format!("{tree}/init"), PROGRAM).unwrap();
    let order = fs::read_to_string(format!("{tree}/modules/order")).unwrap().replace(".ko\n", "\n");
    fs::write(format!("{tree}/modules/xen"), order).unwrap();
    fs::write(format!("{tree}/modules/order"), "").unwrap();
    shell(format!("mkdir -p {tree}/lower {tree}/upper {tree}/root"));
    shell(format!(
        "cd {tree} && busybox find . | busybox cpio -o -H newc 2>/dev/null >{}",
        target.display()
    ));
    target.to_owned()
}
