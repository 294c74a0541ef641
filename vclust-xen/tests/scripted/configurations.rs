//! Configurations that Xen is given, and those that it is not.

use vclust_core::{ByteSize, DiskFormat, DomainBoot, DomainLimits, Hypervisor};
use vclust_xen::recorded::Uuid;
use vclust_xen::{GuestKind, XlConfiguration};

use crate::tools::{Tools, causes};

#[test]
fn texts_are_quoted_so_that_they_are_read_back() {
    let uuid = Uuid::of_random([7; 16]);
    let mut configuration = Tools::configuration("n1");
    configuration.limits = DomainLimits { processors: Some(0.5), memory: None };
    let script = std::path::Path::new("/own/attach");
    let own = XlConfiguration::of(&configuration, uuid, GuestKind::Pvh, Some(script)).unwrap();
    let expected = r#"name = "n1"
uuid = "07070707-0707-4707-8707-070707070707"
type = "pvh"
kernel = "/boot/kernel"
ramdisk = "/boot/initrd"
cmdline = "quiet \"word\" back\\slash console=hvc0 vclust.channel=/dev/hvc0 vclust.disk=base:xvda vclust.disk=own:xvdb"
on_poweroff = "destroy"
on_reboot = "restart"
on_crash = "preserve"
vcpus = 1
memory = 128
maxmem = 128
cap = 50
disk = [
    "format=raw,vdev=xvda,access=ro,script=/own/attach,target=/disks/base, the first",
    "format=raw,vdev=xvdb,access=rw,script=/own/attach,target=/disks/own, the first",
]
vif = [
    "mac=00:16:3e:00:00:01,vifname=vif-n1,bridge=br0,script=/own/attach",
]
"#;
    assert_eq!(own.to_string(), expected);
}

#[test]
fn what_xen_cannot_make_is_refused_with_the_reason() {
    let tools = Tools::new();
    let xen = tools.xen();
    let refused = |change: &dyn Fn(&mut vclust_core::DomainConfiguration), reason: &str| {
        let mut configuration = Tools::configuration("n1");
        change(&mut configuration);
        let error = causes(&xen.define(&configuration).unwrap_err());
        assert!(error.contains(reason), "{error}");
    };
    refused(&|it| it.boot = DomainBoot::Network, "and not from the network; give it a kernel");
    refused(&|it| it.boot = DomainBoot::Disk, "and not from a disk");
    refused(&|it| it.processors = 0, "it has 0 processors");
    refused(&|it| it.memory = ByteSize::new(1 << 20), "1 MiB of memory are too few");
    refused(&|it| it.disks[0].format = DiskFormat::Qcow2, "qemu-img convert -O raw");
    refused(&|it| it.disks[0].serial = "a b".to_owned(), "`a b` is no serial number");
    refused(&|it| it.disks[0].serial = "own".to_owned(), "two disks have the serial number own");
    refused(&|it| it.disks[0].path = "/a\nb".into(), "a disk's path holds");
    refused(&|it| it.interfaces[0].host_device = "a,b".to_owned(), "`a,b` is no name");
    refused(&|it| it.interfaces[0].bridge = Some("much-too-long-a-name".to_owned()), "is no name");
    refused(&|it| it.interfaces[0].mac.0[0] = 1, "is an address of many interfaces");
    refused(&|it| it.disks = vec![it.disks[0].clone(); 27], "it has 27 disks; at most 26");
    refused(&|it| it.limits.memory = Some(ByteSize::new(128 << 20)), "its limit of memory");
    refused(&|it| it.limits.processors = Some(f64::NAN), "its limit of processors");
    let long = "x".repeat(1000);
    refused(
        &|it| {
            it.boot = DomainBoot::Kernel {
                image: "/k".into(),
                initramfs: None,
                command_line: long.clone(),
            };
        },
        "a guest gets 1023",
    );
    assert!(xen.list().unwrap().is_empty());
}
