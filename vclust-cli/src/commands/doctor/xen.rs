//! What `vclust doctor` says about Xen: nothing is missing where there is no Xen, but it is told.

use std::path::Path;

use vclust_xen::{Machine, ToolStack, XenOptions, console_daemon, keeps_consoles};

use super::{Finding, in_path};
use crate::failure::causes;

/// Programs that domains under Xen take, what for, and the packages that have them.
const PROGRAMS: [(&str, &str, &str); 4] = [
    ("xl", "domains", "xen-utils-common"),
    ("xenstore-read", "consoles and waiting", "xenstore-utils"),
    ("nsenter", "interfaces in the networks of clusters", "util-linux"),
    ("losetup", "disks in files", "mount"),
];

/// What there is of Xen, and what it lacks.
pub(super) fn look() -> Vec<Finding> {
    let what = "xen";
    let finding = |state, found: &str, mend: Option<&str>| Finding {
        what,
        state,
        found: found.to_owned(),
        mend: mend.map(str::to_owned),
    };
    match Machine::this() {
        Machine::NoXen => {
            let found = "no Xen here; hypervisor = \"qemu\" is what runs";
            vec![finding("ok", found, None)]
        }
        Machine::Guest => {
            let found =
                "this machine is a guest of Xen, which cannot have domains under Xen itself";
            vec![finding("limited", found, Some("run vclust in the host's control domain"))]
        }
        Machine::Host => host(&finding),
    }
}

fn host(finding: &dyn Fn(&'static str, &str, Option<&str>) -> Finding) -> Vec<Finding> {
    let mut findings = Vec::new();
    for (program, purpose, package) in PROGRAMS {
        if in_path(program).is_none() {
            let (found, mend) = (
                format!("no `{program}`, needed for {purpose}"),
                format!("apt-get install {package}"),
            );
            findings.push(finding("missing", &found, Some(&mend)));
        }
    }
    let tools = ToolStack::new(&XenOptions::default());
    let asked = tools.information().and_then(|host| Ok((host, tools.list()?)));
    match asked {
        Ok((host, domains)) => {
            let kinds = if host.has_hvm { "PV and PVH guests" } else { "PV guests" };
            let found = format!(
                "control domain of Xen {}: {kinds}, {} MiB free of {}, {} domains",
                host.version,
                host.free_mib,
                host.memory_mib,
                domains.len().saturating_sub(1)
            );
            findings.push(finding("ok", &found, None));
            if !host.has_fixed_control_memory() {
                let found = "the control domain's memory is not fixed, so domains shrink it";
                let mend = "add dom0_mem=1G,max:1G to GRUB_CMDLINE_XEN_DEFAULT in /etc/default/grub, \
                            update-grub, restart";
                findings.push(finding("limited", found, Some(mend)));
            }
        }
        Err(problem) => {
            let mut found = problem.to_string();
            for cause in causes(&problem) {
                found = format!("{found}: {cause}");
            }
            findings.push(finding("missing", &found, Some("systemctl status xen xenstored")));
        }
    }
    match console_daemon() {
        None => {
            let found = "xenconsoled does not run: guests have no console and no channel";
            findings.push(finding("missing", found, Some("systemctl restart xen")));
        }
        Some(line) if !keeps_consoles(&line) => {
            let found = "xenconsoled does not keep what guests say";
            let mend = "XENCONSOLED_ARGS=--log=guest in /etc/default/xen, restart";
            findings.push(finding("limited", found, Some(mend)));
        }
        Some(_) => {}
    }
    for (module, purpose) in
        [("xen_netback", "networks of guests"), ("xen_blkback", "disks of guests")]
    {
        if !Path::new("/sys/module").join(module).exists() {
            let found = format!("the module {module} is not loaded, needed for {purpose}");
            findings.push(finding("missing", &found, Some(&format!("modprobe {module}"))));
        }
    }
    findings
}
