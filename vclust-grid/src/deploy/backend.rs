//! Hypervisors by their names in specs.

use std::path::Path;

use vclust_core::{Hypervisor, HypervisorError, HypervisorKind, HypervisorProblem};
use vclust_debian::BRIDGE;
use vclust_process::Mark;
use vclust_qemu::{Acceleration, Qemu, QemuOptions};
use vclust_xen::{Machine, ToolStack, Xen, XenOptions, XenProblem};

/// Where domains come from.
#[derive(Debug, Clone)]
pub struct Backend(Kind);

#[derive(Debug, Clone)]
enum Kind {
    Qemu(QemuOptions),
    Xen(XenOptions),
}

impl Backend {
    /// A hypervisor with its usual settings. What is found out about this machine is kept in the
    /// directory, for later calls. Xen is none where this is not the control domain of a Xen host.
    pub fn new(kind: HypervisorKind, directory: &Path) -> Result<Self, HypervisorError> {
        Ok(Self(match kind {
            HypervisorKind::Qemu => {
                let found = Some(directory.join("acceleration.json"));
                Kind::Qemu(QemuOptions { found, ..QemuOptions::default() })
            }
            HypervisorKind::Xen if Machine::this() == Machine::Host => {
                Kind::Xen(XenOptions::default())
            }
            HypervisorKind::Xen => {
                let problem = XenProblem::NoXen.into();
                return Err(HypervisorError { action: "use Xen", domain: None, problem });
            }
        }))
    }

    /// The domains of a directory, whose processes carry a mark.
    pub fn open(
        &self,
        directory: &Path,
        mark: &Mark,
    ) -> Result<Box<dyn Hypervisor>, HypervisorError> {
        Ok(match &self.0 {
            Kind::Qemu(options) => Box::new(Qemu::open(directory, mark.clone(), options.clone())?),
            Kind::Xen(options) => Box::new(Xen::open(directory, mark.clone(), options.clone())?),
        })
    }

    /// The hypervisor with what makes a machine that was saved by one not do for another, such as
    /// `qemu tcg`.
    pub fn version(&self) -> Result<String, HypervisorError> {
        match &self.0 {
            Kind::Qemu(options) => Ok(format!("qemu {}", acceleration(options)?.name())),
            Kind::Xen(options) => Ok(format!("xen {}", host(options)?.version)),
        }
    }

    /// Whether guests run on the machine's own processors.
    pub fn is_accelerated(&self) -> Result<bool, HypervisorError> {
        match &self.0 {
            Kind::Qemu(options) => Ok(acceleration(options)? != Acceleration::Emulation),
            Kind::Xen(_) => Ok(true),
        }
    }

    /// Whether domains are connected to the bridge of their cluster's network by taps, which have to be
    /// there before. A hypervisor that makes the host's ends itself is told the bridge.
    pub(super) fn bridge(&self) -> Option<String> {
        match &self.0 {
            Kind::Qemu(_) => None,
            Kind::Xen(_) => Some(BRIDGE.to_owned()),
        }
    }

    /// Bytes of memory that domains can have, where this system's own memory is not what they get; none
    /// where it is, or where there is no limit.
    pub(super) fn memory(&self) -> Result<Option<u64>, HypervisorError> {
        match &self.0 {
            Kind::Qemu(_) => Ok(None),
            Kind::Xen(options) => {
                let host = host(options)?;
                let free = host.has_fixed_control_memory().then_some(host.free_mib << 20);
                Ok(Some(free.unwrap_or(host.memory_mib << 20)))
            }
        }
    }
}

fn acceleration(options: &QemuOptions) -> Result<Acceleration, HypervisorError> {
    if let Some(known) = options.acceleration {
        return Ok(known);
    }
    let found = options.found.as_deref().unwrap_or(Path::new(""));
    Acceleration::find(&options.program, found).map_err(|error| HypervisorError {
        action: "run guests",
        domain: None,
        problem: match error.kind() {
            std::io::ErrorKind::NotFound => HypervisorProblem::Missing {
                program: options.program.display().to_string(),
                package: "qemu-system-x86",
            },
            _ => HypervisorProblem::Other(Box::new(error)),
        },
    })
}

fn host(options: &XenOptions) -> Result<vclust_xen::recorded::HostInformation, HypervisorError> {
    let failed = |problem| HypervisorError { action: "look at the host", domain: None, problem };
    ToolStack::new(options).information().map_err(failed)
}
